/* How many bytes of an HTTP/2 stream went to its connection: see delivered.h. */

#include "server/delivered.h"

#include "apr_optional.h"
#include "http_config.h"
#include "http_connection.h"
#include "http_core.h"

#include "server/conf.h"

APR_DECLARE_OPTIONAL_FN(void, ap_logio_add_bytes_out,
                        (conn_rec * c, apr_off_t bytes));

typedef APR_OPTIONAL_FN_TYPE(ap_logio_add_bytes_out) add_bytes_fn;

static add_bytes_fn *next; /* mod_logio's, NULL if it is not loaded */

/* httpd's core calls this for each write to a socket, mod_http2 once for each
 * stream when that ends. */
static void ap_logio_add_bytes_out(conn_rec *c, apr_off_t bytes)
{
    if (c->master) {
        apr_off_t *sent = ap_get_module_config(c->conn_config, &playcount_module);

        if (sent) {
            *sent += bytes;
        }
    }
    if (next) {
        next(c, bytes);
    }
}

/* The streams' own connections are made before their requests: room for the number.
 */
static int pre_connection(conn_rec *c, void *csd)
{
    if (c->master) {
        ap_set_module_config(c->conn_config, &playcount_module,
                             apr_pcalloc(c->pool, sizeof(apr_off_t)));
    }
    return OK;
}

int playcount_stream_complete(const request_rec *r)
{
    const apr_off_t *sent =
        ap_get_module_config(r->connection->conn_config, &playcount_module);
    apr_off_t body = r->sent_bodyct && !r->header_only ? r->bytes_sent : 0;

    return sent && *sent > body;
}

/* Every module has registered its optional functions by now, and none has been
 * retrieved yet: httpd's core and mod_http2 do so in post_config. */
static int pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    next = APR_RETRIEVE_OPTIONAL_FN(ap_logio_add_bytes_out);
    if (next == ap_logio_add_bytes_out) {
        next = NULL;
    }
    APR_REGISTER_OPTIONAL_FN(ap_logio_add_bytes_out);
    return OK;
}

void playcount_delivered_register_hooks(apr_pool_t *p)
{
    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_LAST);
    ap_hook_pre_connection(pre_connection, NULL, NULL, APR_HOOK_MIDDLE);
}

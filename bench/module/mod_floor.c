/* mod_floor: the least a handler can do in httpd.
 *
 * `FloorAnswer TEXT` in a <Location> answers every request there with TEXT:
 * the size and the headers of a count, without counting. The URL is claimed
 * before httpd looks for a file, as mod_playcount does. What a benchmark
 * measures against this is what counting costs, and nothing of httpd.
 */
#include "httpd.h"
#include "http_config.h"
#include "http_core.h"
#include "http_protocol.h"
#include "http_request.h"

#include "apr_strings.h"

module AP_MODULE_DECLARE_DATA floor_module;

typedef struct {
    const char *answer; /* NULL: not here */
    apr_size_t length;
} floor_conf;

static void *create_dir(apr_pool_t *p, char *dir)
{
    (void)dir;
    return apr_pcalloc(p, sizeof(floor_conf));
}

static void *merge_dir(apr_pool_t *p, void *base, void *add)
{
    (void)p;
    return ((floor_conf *)add)->answer ? add : base;
}

static const char *set_answer(cmd_parms *cmd, void *conf, const char *answer)
{
    floor_conf *c = conf;

    c->answer = apr_pstrdup(cmd->pool, answer);
    c->length = strlen(answer);
    return NULL;
}

static const floor_conf *here(request_rec *r)
{
    const floor_conf *c = ap_get_module_config(r->per_dir_config, &floor_module);

    return c->answer ? c : NULL;
}

static int claim_name(request_rec *r)
{
    if (!here(r)) {
        return DECLINED;
    }
    r->filename = r->uri;
    return OK;
}

static int claim_storage(request_rec *r)
{
    return here(r) ? OK : DECLINED;
}

static int answer(request_rec *r)
{
    const floor_conf *c = here(r);
    apr_bucket_brigade *bb;
    int status;

    if (!c) {
        return DECLINED;
    }
    status = ap_discard_request_body(r);
    if (status != OK) {
        return status;
    }
    ap_set_content_type(r, "text/plain");
    ap_set_content_length(r, (apr_off_t)c->length);
    apr_table_setn(r->headers_out, "Cache-Control", "no-store");
    bb = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_pool_create(c->answer, c->length,
                                                       r->pool, bb->bucket_alloc));
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_eos_create(bb->bucket_alloc));
    return ap_pass_brigade(r->output_filters, bb) == APR_SUCCESS ? OK
                                                                 : AP_FILTER_ERROR;
}

static void register_hooks(apr_pool_t *p)
{
    (void)p;
    ap_hook_translate_name(claim_name, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_map_to_storage(claim_storage, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_handler(answer, NULL, NULL, APR_HOOK_MIDDLE);
}

static const command_rec directives[] = {
    AP_INIT_TAKE1("FloorAnswer", set_answer, NULL, ACCESS_CONF,
                  "Text that answers every request in this location"),
    {NULL},
};

__attribute__((visibility("default")))
module AP_MODULE_DECLARE_DATA floor_module = {
    STANDARD20_MODULE_STUFF, create_dir,          merge_dir, NULL, NULL, directives,
    register_hooks,          AP_MODULE_FLAG_NONE,
};

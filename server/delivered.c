/* How many bytes of a response went out: see delivered.h. */

#include "server/delivered.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "apr_optional.h"
#include "apr_portable.h"
#include "apr_strings.h"
#include "http_config.h"
#include "http_connection.h"
#include "http_core.h"
#include "http_protocol.h"

#include "server/conf.h"
#include "server/connection.h"
#include "shm/hot.h"

#define SHORT 65536
#define ALWAYS ((apr_off_t)INT64_MAX)

APR_DECLARE_OPTIONAL_FN(void, ap_logio_add_bytes_out,
                        (conn_rec * c, apr_off_t bytes));

typedef APR_OPTIONAL_FN_TYPE(ap_logio_add_bytes_out) add_bytes_fn;

static add_bytes_fn *next; /* mod_logio's, NULL if it is not loaded */

/* --- the socket --- */

static int socket_of(conn_rec *c)
{
    apr_socket_t *socket = ap_get_conn_socket(c);
    int fd;

    return socket && apr_os_sock_get(&fd, socket) == APR_SUCCESS ? fd : -1;
}

static void set_short(conn_rec *c, int bytes)
{
    setsockopt(socket_of(c), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, sizeof(bytes));
}

/* What the kernel has taken and the client has not acknowledged. */
static apr_off_t unsent(conn_rec *c)
{
    int n = 0;

    return ioctl(socket_of(c), SIOCOUTQ, &n) == 0 && n > 0 ? n : 0;
}

/* --- counting --- */

/* What is short stays so up to there. */
static void watch_up_to(playcount_connection *k, apr_off_t at)
{
    apr_off_t end = atomic_load_explicit(&k->short_to, memory_order_relaxed);

    k->watch_at = at;
    if (end && end < at) {
        atomic_store_explicit(&k->short_to, at, memory_order_relaxed);
    }
}

/* There may be a new point, or none, when this returns. */
static PLAYCOUNT_COLD void reached(playcount_connection *k)
{
    request_rec *first = k->watched;
    apr_off_t more;

    k->watch_at = 0;
    more = k->reached(first);
    if (more > 0) {
        watch_up_to(k, k->written + more);
    }
    else {
        k->watched = NULL;
    }
}

/* httpd's core calls this for each write to a socket, mod_http2 once for each
 * stream when that ends. */
static PLAYCOUNT_HOT void ap_logio_add_bytes_out(conn_rec *c, apr_off_t bytes)
{
    playcount_connection *k = playcount_connection_of(c);

    if (k && c->master) {
        k->sent += bytes;
    }
    else if (k && k->counts) {
        apr_off_t end = atomic_load_explicit(&k->short_to, memory_order_relaxed);

        k->written += bytes;
        if (end && k->written >= end) {
            atomic_store_explicit(&k->short_to, 0, memory_order_relaxed);
            set_short(c, 0);
        }
        if (PLAYCOUNT_SELDOM(k->watch_at && k->written >= k->watch_at)) {
            reached(k);
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
        playcount_connection_get(c);
    }
    return OK;
}

int playcount_stream_complete(const request_rec *r)
{
    const playcount_connection *k = playcount_connection_of(r->connection);
    apr_off_t body = r->sent_bodyct && !r->header_only ? r->bytes_sent : 0;

    return k && k->sent > body;
}

/* What is left of the connection now was never written. */
static apr_status_t clear_away(void *data)
{
    playcount_connection *k = data;

    k->gone = 1;
    return APR_SUCCESS;
}

/* The last moment at which an unfinished connection still has its socket. */
static int pre_close(conn_rec *c)
{
    playcount_connection *k = playcount_connection_of(c);

    if (k && k->counts && c->data_in_output_filters) {
        k->unsent = unsent(c);
    }
    return OK;
}

static PLAYCOUNT_COLD playcount_connection *count(conn_rec *c)
{
    playcount_connection *k = playcount_connection_get(c);

    k->counts = 1;
    apr_pool_pre_cleanup_register(c->pool, k, clear_away);
    return k;
}

PLAYCOUNT_HOT apr_off_t playcount_delivered_mark(request_rec *r)
{
    conn_rec *c = r->connection;
    const playcount_connection *k;

    if (c->master) {
        return 0;
    }
    k = playcount_connection_of(c);
    if (!k || !k->counts) {
        k = count(c);
    }
    return c->data_in_output_filters ? -1 : k->written;
}

static apr_status_t unwatch(void *data)
{
    request_rec *first = data;
    playcount_connection *k = playcount_connection_of(first->connection);

    if (k->watched == first) {
        k->watch_at = 0;
        k->watched = NULL;
    }
    return APR_SUCCESS;
}

void playcount_delivered_watch(request_rec *first, apr_off_t mark, apr_off_t bytes,
                               playcount_delivered_reached *call)
{
    playcount_connection *k = playcount_connection_of(first->connection);

    if (first->connection->master || mark < 0 || !k || !k->counts ||
        (k->watched && k->watched != first)) {
        return;
    }
    if (!k->watched) {
        apr_pool_cleanup_register(first->pool, first, unwatch,
                                  apr_pool_cleanup_null);
    }
    k->watched = first;
    k->reached = call;
    watch_up_to(k, mark + bytes);
}

/* Where the connection stands when `bytes` more have been written. The streams of
 * HTTP/2 have threads of their own and do not know. */
static apr_off_t short_end(const request_rec *r, const playcount_connection *k,
                           apr_off_t bytes)
{
    return r->connection->master ? ALWAYS : k->written + bytes;
}

static conn_rec *with_socket(const request_rec *r)
{
    conn_rec *c = r->connection;

    return c->master ? c->master : c;
}

int playcount_delivered_is_short(const request_rec *r, apr_off_t bytes)
{
    playcount_connection *k = playcount_connection_of(with_socket(r));

    return k && atomic_load_explicit(&k->short_to, memory_order_relaxed) >=
                    short_end(r, k, bytes);
}

void playcount_delivered_keep_short(request_rec *r, apr_off_t bytes)
{
    conn_rec *c = with_socket(r);
    playcount_connection *k = playcount_connection_of(c);
    apr_off_t end = 0, to;

    if (!k) {
        return;
    }
    /* Twice as long: a player's next requests need not ask again. */
    to = short_end(r, k, 2 * bytes);
    if (atomic_compare_exchange_strong(&k->short_to, &end, to)) {
        set_short(c, SHORT);
    }
    else if (end < to) {
        atomic_store(&k->short_to, to);
    }
}

void playcount_delivered_end_short(request_rec *r)
{
    playcount_connection *k = playcount_connection_of(r->connection);

    if (k && !r->connection->master && atomic_exchange(&k->short_to, 0)) {
        set_short(r->connection, 0);
    }
}

/* --- how much of a response that was cut off, or is under way --- */

static int add_header(void *sum, const char *name, const char *value)
{
    *(apr_off_t *)sum += (apr_off_t)(strlen(name) + strlen(value) + 4);
    return 1;
}

/* Bytes of the status line and the headers, or a few more. */
static apr_off_t head_of(const request_rec *r)
{
    apr_off_t sum = 256; /* status line, Date, Server */

    apr_table_do(add_header, &sum, r->headers_out, NULL);
    apr_table_do(add_header, &sum, r->err_headers_out, NULL);
    return sum;
}

/* Lines of chunks, headers of frames and of records. */
static apr_off_t without_framing(const request_rec *r, apr_off_t bytes)
{
    conn_rec *c = r->connection;

    if (c->master) {
        return bytes - bytes / 100;
    }
    if (!ap_cstr_casecmp(ap_run_http_scheme(r), "https")) {
        return bytes - bytes / 50;
    }
    return r->chunked ? bytes - bytes / 100 : bytes;
}

/* Of so many bytes of a response, its head among them, how many are its body's. */
static apr_off_t body_in(const request_rec *r, apr_off_t out)
{
    apr_off_t body = r->header_only ? 0 : r->bytes_sent;

    out = without_framing(r, out - head_of(r));
    return out < 0 ? 0 : out < body ? out : body;
}

apr_off_t playcount_delivered_written(const request_rec *r, apr_off_t mark)
{
    return body_in(r, playcount_connection_of(r->connection)->written - mark);
}

apr_off_t playcount_delivered_so_far(const request_rec *r, apr_off_t mark)
{
    conn_rec *c = r->connection;

    return body_in(r, playcount_connection_of(c)->written - mark - unsent(c));
}

PLAYCOUNT_HOT apr_off_t playcount_delivered_body(const request_rec *r,
                                                 apr_off_t mark)
{
    conn_rec *c = r->connection;
    const playcount_connection *k = playcount_connection_of(c);
    apr_off_t body = r->header_only ? 0 : r->bytes_sent, out;

    if (c->master) {
        if (playcount_stream_complete(r)) {
            return body;
        }
        out = k ? k->sent : 0;
    }
    else {
        if (!c->aborted && !(k && k->gone)) {
            return body;
        }
        if (mark < 0 || !k || !k->counts) {
            return 0;
        }
        out = k->written - mark - (k->gone ? k->unsent : unsent(c));
    }
    return body_in(r, out);
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
    ap_hook_pre_close_connection(pre_close, NULL, NULL, APR_HOOK_MIDDLE);
}

/* From a request that httpd answered to a kind that the lane may answer.
 *
 *     process_connection   the bytes that wait in the socket are looked at: are
 *                          they a request of the strict form? They stay there;
 *                          httpd reads them.
 *     insert_filter        httpd has checked all it checks, and our handler is
 *                          next: is this the request of these bytes, and is there
 *                          nothing in which another one like it could differ?
 *     the watching filter  the last one before the network: what did httpd answer?
 *     process_connection   when it is over: could the lane have given that answer?
 *                          Then it is a kind.
 *
 * Until the last step nothing is decided, and whatever is not as expected ends it.
 */

#include "lane/lane.h"

#include "apr_strings.h"
#include "http_core.h"
#include "http_log.h"
#include "http_protocol.h"
#include "http_request.h"

#include "lane/survey.h"
#include "metrics/metrics.h"
#include "server/request.h"
#include "server/root.h"

APLOG_USE_MODULE(playcount);

typedef enum { NOTHING, BYTES, ASKED, ANSWERED } stage;

struct playcount_lane_learner {
    stage stage;
    apr_size_t request_length, answer_length;
    playcount_lane_kind kind; /* as far as it is known */
    apr_size_t id, id_length; /* where in the request */
    char request[PLAYCOUNT_LANE_REQUEST_MAX];
    char answer[PLAYCOUNT_LANE_REPLY_MAX];
};

static ap_filter_rec_t *watcher;

/* --- the bytes --- */

void playcount_lane_learn_rest(playcount_lane_connection *k)
{
    free(k->learner);
    k->learner = NULL;
}

static apr_status_t free_all(void *data)
{
    playcount_lane_connection *k = data;

    playcount_lane_learn_rest(k);
    for (int i = 0; i < k->n_kinds; i++) {
        playcount_lane_kind_release(k->kinds[i]);
    }
    k->n_kinds = 0;
    return APR_SUCCESS;
}

void playcount_lane_learn_begin(playcount_lane_connection *k, const char *bytes,
                                apr_size_t n)
{
    playcount_lane_learner *l = k->learner;

    if (!l) {
        k->learner = l = ap_malloc(sizeof(*l));
    }
    l->stage = n ? BYTES : NOTHING;
    l->request_length = n < sizeof(l->request) ? n : sizeof(l->request);
    if (n) {
        memcpy(l->request, bytes, l->request_length);
    }
}

/* --- the request --- */

/* Is this the request that the bytes are, below this root? */
static int is_of_bytes(request_rec *r, playcount_lane_learner *l,
                       apr_size_t root_length)
{
    playcount_lane_pattern *p = &l->kind.pattern;
    apr_size_t length =
        playcount_lane_learn(l->request, l->request_length, r->uri, root_length, p);
    apr_size_t line;

    if (!length) {
        return 0;
    }
    line = length - p->tail_length + strlen(" HTTP/1.1");
    if (strlen(r->the_request) != line ||
        memcmp(r->the_request, l->request, line)) {
        return 0;
    }
    l->request_length = length;
    l->id = p->head_length;
    l->id_length = length - p->tail_length - p->head_length;
    l->id_length = strcspn(r->the_request + l->id, "? ");
    p->line_max = r->server->limit_req_line > 2
                      ? (apr_size_t)r->server->limit_req_line - 2
                      : PLAYCOUNT_LANE_REQUEST_MAX;
    return playcount_lane_has_headers(r, p);
}

static void take_settings(playcount_lane_kind *kind, request_rec *r)
{
    const server_rec *s = r->server;

    kind->zone = playcount_request_complete(r)->zone->zone;
    kind->adds = r->method_number == M_POST;
    kind->keep_alive_max = s->keep_alive_max;
    kind->timeout = s->timeout;
    /* As httpd does: the base server's, unless the virtual host has its own. */
    kind->keep_alive = s->keep_alive_timeout_set
                           ? s->keep_alive_timeout
                           : r->connection->base_server->keep_alive_timeout;
}

void playcount_lane_learn_request(playcount_lane_connection *k, request_rec *r)
{
    playcount_lane_learner *l = k->learner;
    const playcount_lane_place *place;
    apr_size_t root;

    if (!l || l->stage != BYTES) {
        return;
    }
    l->stage = NOTHING;
    if (!playcount_lane_is_on(r->server) || !playcount_lane_is_plain(r) ||
        ap_some_authn_required(r)) {
        return;
    }
    root = playcount_request_complete(r)->root;
    place = playcount_lane_place_of(r->server, r->uri, root);
    if (!place || place->refusal || !is_of_bytes(r, l, root) ||
        !playcount_metrics_lane_route(r, &l->kind.route, &l->kind.method)) {
        return;
    }
    take_settings(&l->kind, r);
    l->answer_length = 0;
    l->stage = ASKED;
}

/* --- the answer --- */

static void record(playcount_lane_learner *l, apr_bucket_brigade *bb)
{
    for (apr_bucket *b = APR_BRIGADE_FIRST(bb); b != APR_BRIGADE_SENTINEL(bb);
         b = APR_BUCKET_NEXT(b)) {
        const char *data;
        apr_size_t n;

        if (AP_BUCKET_IS_EOR(b)) {
            l->stage = ANSWERED;
            return;
        }
        if (APR_BUCKET_IS_METADATA(b)) {
            continue;
        }
        if (b->length > sizeof(l->answer) - l->answer_length ||
            apr_bucket_read(b, &data, &n, APR_NONBLOCK_READ) != APR_SUCCESS ||
            n > sizeof(l->answer) - l->answer_length) {
            l->stage = NOTHING;
            return;
        }
        memcpy(l->answer + l->answer_length, data, n);
        l->answer_length += n;
    }
}

/* Bytes that stay where they are, and ends; nothing else. */
static int may_wait(const apr_bucket_brigade *bb)
{
    for (apr_bucket *b = APR_BRIGADE_FIRST(bb); b != APR_BRIGADE_SENTINEL(bb);
         b = APR_BUCKET_NEXT(b)) {
        if (!APR_BUCKET_IS_HEAP(b) && !APR_BUCKET_IS_IMMORTAL(b) &&
            !APR_BUCKET_IS_EOS(b) && !AP_BUCKET_IS_EOR(b)) {
            return 0;
        }
    }
    return 1;
}

/* httpd sets an answer aside until it knows what comes next, and makes a pool for
 * that which lives as long as the connection: a third of what an idle connection
 * takes. So the first answer, for which there is room in the socket, waits here
 * instead. */
static apr_status_t watch(ap_filter_t *f, apr_bucket_brigade *bb)
{
    playcount_lane_connection *k = f->ctx;

    if (k->learner && k->learner->stage == ASKED) {
        record(k->learner, bb);
        if (k->learner->stage != NOTHING && k->holds && may_wait(bb)) {
            if (!k->held) {
                k->held = apr_brigade_create(f->c->pool, f->c->bucket_alloc);
            }
            APR_BRIGADE_CONCAT(k->held, bb);
            return APR_SUCCESS;
        }
    }
    if (k->held) {
        APR_BRIGADE_PREPEND(bb, k->held);
    }
    return ap_pass_brigade(f->next, bb);
}

void playcount_lane_learn_send(playcount_lane_connection *k)
{
    conn_rec *c = k->c;
    apr_bucket_brigade *bb = k->held;

    k->holds = 0;
    k->held = NULL;
    if (bb) {
        if (!c->data_in_input_filters) {
            APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_flush_create(c->bucket_alloc));
        }
        ap_pass_brigade(c->output_filters, bb);
        apr_brigade_destroy(bb);
    }
}

/* --- the kind --- */

static int is_known_already(playcount_lane_connection *k,
                            const playcount_lane_learner *l)
{
    playcount_lane_request request;
    playcount_lane_kind *kind;

    return playcount_lane_find(k, l->request, l->request_length, &kind, &request) ==
           PLAYCOUNT_LANE_KNOWN;
}

/* The newest replaces the oldest. */
static void add_kind(playcount_lane_connection *k, const playcount_lane_learner *l)
{
    playcount_lane_kind *kind = playcount_lane_kind_take(&l->kind);

    if (k->n_kinds < PLAYCOUNT_LANE_KINDS) {
        k->last_kind = k->n_kinds++;
    }
    else {
        k->last_kind = (k->last_kind + 1) % PLAYCOUNT_LANE_KINDS;
        playcount_lane_kind_release(k->kinds[k->last_kind]);
    }
    k->kinds[k->last_kind] = kind;
}

int playcount_lane_learn_end(playcount_lane_connection *k)
{
    playcount_lane_learner *l = k->learner;

    if (!l || l->stage != ANSWERED) {
        return 0;
    }
    l->stage = NOTHING;
    if (k->c->keepalive != AP_CONN_KEEPALIVE) {
        return 0;
    }
    if (is_known_already(k, l)) {
        return 1;
    }
    if (!playcount_lane_reply_learn(&l->kind.reply, l->answer, l->answer_length,
                                    l->request + l->id, l->id_length,
                                    *l->request == 'H')) {
        return 0;
    }
    add_kind(k, l);
    return 1;
}

void playcount_lane_learn_connection(playcount_lane_connection *k)
{
    k->watching = ap_add_output_filter_handle(watcher, k, NULL, k->c);
    apr_pool_cleanup_register(k->c->pool, k, free_all, apr_pool_cleanup_null);
}

void playcount_lane_learn_register(void)
{
    watcher = ap_register_output_filter("PLAYCOUNT_LANE_WATCH", watch, NULL,
                                        AP_FTYPE_NETWORK - 1);
}

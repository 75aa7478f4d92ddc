/* The lane's hooks: how connections come to the loop; start and stop. */

#include "lane/lane.h"

#include <errno.h>
#include <sys/socket.h>

#include "ap_mpm.h"
#include "apr_portable.h"
#include "http_connection.h"
#include "http_core.h"
#include "http_log.h"
#include "http_protocol.h"
#include "http_request.h"
#include "mpm_common.h"

#include "lane/account.h"
#include "lane/survey.h"
#include "lane/worker.h"
#include "server/connection.h"

APLOG_USE_MODULE(playcount);

static int open_places; /* where the lane may answer; 0: it is not there */
static int running;     /* in this child */
static int loops; /* connections are the loop's; 0: each stays with its thread */

static playcount_lane_connection *of(conn_rec *c)
{
    const playcount_connection *k = playcount_connection_of(c);

    return k ? k->lane : NULL;
}

/* --- connections --- */

/* Nothing stands between the socket and HTTP that would change a byte. */
static int is_bare(const conn_rec *c)
{
    static const char *const known[] = {"core", "core_in", "log_input_output",
                                        "reqtimeout", NULL};
    const ap_filter_t *chains[] = {c->input_filters, c->output_filters};

    for (int i = 0; i < 2; i++) {
        for (const ap_filter_t *f = chains[i]; f; f = f->next) {
            int n = 0;

            while (known[n] && strcmp(known[n], f->frec->name)) {
                n++;
            }
            if (!known[n]) {
                return 0;
            }
        }
    }
    return 1;
}

static playcount_lane_connection *get_acquainted(conn_rec *c)
{
    playcount_lane_connection *k;
    int fd;

    if (c->master || (loops && !c->cs) || c->clogging_input_filters ||
        c->keepalives || !is_bare(c) ||
        apr_os_sock_get(&fd, ap_get_conn_socket(c)) != APR_SUCCESS) {
        return NULL;
    }
    k = apr_pcalloc(c->pool, sizeof(*k));
    k->c = c;
    k->fd = fd;
    playcount_connection_get(c)->lane = k;
    playcount_lane_learn_connection(k);
    return k;
}

/* Take the connection out of httpd's hands. */
static int enter(playcount_lane_connection *k, const playcount_lane_kind *kind)
{
    k->keep_alive = kind->keep_alive;
    k->timeout = kind->timeout;
    playcount_lane_learn_rest(k);
    playcount_lane_trim(k->c);
    k->state = PLAYCOUNT_LANE_ENTERING;
    ap_update_child_status(k->c->sbh, SERVER_BUSY_KEEPALIVE, NULL);
    k->c->cs->state = CONN_STATE_SUSPENDED;
    return OK;
}

/* The kind of the request that waits, if it is the lane's. */
static const playcount_lane_kind *kind_of(playcount_lane_connection *k,
                                          const char *bytes, apr_size_t n)
{
    playcount_lane_request request;
    playcount_lane_kind *kind;

    return k->n_kinds && k->c->keepalives && !playcount_lane_loop_stopping() &&
                   playcount_lane_find(k, bytes, n, &kind, &request) ==
                       PLAYCOUNT_LANE_KNOWN
               ? kind
               : NULL;
}

/* The rest of httpd serves a request. When it is of a known kind now, and all is
 * sent, the loop waits for the next one, and not the MPM. */
static int serve(playcount_lane_connection *k)
{
    conn_rec *c = k->c;
    int rv, known;

    k->serving = 1;
    k->holds = !c->keepalives;
    rv = ap_run_process_connection(c);
    k->serving = 0;
    known = playcount_lane_learn_end(k);
    playcount_lane_learn_send(k);
    if (known && (rv == OK || rv == DONE) &&
        c->cs->state == CONN_STATE_WRITE_COMPLETION &&
        c->cs->sense == CONN_SENSE_DEFAULT && !playcount_lane_loop_stopping() &&
        playcount_lane_complete(k) == PLAYCOUNT_LANE_READ_ON &&
        !c->data_in_input_filters) {
        return enter(k, k->kinds[k->last_kind]);
    }
    return rv;
}

static int process_connection(conn_rec *c)
{
    playcount_lane_connection *k = running ? of(c) : NULL;
    const playcount_lane_kind *kind;
    char bytes[PLAYCOUNT_LANE_REQUEST_MAX];
    ssize_t n;

    if (!running || (k && k->serving)) {
        return DECLINED;
    }
    if (!loops) {
        if (!k && (k = get_acquainted(c))) {
            playcount_lane_stay(k);
        }
        return DECLINED;
    }
    playcount_lane_worker_turn();
    if (!k && !(k = get_acquainted(c))) {
        return DECLINED;
    }
    if (k->state == PLAYCOUNT_LANE_LENT) {
        playcount_lane_learn_end(k);
        playcount_lane_learn_begin(k, k->in, k->in_length);
        return DECLINED;
    }
    if (c->data_in_input_filters) {
        playcount_lane_learn_begin(k, NULL, 0);
        return DECLINED;
    }
    n = recv(k->fd, bytes, sizeof(bytes), MSG_PEEK | MSG_DONTWAIT);
    n = n < 0 ? 0 : n;
    kind = kind_of(k, bytes, (apr_size_t)n);
    if (kind) {
        return enter(k, kind);
    }
    playcount_lane_learn_begin(k, bytes, (apr_size_t)n);
    return serve(k);
}

/* The MPM suspends it: from here on it is the loop's. */
static void suspend_connection(conn_rec *c, request_rec *r)
{
    playcount_lane_connection *k = running ? of(c) : NULL;

    if (!k || k->state != PLAYCOUNT_LANE_ENTERING ||
        c->cs->state != CONN_STATE_SUSPENDED) {
        return;
    }
    k->turns = playcount_lane_worker_turn();
    k->turn = atomic_load(k->turns);
    k->score = ap_get_scoreboard_worker(c->sbh);
    playcount_lane_give_entering(k);
}

static void insert_filter(request_rec *r)
{
    playcount_lane_connection *k = running ? of(r->connection) : NULL;

    if (k) {
        playcount_lane_learn_request(k, r);
    }
}

/* --- start and stop --- */

static int pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    playcount_lane_wanted = 0;
    return OK;
}

static int can_serve(server_rec *s)
{
    const char *mpm = ap_show_mpm();

    loops = !strcmp(mpm, "event");
    if (loops || !strcmp(mpm, "worker") || !strcmp(mpm, "prefork")) {
        return 1;
    }
    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s,
                 "PlaycountLane: there is no lane under %s, only under event, "
                 "worker and prefork; all requests are answered as without it",
                 mpm);
    return 0;
}

static int post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                       server_rec *s)
{
    apr_status_t rv;

    open_places = 0;
    if (playcount_lane_wanted &&
        ap_state_query(AP_SQ_MAIN_STATE) != AP_SQ_MS_CREATE_PRE_CONFIG &&
        can_serve(s)) {
        open_places = playcount_lane_survey(s, pconf, ptemp);
        rv = playcount_lane_account_open(s);
        if (rv != APR_SUCCESS) {
            ap_log_error(
                APLOG_MARK, APLOG_ERR, rv, s,
                "PlaycountLane: no shared memory for its numbers; mod_status "
                "does not show them");
        }
    }
    return OK;
}

static void child_init(apr_pool_t *p, server_rec *s)
{
    apr_status_t rv;

    if (!open_places) {
        return;
    }
    playcount_lane_account_child();
    if (!loops) {
        running = 1;
        return;
    }
    playcount_lane_lend_child();
    rv = playcount_lane_worker_child();
    if (rv == APR_SUCCESS) {
        rv = playcount_lane_loop_start(p, s);
    }
    running = rv == APR_SUCCESS;
    if (!running) {
        ap_log_error(
            APLOG_MARK, APLOG_ERR, rv, s,
            "PlaycountLane: this child has no lane, its loop does not start; "
            "requests are answered as without it");
    }
}

static void child_stopping(apr_pool_t *p, int graceful)
{
    if (running && loops) {
        playcount_lane_loop_stop(graceful);
    }
}

static void child_status(server_rec *s, pid_t pid, ap_generation_t gen, int slot,
                         mpm_child_status status)
{
    if (status == MPM_CHILD_EXITED) {
        playcount_lane_account_ended(pid);
    }
}

static void register_hooks(apr_pool_t *p)
{
    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_REALLY_LAST);
    /* After the metrics' and the zones'. */
    ap_hook_child_init(child_init, NULL, NULL, APR_HOOK_REALLY_LAST);
    ap_hook_child_status(child_status, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_stopping(child_stopping, NULL, NULL, APR_HOOK_MIDDLE);
    /* Before anything has been read from the connection. */
    ap_hook_process_connection(process_connection, NULL, NULL,
                               APR_HOOK_REALLY_FIRST);
    ap_hook_suspend_connection(suspend_connection, NULL, NULL,
                               APR_HOOK_REALLY_LAST);
    /* After the metrics' filter. */
    ap_hook_insert_filter(insert_filter, NULL, NULL, APR_HOOK_REALLY_LAST);
    playcount_lane_learn_register();
    playcount_lane_lend_register();
    playcount_lane_stay_register();
    playcount_lane_account_register();
}

const playcount_room playcount_lane_room = {
    .name = "lane",
    .create_server = playcount_lane_create_server,
    .merge_server = playcount_lane_merge_server,
    .register_hooks = register_hooks,
};

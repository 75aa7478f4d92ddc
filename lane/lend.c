/* Gives a connection of the loop to a worker of httpd, and takes it back.
 *
 * A timed callback of the MPM that is due at once runs in one of its workers, so
 * httpd serves the connection in a thread that it counts and shows. What follows is
 * what the MPM does with a connection: run process_connection, send what is left,
 * and see what comes next; only that this is the loop's to wait for.
 *
 * The MPM counts a worker that runs a callback as idle. So no more than half
 * of them are lent at a time; the other connections wait for their turn.
 *
 * The bytes that the loop has read come to httpd by an input filter next to the
 * network. */

#include "lane/lane.h"

#include <sys/socket.h>

#include "ap_mpm.h"
#include "http_connection.h"
#include "http_core.h"
#include "http_log.h"
#include "http_protocol.h"
#include "mpm_common.h"

#include "lane/account.h"
#include "lane/loop.h"
#include "lane/worker.h"

APLOG_USE_MODULE(playcount);

static ap_filter_rec_t *giver;
static int most = 1; /* workers lent at a time */

/* Of the loop's thread. */
static int lent;
static playcount_lane_connection *first, *last; /* that wait, by `next` */

/* --- the bytes already read --- */

static void drop(playcount_lane_connection *k, apr_size_t n)
{
    k->in_length -= n;
    memmove(k->in, k->in + n, k->in_length);
}

/* Where none are left their memory goes. */
static void tidy(playcount_lane_connection *k)
{
    if (!k->in_length) {
        free(k->in);
        k->in = NULL;
    }
}

static void add_copy(apr_bucket_brigade *bb, const char *bytes, apr_size_t n)
{
    APR_BRIGADE_INSERT_TAIL(
        bb, apr_bucket_heap_create(bytes, n, NULL, bb->bucket_alloc));
}

/* The bytes up to the end of the line, or all; httpd asks again for the rest. */
static apr_size_t line_length(const playcount_lane_connection *k)
{
    const char *end = memchr(k->in, '\n', k->in_length);

    return end ? (apr_size_t)(end - k->in) + 1 : k->in_length;
}

apr_size_t playcount_lane_take_back(playcount_lane_connection *k, char *to,
                                    apr_size_t room)
{
    apr_size_t n = k->in_length < room ? k->in_length : room;

    memcpy(to, k->in, n);
    drop(k, n);
    tidy(k);
    return n;
}

apr_status_t playcount_lane_give_bytes(ap_filter_t *f, apr_bucket_brigade *bb,
                                       ap_input_mode_t mode, apr_read_type_e block,
                                       apr_off_t wanted)
{
    playcount_lane_connection *k = f->ctx;
    apr_size_t n = k->in_length;

    if (mode == AP_MODE_EATCRLF) {
        while (k->in_length && (*k->in == '\r' || *k->in == '\n')) {
            drop(k, 1);
        }
        if (k->in_length) {
            return APR_SUCCESS;
        }
    }
    if (!k->in_length) {
        tidy(k);
        return ap_get_brigade(f->next, bb, mode, block, wanted);
    }
    if (mode == AP_MODE_INIT) {
        return APR_SUCCESS;
    }
    if (mode == AP_MODE_GETLINE) {
        n = line_length(k);
    }
    else if (mode != AP_MODE_EXHAUSTIVE && wanted < (apr_off_t)n) {
        n = (apr_size_t)wanted;
    }
    add_copy(bb, k->in, n);
    if (mode != AP_MODE_SPECULATIVE) {
        drop(k, n);
    }
    return APR_SUCCESS;
}

/* --- in a worker --- */

/* What requests have taken and given back is kept for the next one, by the list of
 * the connection's own allocator. An idle connection needs none of it. There is no
 * call to empty the list: what is taken from it is not kept when it comes back
 * while nothing may be kept. A request leaves two or three blocks there. */
void playcount_lane_trim(conn_rec *c)
{
    apr_allocator_t *allocator = apr_pool_allocator_get(c->pool);
    apr_memnode_t *kept[4];

    for (int i = 0; i < 4; i++) {
        kept[i] = apr_allocator_alloc(allocator, 1);
    }
    apr_allocator_max_free_set(allocator, 1);
    for (int i = 0; i < 4; i++) {
        if (kept[i]) {
            kept[i]->next = NULL;
            apr_allocator_free(allocator, kept[i]);
        }
    }
    apr_allocator_max_free_set(allocator, ap_max_mem_free);
}

/* Send what is left. */
playcount_lane_wish_e playcount_lane_complete(playcount_lane_connection *k)
{
    conn_rec *c = k->c;
    ap_filter_t *f = c->output_filters;

    ap_update_child_status(c->sbh, SERVER_BUSY_WRITE, NULL);
    while (f->next) {
        f = f->next;
    }
    if (f->frec->filter_func.out_func(f, NULL) != APR_SUCCESS) {
        return PLAYCOUNT_LANE_CLOSE;
    }
    if (c->data_in_output_filters) {
        return PLAYCOUNT_LANE_AWAIT_OUTPUT;
    }
    if (c->keepalive != AP_CONN_KEEPALIVE || c->aborted) {
        return PLAYCOUNT_LANE_CLOSE;
    }
    return strcmp(ap_get_protocol(c), AP_PROTOCOL_HTTP1)
               ? PLAYCOUNT_LANE_AWAIT_INPUT
               : PLAYCOUNT_LANE_READ_ON;
}

/* One request, as event's process_socket() has it. */
static playcount_lane_wish_e process(playcount_lane_connection *k)
{
    conn_rec *c = k->c;
    int rv;

    c->cs->state = CONN_STATE_PROCESSING;
    c->cs->sense = CONN_SENSE_DEFAULT;
    rv = ap_run_process_connection(c);
    if ((rv != OK && rv != DONE) || c->aborted) {
        return PLAYCOUNT_LANE_CLOSE;
    }
    switch (c->cs->state) {
    case CONN_STATE_KEEPALIVE:
    case CONN_STATE_WRITE_COMPLETION:
        c->cs->state = CONN_STATE_WRITE_COMPLETION;
        return playcount_lane_complete(k);
    case CONN_STATE_ASYNC_WAITIO:
        return c->cs->sense == CONN_SENSE_WANT_WRITE ? PLAYCOUNT_LANE_AWAIT_OUTPUT
                                                     : PLAYCOUNT_LANE_AWAIT_INPUT;
    default:
        return PLAYCOUNT_LANE_CLOSE;
    }
}

/* All that httpd has read ahead is httpd's; what the filter still has is the loop's
 * again. */
static playcount_lane_wish_e serve(playcount_lane_connection *k)
{
    conn_rec *c = k->c;
    playcount_lane_wish_e wish = k->wish == PLAYCOUNT_LANE_AWAIT_OUTPUT &&
                                         c->cs->state == CONN_STATE_WRITE_COMPLETION
                                     ? playcount_lane_complete(k)
                                     : process(k);

    while (wish == PLAYCOUNT_LANE_READ_ON && !k->in_length &&
           c->data_in_input_filters) {
        wish = process(k);
    }
    if (wish == PLAYCOUNT_LANE_READ_ON) {
        playcount_lane_learn_end(k);
        playcount_lane_learn_rest(k);
        playcount_lane_trim(c);
        tidy(k);
        c->data_in_input_filters = 0;
    }
    return wish;
}

static void start_closing(playcount_lane_connection *k)
{
    apr_socket_timeout_set(ap_get_conn_socket(k->c), apr_time_from_sec(2));
    k->ended = ap_start_lingering_close(k->c) != 0;
}

static void run(void *data)
{
    playcount_lane_connection *k = data;
    conn_rec *c = k->c;

    playcount_lane_worker_turn();
    if (!k->sbh) {
        ap_create_sb_handle(&k->sbh, c->pool, 0, 0);
    }
    playcount_lane_worker_sit(c, k->sbh);
    c->current_thread = ap_thread_current();
    if (k->expired) {
        /* Time is up: let httpd find that out at once. */
        apr_socket_timeout_set(ap_get_conn_socket(c), 1000);
    }
    ap_run_resume_connection(c, NULL);
    k->wish = serve(k);
    if (k->expired) {
        k->expired = 0;
        apr_socket_timeout_set(ap_get_conn_socket(c), k->timeout);
    }
    if (k->wish == PLAYCOUNT_LANE_CLOSE) {
        start_closing(k);
    }
    ap_run_suspend_connection(c, NULL);
    c->sbh = NULL;
    playcount_lane_give(k);
}

/* --- in the loop's thread --- */

static void call_worker(playcount_lane_connection *k)
{
    /* Due a second ago: the MPM looks at it at once, whatever else it waits for. */
    if (ap_mpm_register_timed_callback(-apr_time_from_sec(1), run, k) !=
        APR_SUCCESS) {
        k->c->aborted = 1;
        playcount_lane_destroy(k);
        return;
    }
    lent++;
    playcount_lane_account_lent();
}

void playcount_lane_lend(playcount_lane_connection *k)
{
    playcount_lane_unwatch(k);
    k->state = PLAYCOUNT_LANE_LENT;
    k->deadline = INT64_MAX;
    /* It stays: with nothing to give it stands aside. */
    if (k->in && !k->gives) {
        ap_add_input_filter_handle(giver, k, NULL, k->c);
        k->gives = 1;
    }
    if (lent < most) {
        call_worker(k);
        return;
    }
    k->next = NULL;
    if (first) {
        last->next = k;
    }
    else {
        first = k;
    }
    last = k;
}

void playcount_lane_lend_returned(void)
{
    lent--;
}

void playcount_lane_lend_waiting(void)
{
    while (first && lent < most) {
        playcount_lane_connection *k = first;

        first = k->next;
        call_worker(k);
    }
}

void playcount_lane_lend_register(void)
{
    giver = ap_register_input_filter("PLAYCOUNT_LANE_IN", playcount_lane_give_bytes,
                                     NULL, AP_FTYPE_NETWORK - 1);
}

void playcount_lane_lend_child(void)
{
    int threads = 0;

    ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads);
    most = threads > 3 ? threads / 2 : 1;
}

/* Worker and prefork, where a thread stays with its connection: httpd reads one
 * request after the other in it, and serves them. There the lane answers from
 * within that reading. An input filter next to the network answers what it knows,
 * waits for more, and lets httpd have the first request that is something else:
 *
 *     httpd     reads a request .......................... serves it
 *                    |            ^                            |
 *                    v            | another request            | ... is over
 *     this filter    +-> answers what is known,                v
 *                        waits for the next <------------------+
 *
 * So the connection never leaves its thread, and whatever the MPM counts and limits
 * is as without the lane. What is saved is httpd's own work on a request. The bytes
 * come from the core's filter and go out through it; time limits are those of the
 * socket, which httpd has set and finds again. */

#include "lane/lane.h"

#include <sys/socket.h>

#include "ap_mpm.h"
#include "http_connection.h"
#include "http_core.h"
#include "http_protocol.h"
#include "util_time.h"

#include "lane/account.h"
#include "metrics/clock.h"
#include "metrics/metrics.h"
#include "server/connection.h"

#define GROUP 8 /* requests that are answered together */

static ap_filter_rec_t *stayer;

static int is_stopping(void)
{
    int state = 0;

    return ap_mpm_query(AP_MPMQ_MPM_STATE, &state) != APR_SUCCESS ||
           state == AP_MPMQ_STOPPING;
}

/* --- answering --- */

/* The known ones at the beginning of these bytes, at most GROUP. */
static int find_asks(playcount_lane_connection *k, const char *bytes, apr_size_t n,
                     playcount_lane_ask asks[GROUP])
{
    apr_size_t at = 0;
    int found = 0;

    while (found < GROUP && at < n) {
        playcount_lane_ask *a = &asks[found];

        if (playcount_lane_find(k, bytes + at, n - at, &a->kind, &a->request) !=
                PLAYCOUNT_LANE_KNOWN ||
            !playcount_lane_is_left(k, a->kind, found)) {
            break;
        }
        a->hash = playcount_zone_prefetch(a->kind->zone, a->request.id,
                                          a->request.id_length);
        at += a->request.length;
        found++;
    }
    for (int i = 0; found > 1 && i < found; i++) {
        playcount_zone_prefetch_slot(asks[i].kind->zone, asks[i].hash);
    }
    return found;
}

/* Past the filters that watch httpd's answers, to the core's. */
static apr_status_t send_out(playcount_lane_connection *k, const char *out,
                             apr_size_t length)
{
    conn_rec *c = k->c;
    apr_bucket_brigade *bb = k->passing;
    apr_status_t rv;

    apr_socket_timeout_set(ap_get_conn_socket(c), k->timeout);
    APR_BRIGADE_INSERT_TAIL(
        bb, apr_bucket_transient_create(out, length, c->bucket_alloc));
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_flush_create(c->bucket_alloc));
    rv = ap_pass_brigade(k->watching->next, bb);
    apr_brigade_cleanup(bb);
    apr_socket_timeout_set(ap_get_conn_socket(c), k->keep_alive);
    return rv;
}

static void count_answers(playcount_lane_connection *k, int n)
{
    if (!k->counted) {
        k->counted = 1;
        playcount_lane_account_connections(1);
    }
    playcount_lane_account_requests((uint64_t)n);
}

/* Answer the known ones at the beginning of these bytes, at most GROUP. Returns
 * their length; *rv is that of sending. */
static apr_size_t answer_group(playcount_lane_connection *k, const char *bytes,
                               apr_size_t n, apr_status_t *rv)
{
    playcount_lane_ask asks[GROUP];
    char out[GROUP * PLAYCOUNT_LANE_ROOM], date[APR_RFC822_DATE_LEN];
    uint64_t began = playcount_ticks(), sending, end;
    apr_size_t length = 0, done = 0;
    int found = find_asks(k, bytes, n, asks), answered = 0;

    if (found) {
        ap_recent_rfc822_date(date, apr_time_now());
    }
    for (; answered < found; answered++) {
        apr_size_t size =
            playcount_lane_answer(k, &asks[answered], date, out + length);

        if (!size) {
            break;
        }
        length += size;
        done += asks[answered].request.length;
    }
    if (!answered) {
        return 0;
    }
    sending = playcount_ticks();
    *rv = send_out(k, out, length);
    end = playcount_ticks();
    for (int i = 0; i < answered; i++) {
        if (asks[i].kind->route >= 0) {
            playcount_metrics_lane_add(asks[i].kind->route, asks[i].kind->method,
                                       end - began, end - sending, asks[i].body);
        }
    }
    count_answers(k, answered);
    return done;
}

/* Answer all that is known at the beginning of these bytes. Returns its length. */
static apr_size_t answer_all(playcount_lane_connection *k, const char *bytes,
                             apr_size_t n, apr_status_t *rv)
{
    apr_size_t done = 0, length;

    *rv = APR_SUCCESS;
    do {
        length = answer_group(k, bytes + done, n - done, rv);
        done += length;
    } while (length && done < n && *rv == APR_SUCCESS);
    return done;
}

/* --- reading --- */

/* What is kept from before, or what comes. */
static apr_status_t read_more(ap_filter_t *f, char *bytes, apr_size_t room,
                              apr_size_t *n, apr_read_type_e block)
{
    playcount_lane_connection *k = f->ctx;
    apr_size_t got = room;
    apr_status_t rv;

    if (k->in) {
        *n += playcount_lane_take_back(k, bytes, room);
        return APR_SUCCESS;
    }
    if (block == APR_BLOCK_READ) {
        /* There is nothing yet: wait before the first attempt. */
        apr_socket_opt_set(ap_get_conn_socket(k->c), APR_INCOMPLETE_READ, 1);
    }
    rv = ap_get_brigade(f->next, k->passing, AP_MODE_READBYTES, block,
                        (apr_off_t)room);
    if (rv == APR_SUCCESS) {
        rv = apr_brigade_flatten(k->passing, bytes, &got);
        *n += rv == APR_SUCCESS ? got : 0;
    }
    apr_brigade_cleanup(k->passing);
    return rv;
}

static int is_beginning(playcount_lane_connection *k, const char *bytes,
                        apr_size_t n)
{
    playcount_lane_request request;
    playcount_lane_kind *kind;

    return playcount_lane_find(k, bytes, n, &kind, &request) == PLAYCOUNT_LANE_MORE;
}

/* httpd is to read the next request: when this returns, it finds one that is not
 * the lane's. For the rest of a request nobody waits here: that has a time of its
 * own, in httpd. */
static apr_status_t serve(ap_filter_t *f)
{
    playcount_lane_connection *k = f->ctx;
    char bytes[PLAYCOUNT_LANE_READ];
    apr_size_t n = 0, before, done;

    do {
        int stopping = is_stopping();
        apr_status_t rv;

        before = n;
        rv = read_more(f, bytes + n, sizeof(bytes) - n, &n,
                       n || stopping ? APR_NONBLOCK_READ : APR_BLOCK_READ);
        if (!n) {
            return rv != APR_SUCCESS ? rv : APR_EOF;
        }
        /* The last answer says that it is the last: httpd's. */
        done = stopping ? 0 : answer_all(k, bytes, n, &rv);
        if (done && rv != APR_SUCCESS) {
            return rv;
        }
        n -= done;
        memmove(bytes, bytes + done, n);
    } while (!n || ((done || n > before) && is_beginning(k, bytes, n)));
    playcount_lane_keep(k, bytes, n);
    playcount_lane_learn_begin(k, bytes, n);
    return APR_SUCCESS;
}

static apr_status_t stay(ap_filter_t *f, apr_bucket_brigade *bb,
                         ap_input_mode_t mode, apr_read_type_e block,
                         apr_off_t wanted)
{
    playcount_lane_connection *k = f->ctx;

    if (!k->between) {
        /* When a request is over httpd looks whether there is another; while it
         * makes room for that, it forgets whether the connection is kept. */
        playcount_lane_learn_end(k);
    }
    else if (block == APR_BLOCK_READ) {
        apr_status_t rv;

        k->between = 0;
        rv = serve(f);
        if (rv != APR_SUCCESS) {
            return rv;
        }
    }
    return playcount_lane_give_bytes(f, bb, mode, block, wanted);
}

/* --- connections --- */

static apr_status_t leave(void *data)
{
    playcount_lane_connection *k = data;

    if (k->counted) {
        playcount_lane_account_connections(-1);
    }
    free(k->in);
    k->in = NULL;
    return APR_SUCCESS;
}

void playcount_lane_stay(playcount_lane_connection *k)
{
    conn_rec *c = k->c;
    char bytes[PLAYCOUNT_LANE_REQUEST_MAX];
    ssize_t n = recv(k->fd, bytes, sizeof(bytes), MSG_PEEK | MSG_DONTWAIT);

    k->passing = apr_brigade_create(c->pool, c->bucket_alloc);
    ap_add_input_filter_handle(stayer, k, NULL, c);
    apr_pool_cleanup_register(c->pool, k, leave, apr_pool_cleanup_null);
    playcount_lane_learn_begin(k, bytes, n > 0 ? (apr_size_t)n : 0);
}

/* The first request's beginning has been seen; those after it are read by serve().
 */
static void pre_read_request(request_rec *r, conn_rec *c)
{
    const playcount_connection *of = playcount_connection_of(c);
    playcount_lane_connection *k = of ? of->lane : NULL;

    if (k && k->passing && c->keepalives &&
        !strcmp(ap_get_protocol(c), AP_PROTOCOL_HTTP1)) {
        k->between = 1;
    }
}

void playcount_lane_stay_register(void)
{
    stayer = ap_register_input_filter("PLAYCOUNT_LANE_STAY", stay, NULL,
                                      AP_FTYPE_NETWORK - 1);
    ap_hook_pre_read_request(pre_read_request, NULL, NULL, APR_HOOK_MIDDLE);
}

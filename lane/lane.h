/* The lane: a loop in each child that answers GET, HEAD and POST of songs for many
 * connections from one thread. Whatever it does not know completely goes to httpd.
 *
 *     conf.c      PlaycountLane
 *     survey.c    where the lane may answer at all; known.c: the names it knows
 *     request.c   requests: is this one of a known kind?       (free of httpd)
 *     reply.c     answers, after those of httpd                (free of httpd)
 *     plain.c     may another request like this one be the lane's?
 *     learn.c     from a request that httpd answered to a kind
 *     kinds.c     the kinds, shared by the connections of the child
 *     loop.c      the thread: reads, answers, waits
 *     enter.c     connections that come from a worker
 *     connection.c  what a connection of the loop does next
 *     worker.c    what the lane knows of the threads of the MPM
 *     batch.c     what came in during one pass: looked up together, then answered
 *     answer.c    one request of a known kind
 *     stay.c      worker and prefork: no loop, the thread stays with its connection
 *     lend.c      a connection's time with httpd: a worker of the MPM serves it
 *     account.c   the numbers that mod_status shows
 *     hooks.c     how connections come; start and stop
 *
 * The way of a connection:
 *
 *                    a request of a known kind is over
 * MPM --- httpd  ----------------------------------->  ENTERING
 *                                                         | the worker has let go
 *             answers, waits for more                     v
 *           +--------------------------------------->  READING
 *           |                                          |  |  | not all was sent
 *           |       other bytes: they go with it       |  |  v
 *         LENT  <--------------------------------------+  | WRITING -> READING
 *           |                                             |
 *           +--> AWAITING  httpd waits for the socket     | idle too long, stopping
 *           |       |  ready: LENT again                  v
 *           +-------+---------------------------------> LINGERING -> gone
 *
 * A connection of the lane is suspended as the MPM knows it (CONN_STATE_SUSPENDED)
 * to its end: httpd 2.4 offers no way back. So the lane polls it from then on, and
 * when httpd is to serve it, borrows a worker of the MPM by a timed callback that
 * is due. It counts as a connection of the child all the while, and a child that
 * stops gracefully waits for it.
 *
 * Who may touch a connection: a worker until it has suspended it and while it is
 * LENT, the loop's thread otherwise. It changes hands by a lock-free list (to the
 * loop) or the MPM's queue (to a worker).
 */
#ifndef PLAYCOUNT_LANE_LANE_H
#define PLAYCOUNT_LANE_LANE_H

#include <stdatomic.h>

#include "httpd.h"
#include "http_config.h"
#include "scoreboard.h"
#include "util_filter.h"

#include "lane/reply.h"
#include "lane/request.h"
#include "server/conf.h"
#include "server/zones.h"

#define PLAYCOUNT_LANE_KINDS 4     /* that a connection is known to ask */
#define PLAYCOUNT_LANE_READ 16384  /* bytes read from a connection in one pass */
#define PLAYCOUNT_LANE_PATIENCE 20 /* seconds for a request to become complete */

/* A kind of request: how it looks, what it does, how the answer looks. Written by
 * learn.c, then constant. */
typedef struct {
    playcount_lane_pattern pattern;
    playcount_lane_reply reply;
    playcount_zone *zone;
    int adds;           /* POST */
    int keep_alive_max; /* MaxKeepAliveRequests; 0: no limit */
    apr_interval_time_t keep_alive, timeout;
    int route;  /* metrics: the route's number, -1: not measured */
    int method; /* metrics: a playcount_method_e */
} playcount_lane_kind;

typedef enum {
    PLAYCOUNT_LANE_OUTSIDE, /* httpd's alone */
    PLAYCOUNT_LANE_ENTERING,
    PLAYCOUNT_LANE_READING,
    PLAYCOUNT_LANE_WRITING,
    PLAYCOUNT_LANE_AWAITING,
    PLAYCOUNT_LANE_LENT,
    PLAYCOUNT_LANE_LINGERING
} playcount_lane_state_e;

/* What a worker that gives a connection back wants next. */
typedef enum {
    PLAYCOUNT_LANE_READ_ON,
    PLAYCOUNT_LANE_AWAIT_INPUT,
    PLAYCOUNT_LANE_AWAIT_OUTPUT,
    PLAYCOUNT_LANE_CLOSE
} playcount_lane_wish_e;

typedef struct playcount_lane_learner playcount_lane_learner;
typedef struct playcount_lane_connection playcount_lane_connection;

struct playcount_lane_connection {
    conn_rec *c;
    int fd;
    playcount_lane_state_e state;
    playcount_lane_wish_e wish;
    playcount_lane_learner *learner; /* learn.c */
    int holds; /* learn.c: an answer waits until its request is over */
    apr_bucket_brigade *held; /* the answer, NULL: none */

    playcount_lane_kind *kinds[PLAYCOUNT_LANE_KINDS];
    int n_kinds;
    int last_kind;

    char *in; /* read, not yet answered; malloc'd, NULL: nothing */
    apr_size_t in_length;
    char *out; /* answered, not yet sent; malloc'd, NULL: nothing */
    apr_size_t out_length, out_sent;
    int ended;   /* the client has sent all it will */
    int expired; /* a request did not become complete in time */

    apr_time_t deadline;
    apr_interval_time_t keep_alive, timeout;

    playcount_lane_connection *next;          /* in one of the lists below */
    playcount_lane_connection *newer, *older; /* of the loop's */

    /* ENTERING: until the worker that suspended it has let go. */
    int watched; /* its socket is */
    worker_score *score;
    _Atomic uint64_t *turns;
    uint64_t turn;

    /* stay.c */
    ap_filter_t *watching;       /* answers are passed on behind it */
    apr_bucket_brigade *passing; /* NULL: the connection is the loop's */
    int between;                 /* httpd is about to read a request */
    int counted;                 /* among the lane's connections */

    ap_sb_handle_t *sbh; /* LENT: of the worker that serves it */
    int gives;   /* the filter that gives httpd the bytes already read is there */
    int serving; /* all the hooks of process_connection run for it but ours */
};

typedef struct {
    int on;       /* -1 unset */
    int unlogged; /* with on: access logs do not keep it out */
} playcount_lane_server;

/* conf.c */
extern int playcount_lane_wanted; /* On somewhere */
int playcount_lane_is_on(const server_rec *s);
int playcount_lane_is_unlogged(const server_rec *s);
const char *playcount_cmd_lane(cmd_parms *cmd, void *dummy, const char *on,
                               const char *unlogged);
extern const playcount_room playcount_lane_room;
void *playcount_lane_create_server(apr_pool_t *p, server_rec *s);
void *playcount_lane_merge_server(apr_pool_t *p, void *base, void *add);

/* kinds.c. A kind like this one that stays until it is released as many times as it
 * was taken; what the pattern points to is copied. Any thread. */
playcount_lane_kind *playcount_lane_kind_take(const playcount_lane_kind *kind);
void playcount_lane_kind_release(playcount_lane_kind *kind);

/* plain.c. In insert_filter: is the request one of which the lane may learn; and
 * has httpd these very headers of it, and no other? */
int playcount_lane_is_plain(const request_rec *r);
int playcount_lane_has_headers(request_rec *r,
                               const playcount_lane_pattern *pattern);

/* learn.c. A worker calls the first before httpd reads a request of this
 * connection: `bytes` are those at its beginning. The second in insert_filter, the
 * third when the request is over: is it of a kind that is known now? */
void playcount_lane_learn_begin(playcount_lane_connection *k, const char *bytes,
                                apr_size_t n);
void playcount_lane_learn_request(playcount_lane_connection *k, request_rec *r);
int playcount_lane_learn_end(playcount_lane_connection *k);

/* An answer that has waited is sent. */
void playcount_lane_learn_send(playcount_lane_connection *k);

/* There is nothing to learn for now: memory is given back. */
void playcount_lane_learn_rest(playcount_lane_connection *k);

/* A connection is new. */
void playcount_lane_learn_connection(playcount_lane_connection *k);
void playcount_lane_learn_register(void);

/* One request of a known kind. */
typedef struct {
    playcount_lane_kind *kind;
    playcount_lane_request request;
    uint64_t hash;   /* of the id, in the zone */
    apr_size_t body; /* bytes of its answer's body */
} playcount_lane_ask;

/* answer.c: find the kind of the request at the beginning of these bytes. */
playcount_lane_match_e playcount_lane_find(playcount_lane_connection *k,
                                           const char *bytes, apr_size_t n,
                                           playcount_lane_kind **kind,
                                           playcount_lane_request *request);

/* Would httpd keep the connection open after this one and so many that were found
 * before it? The last one is httpd's, which says so to the client. */
int playcount_lane_is_left(const playcount_lane_connection *k,
                           const playcount_lane_kind *kind, int asked);

/* Count or look, and write the answer, of at most PLAYCOUNT_LANE_ROOM bytes;
 * returns its length. 0: it is httpd's to say what is wrong. */
apr_size_t playcount_lane_answer(playcount_lane_connection *k,
                                 playcount_lane_ask *ask, const char *date,
                                 char *at);

/* stay.c: a connection that its thread stays with, under worker and prefork. */
void playcount_lane_stay(playcount_lane_connection *k);
void playcount_lane_stay_register(void);

/* connection.c: keep bytes that are not answered yet. */
void playcount_lane_keep(playcount_lane_connection *k, const char *bytes,
                         apr_size_t n);

/* lend.c: the bytes kept, as an input filter whose context is the connection; and
 * taken back, at most so many of them. */
apr_status_t playcount_lane_give_bytes(ap_filter_t *f, apr_bucket_brigade *bb,
                                       ap_input_mode_t mode, apr_read_type_e block,
                                       apr_off_t wanted);
apr_size_t playcount_lane_take_back(playcount_lane_connection *k, char *to,
                                    apr_size_t room);

/* lend.c. The first: a worker has httpd send what is left of an answer, and finds
 * what the connection wants next. */
playcount_lane_wish_e playcount_lane_complete(playcount_lane_connection *k);

/* A worker: memory that the connection keeps for its next request goes back to the
 * system. */
void playcount_lane_trim(conn_rec *c);
void playcount_lane_lend(playcount_lane_connection *k);
void playcount_lane_lend_returned(void);
void playcount_lane_lend_waiting(void);
void playcount_lane_lend_register(void);
void playcount_lane_lend_child(void);

/* loop.c */
apr_status_t playcount_lane_loop_start(apr_pool_t *p, server_rec *s);
void playcount_lane_loop_stop(int graceful);
int playcount_lane_loop_stopping(void);

/* Any thread: the loop has it from now on. */
void playcount_lane_give(playcount_lane_connection *k);

/* A worker that suspends a connection: the loop has it as soon as the worker has
 * let go. It is not woken for that, but by what the client sends. */
void playcount_lane_give_entering(playcount_lane_connection *k);

#endif

/* Request metrics: the room's own header, and its table of contents.
 *
 *     hooks.c      hooks; the shared memory; what a child does when it starts
 *     conf.c      directives
 *     sample.c    one request from its handler's start to its log line
 *     count.c     its figures, into the thread's tray
 *     filter.c    the block filter; unknown.c: blocks of unknown length
 *     route.c     which route a request belongs to; known.c: those known before
 *     logitem.c   items for LogFormat; notes.c: the same as notes of the request
 *     slow.c      slow requests
 *     interval.c  the watchdog that writes the series
 *     statsd*.c   what is sent to statsd
 *     handler.c   the handler playcount-metrics and its formats:
 *                 prometheus.c, json.c, zones.c, media.c, recorder.c;
 *                 exposition*.c: the forms that Prometheus reads;
 *                 writer.c: what all output is written with
 *     page.c      the live page, whose files are in page/
 *     live*.c     what it asks for; songs.c: songs;
 *                 kept.c: what of that is computed once for all
 *     status.c    the section in mod_status
 *     lane.c      requests that the lane answered
 */
#ifndef PLAYCOUNT_METRICS_METRICS_H
#define PLAYCOUNT_METRICS_METRICS_H

#include "httpd.h"
#include "http_config.h"
#include "ap_expr.h"

#include "server/conf.h"
#include "shm/figures/segment.h"

/* Directives for a server, virtual host or directory. */
typedef struct {
    int on;                     /* PlaycountMetrics; -1 unset */
    const char *label;          /* PlaycountRoute: a constant, clean; or */
    const ap_expr_info_t *expr; /* an expression; both NULL: derived */
    int hosts; /* which host names the expression has, which the client chooses: */
#define PLAYCOUNT_SERVER_NAME 1
#define PLAYCOUNT_HOST_HEADER 2
    apr_interval_time_t slow; /* PlaycountSlowRequests; -1 unset, 0 off */
} playcount_metrics_dir;

typedef struct playcount_statsd_conf playcount_statsd_conf;

/* Directives for the whole server; read from the main server's part. */
typedef struct {
    int routes;                    /* PlaycountRoutes */
    int interval;                  /* PlaycountSeries, seconds */
    int songs;                     /* PlaycountMetricsSongs: 1 lists songs */
    int notes;                     /* PlaycountNotes; -1 unset */
    int buckets;                   /* PlaycountBuckets: per power of ten */
    playcount_statsd_conf *statsd; /* PlaycountStatsd, or NULL */
} playcount_metrics_server;

#define PLAYCOUNT_HISTORY_SECONDS 3600

/* conf.c */
void *playcount_metrics_create_server(apr_pool_t *p, server_rec *s);
void *playcount_metrics_create_dir(apr_pool_t *p, char *dir);
void *playcount_metrics_merge_dir(apr_pool_t *p, void *base, void *add);
const char *playcount_metrics_on(cmd_parms *cmd, void *mconfig, int flag);
const char *playcount_metrics_route(cmd_parms *cmd, void *mconfig, const char *arg);
const char *playcount_metrics_slow(cmd_parms *cmd, void *mconfig, const char *arg);
const char *playcount_metrics_routes(cmd_parms *cmd, void *mconfig,
                                     const char *arg);
const char *playcount_metrics_series(cmd_parms *cmd, void *mconfig,
                                     const char *arg);
const char *playcount_metrics_songs(cmd_parms *cmd, void *mconfig, int flag);
const char *playcount_metrics_buckets(cmd_parms *cmd, void *mconfig,
                                      const char *arg);
const char *playcount_metrics_notes(cmd_parms *cmd, void *mconfig, int flag);
const char *playcount_metrics_statsd(cmd_parms *cmd, void *mconfig, int argc,
                                     char *const argv[]);

/* Whether any part of the configuration switches metrics on. */
extern int playcount_metrics_wanted;

/* The constant labels of PlaycountRoute, clean (const char *). Made in pre_config.
 */
extern apr_array_header_t *playcount_metrics_labels;

/* hooks.c: the shared memory, NULL when metrics are off everywhere; and this
 * child's row of requests in flight. Set before any thread serves. */
extern const playcount_segment *playcount_metrics_segment;
extern _Atomic int32_t *playcount_metrics_row;
extern const playcount_metrics_server *playcount_metrics_global;

extern const playcount_room playcount_metrics_room;

/* sample.c: one request. It belongs to the initial request; internal redirects
 * and error documents find it there. Touched by one thread at a time. */
typedef struct {
    uint64_t start;     /* ticks (clock.h) when the content handler started */
    uint64_t before;    /* µs from the request line to that moment */
    uint64_t below;     /* ticks spent below the block filter, less those of waiting
                            there for a CGI or backend to write (unknown.c) */
    uint64_t handed_on; /* ticks when EOS was about to be passed on, 0: not yet */
    uint64_t blocks;
    uint64_t bytes;
    uint64_t promised; /* the Content-Length that the handler gave, 0: none */
    const request_rec *passing; /* whose response comes down; only compared */
    unsigned route;
    unsigned on_its_way : 1; /* the route is still that of a mere redirection */
    unsigned aborted : 1;    /* passing on failed */
    unsigned given : 1;      /* all of it, to the end, was passed on */
    unsigned broken : 1;     /* an error bucket was seen */
    unsigned in_flight : 1;  /* counted in, not yet out */
    unsigned finished : 1;   /* the values are there */
    unsigned told : 1;       /* in the error log, at level debug */
    const playcount_metrics_dir *conf; /* of the initial request */
    struct playcount_notes *notes;     /* notes.c: their values, NULL: not wanted */
    unsigned outcome;                  /* with finished: a playcount_outcome_e */
    int status;
    uint64_t value[PLAYCOUNT_FIGURES];
} playcount_sample;

/* The sample of a request, an internal redirect or a subrequest of it; NULL if
 * it is not measured. */
playcount_sample *playcount_sample_of(request_rec *r);

/* A finished sample as the log has it, in the request's pool. */
const char *playcount_sample_text(request_rec *r, const playcount_sample *sample);

void playcount_sample_register_hooks(apr_pool_t *p);

/* lane.c, for lane/: of a request that httpd answers and that the lane will answer
 * from now on, the route (-1: it is not measured) and the method. 0: another
 * request of this kind may have another route. In insert_filter, after ours. */
int playcount_metrics_lane_route(request_rec *r, int *route, int *method);

/* One request with such a route was answered with 200: ticks (clock.h) from when it
 * was read until its answer was sent, ticks of sending, bytes of the body. By any
 * thread. */
void playcount_metrics_lane_add(int route, int method, uint64_t all,
                                uint64_t output, uint64_t bytes);

/* count.c: count one request. By any thread. Before: in child_init, the child's
 * trays; and how many a child has, which depends on the machine and the MPM. */
unsigned playcount_count_trays(void);
void playcount_count_child(void);
void playcount_count(unsigned route, unsigned cell,
                     const uint64_t value[PLAYCOUNT_FIGURES]);

/* filter.c */
void playcount_filter_register(void);
void playcount_filter_add(request_rec *r, playcount_sample *sample);

/* unknown.c: have a block of unknown length and its bytes counted when, and as,
 * they are read further down. */
void playcount_count_unknown(apr_bucket *b, request_rec *r,
                             playcount_sample *sample);

/* route.c: find the route of r, whose directory has this part of the configuration.
 * *passing is set when r only passes the request on
 * (mod_rewrite in a directory). */
unsigned playcount_route_find(request_rec *r, const playcount_metrics_dir *conf,
                              int *passing);

/* In post_config: whether virtual hosts tell routes apart, and the routes that are
 * known before their first request. */
void playcount_route_begin(server_rec *s, apr_pool_t *ptemp);

/* known.c: enter the routes that the configuration names. */
void playcount_known_routes(server_rec *s, int hosts_in_names, apr_pool_t *ptemp);

/* Its name, in the pool. */
const char *playcount_route_name(apr_pool_t *p, unsigned route);

/* notes.c: in post_config, whether the notes are wanted; if so, for one request:
 * when its handler, or that of a redirection, starts, and when it is over. */
void playcount_notes_look(const playcount_metrics_server *conf);
extern int playcount_notes_wanted;
void playcount_notes_add(playcount_sample *sample, request_rec *r);
void playcount_notes_fill(const playcount_sample *sample, request_rec *r);

/* logitem.c */
void playcount_logitem_register_hooks(apr_pool_t *p);

/* slow.c: keep and log a finished request that took longer than its limit. */
void playcount_slow_keep(request_rec *r, const playcount_sample *sample);

/* interval.c, statsd.c: their watchdogs; in post_config. */
void playcount_interval_start(server_rec *s, apr_pool_t *p);
void playcount_statsd_start(server_rec *s, apr_pool_t *p);

/* statsd.c, statsd_raw.c: `child_init` and one value set in raw mode. */
void playcount_statsd_child(server_rec *s);
void playcount_statsd_keep(const playcount_sample *sample, unsigned cell);

/* handler.c, status.c */
void playcount_handler_register_hooks(apr_pool_t *p);
void playcount_status_register_hooks(apr_pool_t *p);

#endif

/* What is sent to statsd: inside the room only.
 *
 * Plain statsd, per line `name:value|type[|@rate]`, for the whole and for each
 * route:
 *
 *     PREFIX:N|c                            PREFIX.ROUTE:N|c
 *     PREFIX.request_time:MS|ms             PREFIX.ROUTE.request_time:MS|ms
 *     PREFIX.application_time, .output_time in the same way
 *     PREFIX.output_blocks:N|ms             statsd's only histogram is the
 *     PREFIX.output_length:N|ms             timing
 *
 * DogStatsD, one name each, with tags:
 *
 *     PREFIX:N|c|#route:R,method:M,status:2xx[,TAGS]
 *     PREFIX.request_time:MS|ms|#route:R[,TAGS]
 *     PREFIX.output_blocks:N|h|#route:R[,TAGS]
 *
 * In both an `@rate` of 1/n makes one line stand for n requests; which receivers
 * are told rates of values, and what the others get: see statsd_values.c. Where
 * there are many, the values of one name share a line, as statsd itself reads them:
 *
 *     PREFIX.output_blocks:N|ms:N|ms:N|ms
 */
#ifndef PLAYCOUNT_METRICS_STATSD_H
#define PLAYCOUNT_METRICS_STATSD_H

#include "metrics/metrics.h"

#include "apr_network_io.h"

struct playcount_statsd_conf {
    const char *host;
    apr_port_t port;
    const char *prefix;
    const char *tags; /* "k:v,..." or NULL; DogStatsD only */
    int dog;          /* DogStatsD's format */
    int raw;          /* every value as it is */
    int rates;        /* one line for many requests, with a sample rate */
    int packed;       /* many values may share a line; plain statsd only */
    int interval;     /* seconds */
};

/* Below what any path takes: 1500 less IPv6, UDP and some tunnel's header. */
#define PLAYCOUNT_DATAGRAM 1400

/* statsd_send.c: a datagram in the making, and where it goes. One thread's. */
typedef struct {
    const playcount_statsd_conf *conf;
    server_rec *server;
    int fd;                          /* -1: not open */
    struct sockaddr_storage address; /* of the socket */
    socklen_t address_length;
    int many;              /* the name has several addresses */
    apr_time_t refused_at; /* when the system last said that nothing listens; 0: not
                              since the socket was opened, or no longer true */
    apr_time_t sent_at; /* when the first datagram since then was sent, 0: none */
    int reached;        /* a datagram was sent and not refused */
    apr_time_t resolve_at;     /* when the name is to be resolved again */
    int unpaced;               /* datagrams since the last pause */
    apr_interval_time_t pause; /* after a few datagrams */
    int packed;    /* of this interval: values of one name share a line */
    uint64_t each; /* the same: so many requests share a value */
    size_t used;
    size_t line; /* where the last line begins ... */
    size_t name; /* ... and how long its name is, with the colon; 0: no value may
                    follow */
    char buffer[PLAYCOUNT_DATAGRAM];
} playcount_sender;

void playcount_sender_init(playcount_sender *to, const playcount_statsd_conf *conf,
                           server_rec *s);

/* So many datagrams, about, are to be sent in this time: not faster than that
 * needs, as a receiver may be busy for a while with what it has. */
void playcount_sender_spread(playcount_sender *to, uint64_t datagrams,
                             apr_interval_time_t time);

/* Resolve and open if that is not done, or if it is time to do it again: the name
 * may have moved. 0: there is no address. May wait for the resolver, so only a
 * thread of its own may call it. */
int playcount_sender_ready(playcount_sender *to, apr_pool_t *pool);

/* One line (without newline), into the datagram; a full one is sent, and now and
 * then the thread sleeps for a moment, so that the receiver's buffer does not
 * overflow: one that is empty at the beginning has room for a hundred datagrams. */
void playcount_sender_line(playcount_sender *to, const char *line, size_t length);

/* A value, the first `name` bytes of its line being the name with the colon: into
 * the last line, if that has the same name and there is room, or a line of its own.
 */
void playcount_sender_value(playcount_sender *to, const char *line, size_t length,
                            size_t name);

/* Send what there is. */
void playcount_sender_flush(playcount_sender *to);
void playcount_sender_close(playcount_sender *to);

/* statsd_format.c: the lines. */

/* A route's name, safe in a metric's name (plain) or a tag (dog). */
void playcount_statsd_safe(const playcount_statsd_conf *conf, const char *route,
                           char out[PLAYCOUNT_LABEL_MAX + 2]);

/* A counter: n requests. `route` is safe; NULL is the whole (plain only). */
void playcount_statsd_counter(playcount_sender *to, const char *route,
                              unsigned cell, uint64_t n);

/* A figure: one line for `n` requests of that value, 1 to 1,000,000. */
void playcount_statsd_value(playcount_sender *to, const char *route,
                            playcount_figure_e figure, uint64_t value, uint64_t n);

/* statsd_values.c: the lines of one figure, for the requests of these totals. */
void playcount_statsd_figure(playcount_sender *to, const char *route,
                             const playcount_totals *t, playcount_figure_e figure);

/* statsd_raw.c: values of this process on their way. */
apr_status_t playcount_statsd_raw_child(void);
void playcount_statsd_raw_keep(const playcount_sample *sample, unsigned cell);
void playcount_statsd_raw_send(playcount_sender *to);

#endif

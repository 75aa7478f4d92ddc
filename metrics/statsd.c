/* Sending to statsd: the watchdogs.
 *
 * aggregate: one child at a time takes, every interval, what has come per route,
 * and sends it (statsd_values.c). What was taken is marked in shared memory, so
 * another child goes on where one was killed; a route is sent before the next one
 * is taken, so such a kill costs one route's interval at most.
 *
 * raw: every child keeps each request's values in a buffer of its own
 * (statsd_raw.c), and a thread of its own sends them. */

#include "metrics/statsd.h"

#include <stdlib.h>

#include "http_log.h"

#include "server/watchdog.h"

APLOG_USE_MODULE(playcount);

/* Requests a second, of all routes together, as statsd_values.c spells them out: up
 * to this, each value has a line of its own, which every receiver reads; */
#define PACKED_ABOVE 2000u
/* up to this, the values of one name share lines: more datagrams than that a second
 * are not sent (statsd_send.c), and statsd is beyond its limits long before. */
#define MOST 40000u
/* The same where values may not share a line. */
#define MOST_UNPACKED 5000u

/* So many requests fill a datagram, about. */
#define PLAIN_REQUESTS 4u
#define PACKED_REQUESTS 18u

/* Of more, the log says so at most once in that time. */
#define SAY apr_time_from_sec(600)

/* The watchdog thread's own. */
static playcount_sender sender;
static apr_time_t sent_at;
static apr_time_t said_at;

static void send_counters(const char *route, const playcount_totals *t)
{
    if (!sender.conf->dog) {
        playcount_statsd_counter(&sender, route, 0, playcount_totals_requests(t));
        return;
    }
    for (unsigned cell = 0; cell < PLAYCOUNT_CELLS; cell++) {
        if (t->requests[cell]) {
            playcount_statsd_counter(&sender, route, cell, t->requests[cell]);
        }
    }
}

static void send_totals(const char *route, const playcount_totals *t)
{
    send_counters(route, t);
    for (int f = 0; f < PLAYCOUNT_FIGURES; f++) {
        playcount_statsd_figure(&sender, route, t, f);
    }
}

static uint64_t count_waiting(const playcount_segment *seg)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < seg->count; i++) {
        n += playcount_mark_waiting(&seg->statsd_marks[i], &seg->figures[i]);
    }
    return n;
}

static void say_shared(uint64_t requests)
{
    apr_time_t now = apr_time_now();

    if (said_at && now >= said_at && now - said_at < SAY) {
        return;
    }
    said_at = now;
    ap_log_error(
        APLOG_MARK, APLOG_WARNING, 0, sender.server,
        "PlaycountStatsd: %" APR_UINT64_T_FMT " requests came in %d s, more "
        "than can be sent one by one: of %" APR_UINT64_T_FMT " each, one "
        "value is sent with a sample rate. statsd's sum of the timings is "
        "too small by that; count, mean and percentiles are right. rates=on "
        "is for receivers that honour sample rates",
        requests, sender.conf->interval, sender.each);
}

/* How the values of so many requests are sent. */
static void plan(uint64_t requests)
{
    const playcount_statsd_conf *conf = sender.conf;
    uint64_t seconds = (uint64_t)conf->interval;
    uint64_t most = seconds * (conf->packed ? MOST : MOST_UNPACKED);

    sender.packed = conf->packed && requests > seconds * PACKED_ABOVE;
    sender.each = requests > most ? (requests + most - 1) / most : 1;
    playcount_sender_spread(&sender,
                            requests / sender.each /
                                (sender.packed ? PACKED_REQUESTS : PLAIN_REQUESTS),
                            apr_time_from_sec(conf->interval) * 3 / 4);
    if (sender.each > 1) {
        atomic_fetch_add_explicit(&playcount_metrics_segment->header->statsd_shared,
                                  requests, memory_order_relaxed);
        say_shared(requests);
    }
}

/* Takes what has come since the last time, and sends it. Plain statsd adds up
 * nothing over routes: it gets the same again for the whole. */
static void send_all(void)
{
    const playcount_segment *seg = playcount_metrics_segment;
    playcount_totals *since = malloc(sizeof(*since));
    char name[PLAYCOUNT_LABEL_MAX + 1], safe[PLAYCOUNT_LABEL_MAX + 2];

    playcount_segment_gather(seg);
    if (!sender.conf->rates) {
        plan(count_waiting(seg));
    }
    for (unsigned i = 0; since && i < seg->count; i++) {
        if (!playcount_routes_name(seg->routes, i, name) ||
            !playcount_mark_take(&seg->statsd_marks[i], &seg->figures[i], since)) {
            continue;
        }
        playcount_statsd_safe(sender.conf, name, safe);
        send_totals(safe, since);
        if (!sender.conf->dog) {
            send_totals(NULL, since);
        }
    }
    playcount_sender_flush(&sender);
    free(since);
}

static apr_status_t aggregate(int state, void *data, apr_pool_t *pool)
{
    apr_time_t now = apr_time_now();

    if (state == AP_WATCHDOG_STATE_STARTING || !sender.conf) {
        playcount_sender_init(&sender, playcount_metrics_global->statsd, data);
        sent_at = now;
    }
    if (state == AP_WATCHDOG_STATE_RUNNING && now >= sent_at &&
        now - sent_at < apr_time_from_sec(sender.conf->interval)) {
        return APR_SUCCESS;
    }
    if (state != AP_WATCHDOG_STATE_STARTING &&
        playcount_sender_ready(&sender, pool)) {
        send_all();
        sent_at = now;
    }
    if (state == AP_WATCHDOG_STATE_STOPPING) {
        playcount_sender_close(&sender);
    }
    return APR_SUCCESS;
}

static apr_status_t raw(int state, void *data, apr_pool_t *pool)
{
    apr_time_t now = apr_time_now();

    if (state == AP_WATCHDOG_STATE_STARTING || !sender.conf) {
        playcount_sender_init(&sender, playcount_metrics_global->statsd, data);
        sent_at = now;
    }
    if (state == AP_WATCHDOG_STATE_STARTING ||
        !playcount_sender_ready(&sender, pool)) {
        return APR_SUCCESS;
    }
    playcount_statsd_raw_send(&sender);
    /* A datagram that is not full waits for more, but not for long. */
    if (state == AP_WATCHDOG_STATE_STOPPING || now < sent_at ||
        now - sent_at >= apr_time_from_sec(1)) {
        playcount_sender_flush(&sender);
        sent_at = now;
    }
    if (state == AP_WATCHDOG_STATE_STOPPING) {
        playcount_sender_close(&sender);
    }
    return APR_SUCCESS;
}

void playcount_statsd_start(server_rec *s, apr_pool_t *p)
{
    const playcount_statsd_conf *conf = playcount_metrics_global->statsd;
    apr_status_t rv;

    if (!conf) {
        return;
    }
    atomic_store_explicit(&playcount_metrics_segment->header->statsd_said, 0,
                          memory_order_relaxed);
    rv = playcount_watch("statsd",
                         conf->raw ? PLAYCOUNT_WATCH_EVERY_CHILD
                                   : PLAYCOUNT_WATCH_ONE_CHILD,
                         AP_WD_TM_SLICE, conf->raw ? raw : aggregate, s, s, p);
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, rv, s,
                     "PlaycountStatsd needs mod_watchdog: load it, nothing is sent "
                     "without it");
    }
}

void playcount_statsd_child(server_rec *s)
{
    const playcount_statsd_conf *conf = playcount_metrics_global->statsd;

    if (conf && conf->raw && playcount_statsd_raw_child() != APR_SUCCESS) {
        ap_log_error(
            APLOG_MARK, APLOG_ERR, 0, s,
            "PlaycountStatsd mode=raw: no memory for this process' values");
    }
}

void playcount_statsd_keep(const playcount_sample *sample, unsigned cell)
{
    if (playcount_metrics_global->statsd->raw) {
        playcount_statsd_raw_keep(sample, cell);
    }
}

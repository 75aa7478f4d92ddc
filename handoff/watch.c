/* Delivery from the watchdog. mod_watchdog runs it in one process at a time, on a
 * thread of its own, so a consumer that blocks holds up nothing but itself. While
 * a graceful restart goes on, the old generation may still deliver when the new one
 * begins: engines bear that two deliver the same batch at once.
 *
 * After a failure the same batch is tried again, with pauses of 1/4, 1/2, 1, ... up
 * to 60 seconds, of which the first are one second long, as the watchdog looks once
 * a second. What is the matter is kept in the zone as a number, so that it is said
 * in the log once, not once per process that comes to try.
 */
#include "handoff/handoff.h"

#include "apr_hash.h"
#include "apr_strings.h"
#include "http_log.h"

#include "server/watchdog.h"

APLOG_USE_MODULE(playcount);

#define FIRST_PAUSE apr_time_from_msec(250)
#define LONGEST_PAUSE apr_time_from_sec(60)

/* A number other than 0 that stands for a sentence. */
static uint64_t stands_for(const char *sentence)
{
    apr_ssize_t length = APR_HASH_KEY_STRING;

    return (uint64_t)apr_hashfunc_default(sentence, &length) | 1ULL << 32;
}

static void failed(playcount_handoff *h, const playcount_batch *batch,
                   const char *why)
{
    uint64_t failing = stands_for(why);

    h->pause = h->pause ? 2 * h->pause : FIRST_PAUSE;
    if (h->pause > LONGEST_PAUSE) {
        h->pause = LONGEST_PAUSE;
    }
    h->next = apr_time_now() + h->pause;
    h->prepare_again = 1;
    if (playcount_handoff_report(h->zone->zone, failing) != failing) {
        ap_log_error(
            APLOG_MARK, APLOG_ERR, 0, h->server,
            "PlaycountHandoff (%s): batch %" APR_UINT64_T_FMT
            " of zone %s (%" APR_UINT64_T_FMT " plays of %" APR_UINT64_T_FMT
            " songs) is not delivered: %s. It waits, counting goes on, and "
            "delivery is tried again, at least every 60 s",
            h->where, batch->number, h->zone_name, batch->plays, batch->songs, why);
    }
}

static void succeeded(playcount_handoff *h, const playcount_batch *batch,
                      apr_time_t began)
{
    ap_log_error(APLOG_MARK, APLOG_DEBUG, 0, h->server,
                 "PlaycountHandoff (%s): batch %" APR_UINT64_T_FMT
                 " of zone %s (%" APR_UINT64_T_FMT " plays of %" APR_UINT64_T_FMT
                 " songs) delivered in %" APR_TIME_T_FMT " ms",
                 h->where, batch->number, h->zone_name, batch->plays, batch->songs,
                 apr_time_as_msec(apr_time_now() - began));
    h->pause = 0;
    h->prepare_again = 0;
    if (playcount_handoff_report(h->zone->zone, 0)) {
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, h->server,
                     "PlaycountHandoff (%s): the zone %s is delivered again",
                     h->where, h->zone_name);
    }
}

/* Deliver one open batch. 1 when the next may follow. */
static int deliver(playcount_handoff *h, const playcount_batch *batch,
                   apr_pool_t *pool)
{
    apr_time_t began = apr_time_now();
    apr_pool_t *p;
    const char *why;
    apr_status_t rv;

    apr_pool_create(&p, pool);
    why = h->engine->deliver(h, batch, p);
    if (!why) {
        rv = playcount_batch_acknowledge(h->zone->zone, batch->number);
        /* Another number: who delivers beside us has gone on already. */
        if (rv != APR_SUCCESS && rv != APR_EMISMATCH) {
            why = "the lock of the zone cannot be had; see the Mutex directive";
        }
    }
    if (why) {
        failed(h, batch, why);
    }
    else {
        succeeded(h, batch, began);
    }
    apr_pool_destroy(p);
    return !why;
}

/* A new batch, and what else is open. */
static void deliver_all(playcount_handoff *h, apr_pool_t *pool)
{
    playcount_batch batch = {0};
    apr_status_t rv = playcount_batch_take(h->zone->zone, &batch);

    while (rv == APR_SUCCESS) {
        if (!deliver(h, &batch, pool)) {
            return;
        }
        rv = playcount_batch_get(h->zone->zone, &batch);
    }
    if (rv != APR_NOTFOUND) {
        char text[128];

        failed(h, &batch,
               apr_psprintf(pool, "a batch cannot be taken from the zone: %s",
                            apr_strerror(rv, text, sizeof(text))));
    }
}

/* Also when the clock was set back, as that must not stop it until the clock is
 * again where it was. */
static int is_due(const playcount_handoff *h, apr_time_t now)
{
    apr_interval_time_t most = apr_time_from_sec(h->interval);

    return now >= h->next ||
           h->next - now > (most > LONGEST_PAUSE ? most : LONGEST_PAUSE);
}

static apr_status_t watch(int state, void *data, apr_pool_t *pool)
{
    playcount_handoff *h = data;
    apr_time_t now = apr_time_now();

    if (state == AP_WATCHDOG_STATE_RUNNING && is_due(h, now)) {
        h->next = now + apr_time_from_sec(h->interval);
        deliver_all(h, pool);
    }
    return APR_SUCCESS;
}

int playcount_handoff_watch(const apr_array_header_t *handoffs, server_rec *s,
                            apr_pool_t *p)
{
    /* The zones have said that mod_watchdog must be there. */
    for (int i = 0; i < handoffs->nelts; i++) {
        playcount_handoff *h = APR_ARRAY_IDX(handoffs, i, playcount_handoff *);
        const char *name = apr_psprintf(p, "_playcount_handoff_%d_", i);

        /* One each: a database that hangs holds up its own zone only. */
        if (playcount_watch(name, PLAYCOUNT_WATCH_ONE_CHILD, AP_WD_TM_INTERVAL,
                            watch, h, p) != APR_SUCCESS) {
            ap_log_error(APLOG_MARK, APLOG_EMERG, 0, h->server,
                         "PlaycountHandoff (%s): mod_watchdog does not take it",
                         h->where);
            return HTTP_INTERNAL_SERVER_ERROR;
        }
    }
    return OK;
}

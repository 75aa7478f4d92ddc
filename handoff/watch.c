/* Delivery from the watchdog. One process at a time does it (server/turn.h), on a
 * thread of its own, so a consumer that blocks holds up nothing but itself. While a
 * graceful restart goes on, the old generation may still deliver when the new one
 * begins, and a process that stood still may go on when another delivers: engines
 * allow that two deliver the same batch at once.
 *
 * After a failure the same batch is tried again, with pauses of 1/4, 1/2, 1, ... up
 * to 60 seconds, of which the first are one second long, as the watchdog looks once
 * a second. The zone keeps the reason as a number, so that it is logged once, and
 * not once per process that tries.
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

static void pause_after_failure(playcount_handoff *h)
{
    h->pause = h->pause ? 2 * h->pause : FIRST_PAUSE;
    if (h->pause > LONGEST_PAUSE) {
        h->pause = LONGEST_PAUSE;
    }
    h->paused_until = apr_time_now() + h->pause;
}

static void failed(playcount_handoff *h, const char *why)
{
    uint64_t failing = stands_for(why);

    pause_after_failure(h);
    playcount_handoff_explain(h->zone->zone, why);
    if (playcount_handoff_report(h->zone->zone, failing) != failing) {
        ap_log_error(
            APLOG_MARK, APLOG_ERR, 0, h->server,
            "PlaycountHandoff (%s): %s. Counting goes on, and this is tried "
            "again, at least every 60 s",
            h->where, why);
    }
}

static void succeeded(playcount_handoff *h)
{
    h->pause = 0;
    if (playcount_handoff_report(h->zone->zone, 0)) {
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, h->server,
                     "PlaycountHandoff (%s): the zone %s is delivered again",
                     h->where, h->zone_name);
    }
}

/* "batch 17 of zone default (5 plays of 2 songs)" */
static const char *describe(const playcount_handoff *h,
                            const playcount_batch *batch, apr_pool_t *p)
{
    return apr_psprintf(p,
                        "batch %" APR_UINT64_T_FMT " of zone %s (%" APR_UINT64_T_FMT
                        " plays of %" APR_UINT64_T_FMT " songs)",
                        batch->number, h->zone_name, batch->plays, batch->songs);
}

static playcount_delivery_e
acknowledge(playcount_handoff *h, const playcount_batch *batch, const char **why)
{
    apr_status_t rv = playcount_batch_acknowledge(h->zone->zone, batch->number);

    /* Another number: another process that delivers has gone on already. */
    if (rv == APR_SUCCESS || rv == APR_EMISMATCH) {
        return PLAYCOUNT_DELIVERED;
    }
    *why = "the lock of the zone cannot be acquired; see the Mutex directive";
    return PLAYCOUNT_UNDELIVERED;
}

/* Deliver one open batch. 1 when the next may follow. */
static int deliver(playcount_handoff *h, const playcount_batch *batch,
                   apr_pool_t *p)
{
    apr_time_t began = apr_time_now();
    const char *why = NULL;
    playcount_delivery_e outcome = h->engine->deliver(h, batch, p, &why);

    if (outcome == PLAYCOUNT_DELIVERED) {
        outcome = acknowledge(h, batch, &why);
    }
    if (outcome != PLAYCOUNT_DELIVERED) {
        failed(h, apr_pstrcat(p, describe(h, batch, p), " is not delivered: ", why,
                              NULL));
        return 0;
    }
    ap_log_error(APLOG_MARK, APLOG_DEBUG, 0, h->server,
                 "PlaycountHandoff (%s): %s delivered in %" APR_TIME_T_FMT " ms",
                 h->where, describe(h, batch, p),
                 apr_time_as_msec(apr_time_now() - began));
    return 1;
}

/* A new batch, and what else is open. With nothing left nothing is failing. */
static void deliver_all(playcount_handoff *h, apr_pool_t *pool)
{
    playcount_batch batch = {0};
    apr_status_t rv = playcount_batch_take(h->zone->zone, &batch);
    apr_pool_t *p;

    apr_pool_create(&p, pool);
    while (rv == APR_SUCCESS) {
        if (!deliver(h, &batch, p)) {
            return;
        }
        apr_pool_clear(p);
        rv = playcount_batch_get(h->zone->zone, &batch);
    }
    if (rv == APR_NOTFOUND) {
        succeeded(h);
    }
    else {
        char text[128];

        failed(h, apr_pstrcat(pool, "a batch cannot be taken from the zone: ",
                              apr_strerror(rv, text, sizeof(text)), NULL));
    }
}

/* --- what engines do besides --- */

static uint64_t epoch_of(const playcount_handoff *h)
{
    playcount_cursor cursor;

    playcount_zone_begin(h->zone->zone, &cursor);
    return cursor.epoch;
}

/* 1 when the engine may go on. */
static int did(playcount_handoff *h, playcount_delivery_e outcome, const char *why)
{
    if (outcome != PLAYCOUNT_DELIVERED) {
        failed(h, why);
    }
    return outcome == PLAYCOUNT_DELIVERED;
}

static int tell_of_clear(playcount_handoff *h, apr_pool_t *p)
{
    uint64_t epoch = epoch_of(h);
    const char *why = NULL;
    playcount_delivery_e outcome = PLAYCOUNT_DELIVERED;

    if (playcount_zone_failed(h->zone->zone)) {
        return 0; /* that was no epoch of its own */
    }
    if (h->engine->cleared && epoch != h->epoch) {
        outcome = h->engine->cleared(h, p, &why);
    }
    if (!did(h, outcome, why)) {
        return 0;
    }
    h->epoch = epoch;
    return 1;
}

static int tick(playcount_handoff *h, apr_pool_t *p)
{
    const char *why = NULL;
    playcount_delivery_e outcome =
        h->engine->tick ? h->engine->tick(h, p, &why) : PLAYCOUNT_DELIVERED;

    return did(h, outcome, why);
}

/* --- the watchdog's thread --- */

/* Also when the clock was set back: delivery must not pause until the clock has
 * caught up. */
static int is_due(apr_time_t time, apr_interval_time_t most, apr_time_t now)
{
    return now >= time || time - now > most;
}

/* The watchdog looks once a second, and now and then it is late. The batch after
 * that is not, so that it does not wait for one look more. */
static apr_time_t next_time(apr_time_t due, apr_interval_time_t interval,
                            apr_time_t now)
{
    return now >= due && now - due < interval ? due + interval : now + interval;
}

static void turn(playcount_handoff *h, apr_pool_t *pool)
{
    apr_time_t now = apr_time_now();
    apr_interval_time_t interval = apr_time_from_sec(h->interval);

    if (!is_due(h->paused_until, LONGEST_PAUSE, now) || !tell_of_clear(h, pool) ||
        !tick(h, pool)) {
        return;
    }
    /* After a failure the same batch is tried as soon as the pause is over. */
    if (h->pause || is_due(h->next, interval, now)) {
        h->next = next_time(h->next, interval, now);
        deliver_all(h, pool);
    }
}

static apr_status_t watch(int state, void *data, apr_pool_t *pool)
{
    playcount_handoff *h = data;

    switch (state) {
    case AP_WATCHDOG_STATE_STARTING:
        h->epoch = epoch_of(h);
        if (h->engine->begin) {
            h->engine->begin(h, pool);
        }
        break;
    case AP_WATCHDOG_STATE_RUNNING:
        turn(h, pool);
        break;
    case AP_WATCHDOG_STATE_STOPPING:
        if (h->engine->end) {
            h->engine->end(h);
        }
        break;
    }
    return APR_SUCCESS;
}

int playcount_handoff_watch(const apr_array_header_t *handoffs, server_rec *s,
                            apr_pool_t *p)
{
    /* The zones have reported that mod_watchdog is required. */
    for (int i = 0; i < handoffs->nelts; i++) {
        playcount_handoff *h = APR_ARRAY_IDX(handoffs, i, playcount_handoff *);
        const char *task = apr_pstrcat(p, "delivery-", h->zone_name, NULL);

        if (h->zone->unavailable) {
            continue;
        }

        /* One each: a database that hangs holds up its own zone only. */
        if (playcount_watch(task, PLAYCOUNT_WATCH_ONE_CHILD, AP_WD_TM_INTERVAL,
                            watch, h, s, p) != APR_SUCCESS) {
            ap_log_error(APLOG_MARK, APLOG_EMERG, 0, h->server,
                         "PlaycountHandoff (%s): mod_watchdog does not take it",
                         h->where);
            return HTTP_INTERNAL_SERVER_ERROR;
        }
    }
    return OK;
}

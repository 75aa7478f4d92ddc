/* The watchdog that writes the series: once per interval, in one child at a
 * time, in a thread of its own. */

#include "metrics/metrics.h"

#include <stdlib.h>

#include "http_log.h"

#include "server/watchdog.h"

APLOG_USE_MODULE(playcount);

/* What one interval needs besides the shared memory; the thread's. */
typedef struct {
    playcount_totals *since; /* [count] */
    playcount_series_entry *entry;
} work;

/* Whether it is for this process to close the interval that began at `start`: while
 * a graceful restart goes on, two generations have a watchdog each, and the marks
 * are for one at a time. */
static int claim(const playcount_segment *seg, uint64_t start, uint64_t now)
{
    return atomic_compare_exchange_strong_explicit(
        &seg->header->interval_started, &start, now, memory_order_acq_rel,
        memory_order_relaxed);
}

static void append(const playcount_segment *seg, work *w, uint64_t start,
                   uint64_t now)
{
    unsigned n = 0;

    playcount_segment_gather(seg);
    for (unsigned i = 0; i < seg->count; i++) {
        playcount_totals *since = &w->since[n];

        if (playcount_mark_take(&seg->series_marks[i], &seg->figures[i], since)) {
            w->entry[n].route = i;
            w->entry[n].totals = since;
            n++;
        }
    }
    playcount_series_append(seg->series, start, now > start ? now - start : 0,
                            w->entry, n);
}

static apr_status_t tick(int state, void *data, apr_pool_t *pool)
{
    const playcount_segment *seg = playcount_metrics_segment;
    uint64_t length =
        (uint64_t)apr_time_from_sec(playcount_metrics_global->interval);
    uint64_t now = (uint64_t)apr_time_now();
    uint64_t start =
        atomic_load_explicit(&seg->header->interval_started, memory_order_relaxed);
    uint64_t due = start + length;
    work w;

    (void)data;
    if (state != AP_WATCHDOG_STATE_RUNNING) {
        return APR_SUCCESS;
    }
    if (now < due && due - now <= length) {
        return APR_SUCCESS;
    }
    /* From the system and back to it: megabytes, of which only the part of the
     * routes that were busy is ever touched. */
    w.since = malloc(seg->count * sizeof(*w.since));
    w.entry = apr_palloc(pool, seg->count * sizeof(*w.entry));
    if (w.since && claim(seg, start, now)) {
        append(seg, &w, start, now);
    }
    free(w.since);
    return APR_SUCCESS;
}

void playcount_interval_start(server_rec *s, apr_pool_t *p)
{
    apr_status_t rv = playcount_watch("series", PLAYCOUNT_WATCH_ONE_CHILD,
                                      AP_WD_TM_SLICE, tick, NULL, s, p);

    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, rv, s,
                     "metrics: no series of intervals without mod_watchdog");
    }
}

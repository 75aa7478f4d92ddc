/* The member "window" of the live JSON: all requests of a window together, with
 * histograms that a terminal can draw. See live.h. */

#include "metrics/live_window.h"

#include <stdlib.h>

#include "apr_thread_mutex.h"

#include "metrics/live_series.h"

#define U64 "%" APR_UINT64_T_FMT
#define KEPT 8
#define STEPS_BITS 2 /* four steps in an octave */

/* The sums that polls asked for last. One of an hour with many routes takes as long
 * as the rows, so it is good for as many times as long. */
static struct {
    unsigned minutes;
    int route;
    uint64_t end; /* intervals written when it was computed */
    apr_time_t good;
    uint64_t used;         /* the last time, in polls: the oldest makes room */
    playcount_totals *sum; /* malloc'd */
} kept[KEPT];

static uint64_t polls;
static apr_thread_mutex_t *mutex; /* never held while something is sent */

void playcount_live_window_child(apr_pool_t *p)
{
    if (apr_thread_mutex_create(&mutex, APR_THREAD_MUTEX_DEFAULT, p) !=
        APR_SUCCESS) {
        mutex = NULL;
    }
}

/* The place of such a sum, or the one that makes room for it. */
static int place(unsigned minutes, int route)
{
    int slot = 0;

    for (int i = 0; i < KEPT; i++) {
        if (kept[i].used && kept[i].minutes == minutes && kept[i].route == route) {
            return i;
        }
        slot = kept[i].used < kept[slot].used ? i : slot;
    }
    kept[slot].used = 0;
    return slot;
}

/* Under the mutex; NULL without memory. */
static const playcount_totals *find(unsigned minutes, int route)
{
    int slot = place(minutes, route);
    apr_time_t began = apr_time_now();
    uint64_t first, end;

    playcount_series_range(playcount_metrics_segment->series, &first, &end);
    if (!kept[slot].used || (kept[slot].end != end && began >= kept[slot].good)) {
        kept[slot].used = 0;
        if (!kept[slot].sum) {
            kept[slot].sum = malloc(sizeof(*kept[slot].sum));
        }
        if (!kept[slot].sum ||
            !playcount_live_compute_window(kept[slot].sum, minutes, route,
                                           (uint64_t)began)) {
            return NULL;
        }
        kept[slot].minutes = minutes;
        kept[slot].route = route;
        kept[slot].end = end;
        kept[slot].good = began + PLAYCOUNT_LIVE_WORTH * (apr_time_now() - began);
    }
    kept[slot].used = ++polls;
    return kept[slot].sum;
}

/* From the first to the last step that holds anything: the limits between the
 * steps, one more than there are counts. */
static void put_histogram(playcount_writer *w, const uint64_t *bucket,
                          unsigned buckets)
{
    unsigned first = 0, last = buckets;

    while (first < last && !bucket[first]) {
        first++;
    }
    while (last > first && !bucket[last - 1]) {
        last--;
    }
    first = first < last ? playcount_histogram_coarse(first, STEPS_BITS) : first;
    playcount_put(w, "{\"counts\":[");
    for (unsigned at = first, begin = first; at < last; begin = at) {
        uint64_t n = 0;
        unsigned step = playcount_histogram_coarse(at, STEPS_BITS);

        for (; at < last && playcount_histogram_coarse(at, STEPS_BITS) == step;
             at++) {
            n += bucket[at];
        }
        playcount_printf(w, begin == first ? U64 : "," U64, n);
    }
    playcount_put(w, "],\"limits\":[");
    for (unsigned at = first; at < last; at++) {
        if (playcount_histogram_coarse(at, STEPS_BITS) == at) {
            playcount_printf(w, U64 ",", playcount_histogram_low(at));
        }
    }
    while (last < buckets && playcount_histogram_coarse(last, STEPS_BITS) != last) {
        last++;
    }
    playcount_printf(w, U64 "]}", playcount_histogram_low(last));
}

int playcount_write_live_window(playcount_writer *w, unsigned minutes, int route)
{
    playcount_totals *sum = apr_palloc(w->r->pool, sizeof(*sum));
    const playcount_totals *found;

    if (mutex) {
        apr_thread_mutex_lock(mutex);
    }
    found = find(minutes, route);
    if (found) {
        *sum = *found;
    }
    if (mutex) {
        apr_thread_mutex_unlock(mutex);
    }
    if (!found) {
        return HTTP_SERVICE_UNAVAILABLE;
    }
    playcount_put(w, "\"window\":{");
    playcount_write_totals_json(w, sum);
    playcount_put(w, ",\"histograms\":{");
    for (int f = 0; f < PLAYCOUNT_FIGURES; f++) {
        playcount_printf(w, f ? ",\"%s\":" : "\"%s\":", playcount_figure_names[f]);
        put_histogram(w, sum->bucket + playcount_first_bucket(f),
                      playcount_bucket_count(f));
    }
    playcount_put(w, "}},");
    return OK;
}

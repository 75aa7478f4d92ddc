/* All routes at one moment: see snapshot.h. Totals are large, so they come
 * straight from the system and go back to it with the pool. */

#include "metrics/snapshot.h"

#include <stdlib.h>

static apr_status_t release(void *memory)
{
    free(memory);
    return APR_SUCCESS;
}

static playcount_totals *new_totals(apr_pool_t *p)
{
    playcount_totals *t = calloc(1, sizeof(*t));

    if (t) {
        apr_pool_cleanup_register(p, t, release, apr_pool_cleanup_null);
    }
    return t;
}

static int used(const playcount_figures *figures)
{
    for (unsigned i = 0; i < PLAYCOUNT_CELLS; i++) {
        if (atomic_load_explicit(&figures->requests[i], memory_order_relaxed)) {
            return 1;
        }
    }
    return 0;
}

/* The route, if it has a name and, unless `known` is enough, was ever used. */
static int view(playcount_route_view *v, unsigned number, int known, apr_pool_t *p)
{
    const playcount_segment *seg = playcount_metrics_segment;
    const playcount_figures *figures = &seg->figures[number];

    if (!playcount_routes_name(seg->routes, number, v->name)) {
        return 0;
    }
    v->in_flight = playcount_inflight_count(seg->inflight, number);
    if (!known && !used(figures) && !v->in_flight) {
        return 0;
    }
    v->number = number;
    v->created = playcount_routes_created(seg->routes, number);
    if (!v->created) { /* "other" */
        v->created = seg->header->started;
    }
    v->life = new_totals(p);
    v->recent = NULL;
    if (v->life) {
        playcount_figures_read(figures, v->life);
    }
    return v->life != NULL;
}

static playcount_route_view *find(const playcount_snapshot *snap, unsigned number)
{
    for (unsigned i = 0; i < snap->count; i++) {
        if (snap->route[i].number == number) {
            return &snap->route[i];
        }
    }
    return NULL;
}

const char *playcount_snapshot_name(const playcount_snapshot *snap, unsigned number)
{
    const playcount_route_view *v = find(snap, number);

    return v ? v->name : "?";
}

static void add_interval(playcount_snapshot *snap,
                         const playcount_interval *interval,
                         playcount_totals *scratch, apr_pool_t *p)
{
    size_t at = 0;
    unsigned number;

    snap->recent_us += interval->length;
    snap->recent_intervals++;
    if (interval->bits < snap->recent_bits) {
        snap->recent_bits = interval->bits;
    }
    for (;;) {
        memset(scratch, 0, sizeof(*scratch));
        if (!playcount_interval_next(interval, &at, &number, scratch)) {
            return;
        }

        playcount_route_view *v = find(snap, number);

        if (v && !v->recent) {
            v->recent = new_totals(p);
        }
        if (v && v->recent) {
            playcount_totals_add(v->recent, scratch);
        }
        playcount_totals_add(snap->recent, scratch);
    }
}

static int add_recent(playcount_snapshot *snap, apr_pool_t *p)
{
    const playcount_series *series = playcount_metrics_segment->series;
    uint64_t since = (uint64_t)(apr_time_now() -
                                apr_time_from_sec(60) * (apr_time_t)snap->minutes);
    playcount_interval *interval =
        playcount_interval_new(playcount_metrics_segment->series);
    playcount_totals *scratch = malloc(sizeof(*scratch));
    uint64_t first, end;

    snap->recent = new_totals(p);
    snap->recent_bits = PLAYCOUNT_HISTOGRAM_STEP_BITS;
    playcount_series_range(series, &first, &end);
    while (end > first && interval && scratch && snap->recent) {
        if (playcount_series_read(series, --end, interval)) {
            if (interval->start + interval->length < since) {
                break;
            }
            add_interval(snap, interval, scratch, p);
        }
    }

    int enough = interval && scratch && snap->recent;

    free(interval);
    free(scratch);
    return enough;
}

static playcount_snapshot *take(apr_pool_t *p, int known)
{
    const playcount_segment *seg = playcount_metrics_segment;
    playcount_snapshot *snap = apr_pcalloc(p, sizeof(*snap));

    playcount_segment_gather(seg);
    snap->route = apr_pcalloc(p, seg->count * sizeof(*snap->route));
    snap->life = new_totals(p);
    if (!snap->life) {
        return NULL;
    }
    for (unsigned i = 0; i < seg->count; i++) {
        playcount_route_view *v = &snap->route[snap->count];

        if (view(v, i, known, p)) {
            playcount_totals_add(snap->life, v->life);
            snap->in_flight += v->in_flight;
            snap->count++;
        }
    }
    return snap;
}

playcount_snapshot *playcount_snapshot_known(apr_pool_t *p)
{
    return take(p, 1);
}

playcount_snapshot *playcount_snapshot_take(apr_pool_t *p, unsigned minutes)
{
    playcount_snapshot *snap = take(p, 0);

    if (!snap) {
        return NULL;
    }
    snap->minutes = minutes;
    if (minutes && !add_recent(snap, p)) {
        return NULL;
    }
    return snap;
}

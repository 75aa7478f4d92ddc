/* The live JSON: see live.h. */

#include "metrics/live.h"

#include "apr_strings.h"
#include "apr_thread_mutex.h"
#include "http_log.h"

#include "metrics/live_series.h"
#include "metrics/live_window.h"
#include "mod_playcount.h"

APLOG_USE_MODULE(playcount);

#define CACHED 8  /* series of different queries */
#define WINDOWS 4 /* rows of different minutes: the page has four */

/* What was computed for one query in the present interval. All open pages poll with
 * the same query, except the first time. */
static struct {
    uint64_t end;       /* intervals written when it was computed */
    uint64_t since_end; /* how many of them the query had already */
    unsigned minutes;
    int route;
    uint64_t used; /* the last time, in polls: the oldest makes room */
    playcount_live_series series;
} cache[CACHED];

/* The routes' rows, computed again when they are no longer worth what they took. */
static struct {
    unsigned minutes;
    uint64_t end;    /* intervals written when they were computed */
    apr_time_t good; /* until then */
    uint64_t used;
    playcount_live_rows rows;
} windows[WINDOWS];

static uint64_t polls;
static apr_thread_mutex_t *mutex; /* of both; never held while something is sent */

void playcount_live_child(apr_pool_t *p)
{
    if (apr_thread_mutex_create(&mutex, APR_THREAD_MUTEX_DEFAULT, p) !=
        APR_SUCCESS) {
        mutex = NULL;
    }
    playcount_live_window_child(p);
}

/* The number of a route; one that no route has, if there is none of that name. */
static int route_number(const char *name)
{
    char known[PLAYCOUNT_LABEL_MAX + 1];

    for (unsigned i = 0; i < playcount_metrics_segment->count; i++) {
        if (playcount_routes_name(playcount_metrics_segment->routes, i, known) &&
            !strcmp(known, name)) {
            return (int)i;
        }
    }
    return (int)playcount_metrics_segment->count;
}

/* How many intervals there are that start before or at `since`. Two polls with the
 * same number get the same answer. */
static uint64_t intervals_until(uint64_t since)
{
    const playcount_series *series = playcount_metrics_segment->series;
    playcount_interval *interval =
        playcount_interval_new(playcount_metrics_segment->series);
    uint64_t first, end, at;

    playcount_series_range(series, &first, &end);
    for (at = end; interval && at > first; at--) {
        if (playcount_series_read(series, at - 1, interval) &&
            interval->start <= since + 1000) {
            break;
        }
    }
    free(interval);
    return at;
}

static void write_rows(playcount_writer *w, const playcount_live_rows *rows)
{
    const playcount_segment *seg = playcount_metrics_segment;
    char name[PLAYCOUNT_LABEL_MAX + 1];

    playcount_printf(w, ",\"routes\":{\"columns\":[%s],\"rows\":[",
                     playcount_live_columns);
    for (unsigned i = 0; i < rows->rows; i++) {
        unsigned route = rows->row[i].route;

        playcount_put(w, i ? ",[\"" : "[\"");
        if (playcount_routes_name(seg->routes, route, name)) {
            playcount_put_json_text(w, name, strlen(name));
        }
        playcount_printf(w, "\",%u",
                         playcount_inflight_count(seg->inflight, route));
        playcount_put_bytes(w, rows->text.bytes + rows->row[i].at,
                            rows->row[i].end - rows->row[i].at);
    }
    playcount_put(w, "]}");
}

/* Under the mutex: the place of what the cache has for the query, computed if need
 * be; NULL without memory. */
static const playcount_live_series *find_series(const playcount_live_query *query,
                                                int route, uint64_t end)
{
    uint64_t since_end = intervals_until(query->since);
    int slot = 0;

    for (int i = 0; i < CACHED; i++) {
        if (cache[i].used && cache[i].end == end &&
            cache[i].since_end == since_end && cache[i].minutes == query->minutes &&
            cache[i].route == route) {
            cache[i].used = ++polls;
            return &cache[i].series;
        }
        slot = cache[i].used < cache[slot].used ? i : slot;
    }
    playcount_live_forget_series(&cache[slot].series);
    cache[slot].end = end;
    cache[slot].since_end = since_end;
    cache[slot].minutes = query->minutes;
    cache[slot].route = route;
    cache[slot].used = 0;
    if (!playcount_live_compute_series(&cache[slot].series, query, route,
                                       (uint64_t)apr_time_now())) {
        return NULL;
    }
    cache[slot].used = ++polls;
    return &cache[slot].series;
}

static const playcount_live_rows *find_rows(unsigned minutes, uint64_t end)
{
    apr_time_t began = apr_time_now(), took;
    int slot = 0;

    for (int i = 0; i < WINDOWS; i++) {
        if (windows[i].used && windows[i].minutes == minutes) {
            if (windows[i].end == end || began < windows[i].good) {
                windows[i].used = ++polls;
                return &windows[i].rows;
            }
            slot = i;
            break;
        }
        slot = windows[i].used < windows[slot].used ? i : slot;
    }
    playcount_live_forget_rows(&windows[slot].rows);
    windows[slot].used = 0;
    if (!playcount_live_compute_rows(&windows[slot].rows, minutes,
                                     (uint64_t)began)) {
        return NULL;
    }
    took = apr_time_now() - began;
    windows[slot].minutes = minutes;
    windows[slot].end = end;
    windows[slot].good = began + PLAYCOUNT_LIVE_WORTH * took;
    windows[slot].used = ++polls;
    return &windows[slot].rows;
}

/* Private copies of both. */
static int get_both(playcount_live_series *series, playcount_live_rows *rows,
                    const playcount_live_query *query, int route, apr_pool_t *p)
{
    const playcount_live_series *s;
    const playcount_live_rows *r;
    uint64_t first, end;

    playcount_series_range(playcount_metrics_segment->series, &first, &end);
    if (mutex) {
        apr_thread_mutex_lock(mutex);
    }
    s = find_series(query, route, end);
    r = s ? find_rows(query->minutes, end) : NULL;
    if (r) {
        *series = *s;
        series->text.bytes = apr_pmemdup(p, s->text.bytes, s->text.used);
        *rows = *r;
        rows->text.bytes = apr_pmemdup(p, r->text.bytes, r->text.used);
        rows->row = apr_pmemdup(p, r->row, r->rows * sizeof(*r->row));
    }
    if (mutex) {
        apr_thread_mutex_unlock(mutex);
    }
    return r != NULL;
}

static uint32_t in_flight(int route)
{
    const playcount_segment *seg = playcount_metrics_segment;
    uint32_t n = 0;

    for (unsigned i = 0; i < seg->count; i++) {
        if (route < 0 || (unsigned)route == i) {
            n += playcount_inflight_count(seg->inflight, i);
        }
    }
    return n;
}

static int write_metrics(playcount_writer *w, const playcount_live_query *query)
{
    const playcount_segment *seg = playcount_metrics_segment;
    int route = query->route ? route_number(query->route) : -1;
    playcount_live_series series;
    playcount_live_rows rows;

    if (!get_both(&series, &rows, query, route, w->r->pool)) {
        return HTTP_SERVICE_UNAVAILABLE;
    }
    playcount_json_moment(w, "started", seg->header->started);
    playcount_printf(w, ",\"interval_seconds\":%d,\"minutes\":%u,\"in_flight\":%u,",
                     playcount_metrics_global->interval, query->minutes,
                     in_flight(route));
    if (query->route) {
        playcount_json_string(w, "", "route", query->route);
        playcount_put(w, ",");
    }
    playcount_put_bytes(w, series.text.bytes, series.text.used);
    write_rows(w, &rows);
    playcount_put(w, ",");
    if (query->window) {
        int result = playcount_write_live_window(w, query->minutes, route);

        if (result != OK) {
            return result;
        }
    }
    playcount_write_happenings_json(w);
    return OK;
}

int playcount_write_live(playcount_writer *w, const playcount_live_query *query)
{
    int result = OK;

    playcount_put(w, "{");
    playcount_json_moment(w, "time", (uint64_t)apr_time_now());
    playcount_put(w, ",\"version\":\"" PLAYCOUNT_VERSION "\",\"metrics\":");
    if (playcount_metrics_segment) {
        playcount_put(w, "{");
        result = write_metrics(w, query);
        playcount_put(w, "}");
    }
    else {
        playcount_put(w, "null");
    }
    playcount_put(w, ",\"zones\":");
    playcount_write_zones_json(w);
    playcount_put(w, ",\"media\":");
    playcount_write_media_json(w);
    playcount_put(w, "}\n");
    return result;
}

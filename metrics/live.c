/* The live JSON: see live.h. */

#include "metrics/live.h"

#include <stdlib.h>

#include "apr_strings.h"
#include "apr_thread_mutex.h"

#include "metrics/kept.h"
#include "metrics/live_series.h"
#include "metrics/live_window.h"
#include "mod_playcount.h"

#define CACHED 8 /* series of different queries */

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

static uint64_t polls;
static apr_thread_mutex_t *mutex; /* of both; never held while anything is computed
                                     or sent */

void playcount_live_child(apr_pool_t *p)
{
    if (apr_thread_mutex_create(&mutex, APR_THREAD_MUTEX_DEFAULT, p) !=
        APR_SUCCESS) {
        mutex = NULL;
    }
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

/* --- the series --- */

/* A private copy of what the cache has for the query; 0 if it has nothing. */
static int find_series(playcount_live_series *series, uint64_t end,
                       uint64_t since_end, unsigned minutes, int route,
                       apr_pool_t *p)
{
    int found = 0;

    if (!mutex) {
        return 0;
    }
    apr_thread_mutex_lock(mutex);
    for (int i = 0; i < CACHED && !found; i++) {
        found = cache[i].used && cache[i].end == end &&
                cache[i].since_end == since_end && cache[i].minutes == minutes &&
                cache[i].route == route;
        if (found) {
            cache[i].used = ++polls;
            *series = cache[i].series;
            series->text.bytes =
                apr_pmemdup(p, series->text.bytes, series->text.used);
        }
    }
    apr_thread_mutex_unlock(mutex);
    return found;
}

/* The cache takes it in place of the one not used for longest. */
static void keep_series(const playcount_live_series *series, uint64_t end,
                        uint64_t since_end, unsigned minutes, int route)
{
    playcount_live_series old = *series;
    int slot = 0;

    if (mutex) {
        apr_thread_mutex_lock(mutex);
        for (int i = 1; i < CACHED; i++) {
            slot = cache[i].used < cache[slot].used ? i : slot;
        }
        old = cache[slot].series;
        cache[slot].series = *series;
        cache[slot].end = end;
        cache[slot].since_end = since_end;
        cache[slot].minutes = minutes;
        cache[slot].route = route;
        cache[slot].used = ++polls;
        apr_thread_mutex_unlock(mutex);
    }
    playcount_live_forget_series(&old);
}

/* 0 without memory. */
static int get_series(playcount_live_series *series,
                      const playcount_live_query *query, int route, apr_pool_t *p)
{
    uint64_t first, end, since_end = playcount_live_intervals_until(query->since);
    playcount_live_series computed;

    playcount_series_range(playcount_metrics_segment->series, &first, &end);
    if (find_series(series, end, since_end, query->minutes, route, p)) {
        return 1;
    }
    memset(&computed, 0, sizeof(computed));
    if (!playcount_live_compute_series(&computed, query, route,
                                       (uint64_t)apr_time_now())) {
        playcount_live_forget_series(&computed);
        return 0;
    }
    *series = computed;
    series->text.bytes = apr_pmemdup(p, computed.text.bytes, computed.text.used);
    keep_series(&computed, end, since_end, query->minutes, route);
    return 1;
}

/* All that may fail for want of memory, before anything is written. */
typedef struct {
    playcount_live_series series;
    const playcount_live_rows *rows;
    apr_time_t rows_made;
    const playcount_live_rate *rates;
    const playcount_totals *window;
} material;

static const void *get(request_rec *r, playcount_kept_kind kind, unsigned minutes,
                       int route, apr_time_t *made)
{
    playcount_kept_key key = playcount_kept_of_metrics(kind, minutes, route);

    return playcount_kept_get(r, &key, NULL, made);
}

/* 0 without memory. */
static int gather(material *m, request_rec *r, const playcount_live_query *query,
                  int route)
{
    if (query->parts & PLAYCOUNT_PART_SERIES &&
        !get_series(&m->series, query, route, r->pool)) {
        return 0;
    }
    if (query->parts & PLAYCOUNT_PART_ROUTES) {
        m->rows = get(r, PLAYCOUNT_KEPT_ROWS, query->minutes, 0, &m->rows_made);
        m->rates = get(r, PLAYCOUNT_KEPT_RATES, 0, 0, NULL);
        if (!m->rows || !m->rates) {
            return 0;
        }
    }
    if (query->parts & PLAYCOUNT_PART_WINDOW) {
        m->window = get(r, PLAYCOUNT_KEPT_WINDOW, query->minutes, route, NULL);
        return m->window != NULL;
    }
    return 1;
}

static void write_series(playcount_writer *w, const playcount_live_series *s,
                         unsigned figures)
{
    playcount_put(w, "\"series\":{");
    playcount_put_bytes(w, s->text.bytes, s->figure[0]);
    for (int f = 0; f < PLAYCOUNT_FIGURES; f++) {
        if (figures & 1u << f) {
            playcount_put_bytes(w, s->text.bytes + s->figure[f],
                                s->figure[f + 1] - s->figure[f]);
        }
    }
    playcount_put(w, "},");
}

/* --- the rows --- */

/* A row to be written, and what it is ordered by. */
typedef struct {
    const playcount_live_row *row;
    unsigned in_flight;
    double by;
} ordered;

static int highest_first(const void *a, const void *b)
{
    const ordered *x = a, *y = b;

    return x->by != y->by
               ? (x->by < y->by ? 1 : -1)
               : (x->row->route > y->row->route) - (x->row->route < y->row->route);
}

static double value_of(const ordered *o, unsigned column,
                       const playcount_live_rate *rates)
{
    switch (column) {
    case PLAYCOUNT_COLUMN_IN_FLIGHT:
        return o->in_flight;
    case PLAYCOUNT_COLUMN_RATE:
    case PLAYCOUNT_COLUMN_ERROR_RATE:
    case PLAYCOUNT_COLUMN_ABORTED_RATE:
        return rates[o->row->route].rate[column - PLAYCOUNT_COLUMN_RATE];
    default: /* of a silent one nothing is known, which is below everything */
        return o->row->silent ? -1
                              : o->row->value[column - PLAYCOUNT_COLUMN_REQUESTS];
    }
}

static void write_row(playcount_writer *w, const ordered *o, const char *text,
                      const playcount_live_rate *rates)
{
    char name[PLAYCOUNT_LABEL_MAX + 1];

    playcount_put(w, "[\"");
    if (playcount_routes_name(playcount_metrics_segment->routes, o->row->route,
                              name)) {
        playcount_put_json_text(w, name, strlen(name));
    }
    playcount_put(w, "\",");
    playcount_put_number(w, o->in_flight);
    playcount_put(w, rates[o->row->route].text);
    playcount_put_bytes(w, text + o->row->at, o->row->end - o->row->at);
    playcount_put(w, "]");
}

static void write_rows(playcount_writer *w, const material *m,
                       const playcount_live_query *query)
{
    unsigned n = (unsigned)m->rows->rows;
    unsigned shown = query->top && query->top < n ? query->top : n;
    ordered *list = apr_palloc(w->r->pool, (n + 1) * sizeof(*list));

    for (unsigned i = 0; i < n; i++) {
        list[i].row = &m->rows->row[i];
        list[i].in_flight = playcount_inflight_count(
            playcount_metrics_segment->inflight, list[i].row->route);
        list[i].by = query->top ? value_of(&list[i], query->by, m->rates) : 0;
    }
    if (query->top) {
        qsort(list, n, sizeof(*list), highest_first);
    }
    for (unsigned i = 0; i < shown; i++) {
        playcount_put(w, i ? "," : "");
        write_row(w, &list[i], (const char *)&m->rows->row[n], m->rates);
    }
}

static void write_routes(playcount_writer *w, const material *m,
                         const playcount_live_query *query)
{
    playcount_put(w, "\"routes\":{");
    playcount_json_moment(w, "time", (uint64_t)m->rows_made);
    playcount_printf(w, ",\"known\":%u,\"spark_seconds\":%.3f,\"columns\":[",
                     (unsigned)m->rows->rows, m->rows->spark_seconds);
    for (int i = 0; i < PLAYCOUNT_COLUMNS; i++) {
        playcount_printf(w, i ? ",\"%s\"" : "\"%s\"", playcount_live_columns[i]);
    }
    playcount_put(w, "],\"rows\":[");
    write_rows(w, m, query);
    playcount_put(w, "]},");
}

/* --- all of it --- */

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
    material m;

    memset(&m, 0, sizeof(m));
    if (!gather(&m, w->r, query, route)) {
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
    if (query->parts & PLAYCOUNT_PART_SERIES) {
        write_series(w, &m.series, query->figures);
    }
    if (m.rows) {
        write_routes(w, &m, query);
    }
    if (m.window) {
        playcount_write_live_window(w, m.window, query->figures);
    }
    if (query->parts & PLAYCOUNT_PART_SLOW) {
        playcount_write_slow_json(w);
        playcount_put(w, ",");
    }
    playcount_write_events_json(w);
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
    if (query->parts & PLAYCOUNT_PART_ZONES) {
        playcount_put(w, ",\"zones\":");
        playcount_write_zones_json(w, 1);
    }
    if (query->parts & PLAYCOUNT_PART_MEDIA) {
        playcount_put(w, ",\"media\":");
        playcount_write_media_json(w);
    }
    playcount_put(w, "}\n");
    return result;
}

/* The JSON of playcount-metrics. Members are added, never removed. Times are
 * microseconds, moments seconds since 1970; docs/metrics.md has the whole form. */

#include "metrics/formats.h"

#include <stdlib.h>

#include "metrics/snapshot.h"

#define U64 "%" APR_UINT64_T_FMT

void playcount_json_string(playcount_writer *w, const char *before,
                           const char *name, const char *text)
{
    playcount_printf(w, "%s\"%s\":\"", before, name);
    playcount_put_json_text(w, text, strlen(text));
    playcount_put(w, "\"");
}

void playcount_json_moment(playcount_writer *w, const char *name, uint64_t us)
{
    playcount_printf(w, "\"%s\":" U64 ".%06d", name, us / 1000000,
                     (int)(us % 1000000));
}

typedef uint64_t part_fn(const playcount_totals *t, unsigned part);

static uint64_t of_method(const playcount_totals *t, unsigned method)
{
    return playcount_totals_method(t, method);
}

static uint64_t of_outcome(const playcount_totals *t, unsigned outcome)
{
    return playcount_totals_outcome(t, outcome);
}

/* The requests in parts: an object with a member for each name. */
static void put_parts(playcount_writer *w, const char *key,
                      const playcount_totals *t, const char *const *name,
                      unsigned names, part_fn *part)
{
    playcount_printf(w, ",\"%s\":{", key);
    for (unsigned i = 0; i < names; i++) {
        playcount_printf(w, "%s\"%s\":", i ? "," : "", name[i]);
        playcount_put_number(w, part(t, i));
    }
    playcount_put(w, "}");
}

static void put_counts(playcount_writer *w, const playcount_totals *t)
{
    playcount_put(w, "\"requests\":");
    playcount_put_number(w, playcount_totals_requests(t));
    put_parts(w, "methods", t, playcount_method_names, PLAYCOUNT_METHODS,
              of_method);
    put_parts(w, "status", t, playcount_class_names, PLAYCOUNT_CLASSES,
              playcount_totals_class);
    put_parts(w, "outcomes", t, playcount_outcome_names, PLAYCOUNT_OUTCOMES,
              of_outcome);
}

static void put_figure(playcount_writer *w, const playcount_totals *t,
                       playcount_figure_e f)
{
    playcount_summary s;

    playcount_totals_summary(t, f, &s);
    playcount_printf(w,
                     ",\"%s\":{\"count\":" U64 ",\"sum\":" U64 ",\"min\":" U64
                     ",\"max\":" U64 ",\"average\":%.3f,\"median\":" U64
                     ",\"p95\":" U64 ",\"p99\":" U64 ",\"p999\":" U64 "}",
                     playcount_figure_names[f], s.count, s.sum, s.lowest, s.highest,
                     s.average, s.median, s.p95, s.p99, s.p999);
}

void playcount_write_totals_json(playcount_writer *w, const playcount_totals *t)
{
    put_counts(w, t);
    for (int f = 0; f < PLAYCOUNT_FIGURES; f++) {
        put_figure(w, t, f);
    }
}

/* In the order of the routes' numbers a route keeps its place in every answer. */
static void put_view(playcount_writer *w, uint32_t in_flight,
                     const playcount_totals *life, const playcount_totals *recent)
{
    playcount_printf(w, "\"in_flight\":%u,", in_flight);
    playcount_write_totals_json(w, life);
    playcount_put(w, ",\"recent\":");
    if (recent) {
        playcount_put(w, "{");
        playcount_write_totals_json(w, recent);
        playcount_put(w, "}");
    }
    else {
        playcount_put(w, "null");
    }
}

/* The beginning of an object about a route, up to its other members. */
static void put_route_name(playcount_writer *w, int first, const char *name)
{
    playcount_json_string(w, first ? "{" : ",{", "route", name);
    playcount_put(w, ",");
}

static void put_routes(playcount_writer *w, const playcount_snapshot *snap)
{
    playcount_put(w, "\"total\":{");
    put_view(w, snap->in_flight, snap->life, snap->recent);
    playcount_put(w, "},\"routes\":[");
    for (unsigned i = 0; i < snap->count; i++) {
        const playcount_route_view *v = &snap->route[i];

        put_route_name(w, i == 0, v->name);
        put_view(w, v->in_flight, v->life, v->recent);
        playcount_put(w, "}");
    }
    playcount_put(w, "]");
}

/* The error of a quantile in percent, by the steps per octave. */
static double percent(unsigned bits)
{
    return 100.0 / (double)(2u << bits);
}

static void put_interval(playcount_writer *w, const playcount_snapshot *snap,
                         const playcount_interval *interval,
                         playcount_totals *scratch, playcount_totals *sum)
{
    unsigned number;
    size_t at = 0;
    int n = 0;

    playcount_json_moment(w, "start", interval->start);
    playcount_printf(w, ",\"seconds\":%.3f,\"error_percent\":%.2f,\"routes\":[",
                     (double)interval->length / 1e6, percent(interval->bits));
    memset(sum, 0, sizeof(*sum));
    for (;;) {
        memset(scratch, 0, sizeof(*scratch));
        if (!playcount_interval_next(interval, &at, &number, scratch)) {
            break;
        }
        playcount_totals_add(sum, scratch);
        put_route_name(w, n++ == 0, playcount_snapshot_name(snap, number));
        playcount_write_totals_json(w, scratch);
        playcount_put(w, "}");
    }
    playcount_put(w, "],\"total\":{");
    playcount_write_totals_json(w, sum);
    playcount_put(w, "}");
}

/* Oldest first. */
static void put_series(playcount_writer *w, const playcount_snapshot *snap,
                       const playcount_json_query *query)
{
    const playcount_series *series = playcount_metrics_segment->series;
    uint64_t oldest = (uint64_t)(apr_time_now() - apr_time_from_sec(60) *
                                                      (apr_time_t)query->minutes);
    playcount_interval *interval =
        playcount_interval_new(playcount_metrics_segment->series);
    playcount_totals *scratch = malloc(2 * sizeof(*scratch));
    uint64_t first, end;
    int n = 0;

    playcount_series_range(series, &first, &end);
    playcount_put(w, "\"series\":[");
    for (; interval && scratch && first < end; first++) {
        if (playcount_series_read(series, first, interval) &&
            interval->start + interval->length >= oldest &&
            interval->start > query->since + 1000) {
            playcount_put(w, n++ ? ",{" : "{");
            put_interval(w, snap, interval, scratch, scratch + 1);
            playcount_put(w, "}");
        }
    }
    playcount_put(w, "]");
    free(interval);
    free(scratch);
}

static void put_slow_request(playcount_writer *w, const playcount_slow_request *s)
{
    char name[PLAYCOUNT_LABEL_MAX + 1];

    playcount_json_moment(w, "time", s->when);
    playcount_json_string(
        w, ",", "route",
        playcount_routes_name(playcount_metrics_segment->routes, s->route, name)
            ? name
            : "?");
    playcount_json_string(w, ",", "method", s->method);
    playcount_json_string(w, ",", "path", s->path);
    playcount_printf(w, ",\"status\":%u", s->status);
    playcount_json_string(w, ",", "outcome",
                          s->outcome < PLAYCOUNT_OUTCOMES
                              ? playcount_outcome_names[s->outcome]
                              : "?");
    for (int f = 0; f < PLAYCOUNT_FIGURES; f++) {
        playcount_printf(w, ",\"%s\":" U64, playcount_figure_names[f], s->value[f]);
    }
}

void playcount_write_events_json(playcount_writer *w)
{
    playcount_event event[PLAYCOUNT_EVENTS];
    unsigned n = playcount_events_read(playcount_metrics_segment->events, 0, event);

    playcount_put(w, "\"events\":[");
    for (unsigned i = 0; i < n; i++) {
        playcount_put(w, i ? ",{" : "{");
        playcount_json_moment(w, "time", event[i].when);
        playcount_printf(w, ",\"event\":\"%s\"",
                         playcount_event_names[event[i].kind]);
        if (event[i].pid) {
            playcount_printf(w, ",\"pid\":%d", (int)event[i].pid);
        }
        playcount_put(w, "}");
    }
    playcount_put(w, "]");
}

void playcount_write_slow_json(playcount_writer *w)
{
    playcount_slow_request *slow =
        apr_palloc(w->r->pool, PLAYCOUNT_SLOW_ENTRIES * sizeof(*slow));
    unsigned n = playcount_slow_read(playcount_metrics_segment->slow, slow);

    playcount_put(w, "\"slow\":[");
    for (unsigned i = 0; i < n; i++) {
        playcount_put(w, i ? ",{" : "{");
        put_slow_request(w, &slow[i]);
        playcount_put(w, "}");
    }
    playcount_put(w, "]");
}

static uint64_t load(const _Atomic uint64_t *word)
{
    return atomic_load_explicit(word, memory_order_relaxed);
}

static void put_statsd(playcount_writer *w, const playcount_segment_header *header)
{
    if (!playcount_metrics_global->statsd) {
        playcount_put(w, "\"statsd\":null,");
        return;
    }
    playcount_printf(w,
                     "\"statsd\":{\"datagrams\":" U64 ",\"failures\":" U64
                     ",\"dropped\":" U64 ",\"shared\":" U64 "},",
                     load(&header->statsd_datagrams),
                     load(&header->statsd_failures), load(&header->statsd_dropped),
                     load(&header->statsd_shared));
}

static void put_self(playcount_writer *w, const playcount_snapshot *snap)
{
    const playcount_segment *seg = playcount_metrics_segment;

    playcount_json_moment(w, "started", seg->header->started);
    playcount_printf(
        w,
        ",\"memory_bytes\":%" APR_SIZE_T_FMT
        ",\"routes_limit\":%u,\"routes_used\":%u,\"routes_refused\":" U64
        ",\"interval_seconds\":%d,\"recent_minutes\":%u,\"recent_seconds\":%.3f,"
        "\"recent_error_percent\":%.2f,",
        seg->size, seg->count - 1, playcount_routes_used(seg->routes),
        load(&seg->routes->refused), playcount_metrics_global->interval,
        snap->minutes, (double)snap->recent_us / 1e6, percent(snap->recent_bits));
    put_statsd(w, seg->header);
}

/* What the segment holds, as the members of one object. */
static void put_metrics(playcount_writer *w, const playcount_snapshot *snap,
                        const playcount_json_query *query)
{
    put_self(w, snap);
    put_routes(w, snap);
    playcount_put(w, ",");
    put_series(w, snap, query);
    playcount_put(w, ",");
    playcount_write_slow_json(w);
    playcount_put(w, ",");
    playcount_write_events_json(w);
}

int playcount_write_json(playcount_writer *w, const playcount_json_query *query)
{
    playcount_put(w, "{\"version\":1,");
    playcount_json_moment(w, "time", (uint64_t)apr_time_now());
    playcount_put(w, ",\"metrics\":");
    if (playcount_metrics_segment) {
        playcount_snapshot *snap =
            playcount_snapshot_take(w->r->pool, query->minutes);

        if (!snap) {
            return HTTP_SERVICE_UNAVAILABLE;
        }
        playcount_put(w, "{");
        put_metrics(w, snap, query);
        playcount_put(w, "}");
    }
    else {
        playcount_put(w, "null");
    }
    playcount_put(w, ",\"zones\":");
    playcount_write_zones_json(w, 0);
    playcount_put(w, ",\"media\":");
    playcount_write_media_json(w);
    playcount_put(w, ",\"tasks\":");
    playcount_write_tasks_json(w);
    playcount_put(w, ",\"recorders\":");
    playcount_write_recorder_json(w);
    playcount_put(w, "}\n");
    return OK;
}

/* The JSON of playcount-metrics. Its members only ever get more. Times are
 * microseconds, moments seconds since 1970; docs/metrics.md has the whole form. */

#include "metrics/page.h"

#include <stdlib.h>

#include "apr_strings.h"

#include "metrics/snapshot.h"
#include "server/text.h"

#define U64 "%" APR_UINT64_T_FMT

const char *playcount_json_text(apr_pool_t *p, const char *s)
{
    size_t length = strlen(s);
    char *out = apr_palloc(p, 6 * length + 1);

    out[playcount_json_escape(out, s, length)] = '\0';
    return out;
}

static void put_moment(playcount_page *page, const char *name, uint64_t us)
{
    playcount_page_printf(page, "\"%s\":" U64 ".%06d", name, us / 1000000,
                          (int)(us % 1000000));
}

static void put_counts(playcount_page *page, const playcount_totals *t)
{
    playcount_page_printf(page, "\"requests\":" U64 ",\"methods\":{",
                          playcount_totals_requests(t));
    for (int m = 0; m < PLAYCOUNT_METHODS; m++) {
        playcount_page_printf(page, "%s\"%s\":" U64, m ? "," : "",
                              playcount_method_names[m],
                              playcount_totals_method(t, m));
    }
    playcount_page_put(page, "},\"status\":{");
    for (unsigned c = 0; c < PLAYCOUNT_CLASSES; c++) {
        playcount_page_printf(page, "%s\"%s\":" U64, c ? "," : "",
                              playcount_class_names[c],
                              playcount_totals_class(t, c));
    }
    playcount_page_put(page, "},\"outcomes\":{");
    for (int o = 0; o < PLAYCOUNT_OUTCOMES; o++) {
        playcount_page_printf(page, "%s\"%s\":" U64, o ? "," : "",
                              playcount_outcome_names[o],
                              playcount_totals_outcome(t, o));
    }
    playcount_page_put(page, "}");
}

static void put_figures(playcount_page *page, const playcount_totals *t)
{
    for (int f = 0; f < PLAYCOUNT_FIGURES; f++) {
        playcount_summary s;

        playcount_totals_summary(t, f, &s);
        playcount_page_printf(page,
                              ",\"%s\":{\"count\":" U64 ",\"sum\":" U64
                              ",\"min\":" U64 ",\"max\":" U64
                              ",\"average\":%.3f,\"median\":" U64 ",\"p95\":" U64
                              ",\"p99\":" U64 ",\"p999\":" U64 "}",
                              playcount_figure_names[f], s.count, s.sum, s.lowest,
                              s.highest, s.average, s.median, s.p95, s.p99, s.p999);
    }
}

static void put_totals(playcount_page *page, const playcount_totals *t)
{
    put_counts(page, t);
    put_figures(page, t);
}

/* In the order of the routes' numbers a route keeps its place in every answer. */
static void put_view(playcount_page *page, uint32_t in_flight,
                     const playcount_totals *life, const playcount_totals *recent)
{
    playcount_page_printf(page, "\"in_flight\":%u,", in_flight);
    put_totals(page, life);
    playcount_page_put(page, ",\"recent\":");
    if (recent) {
        playcount_page_put(page, "{");
        put_totals(page, recent);
        playcount_page_put(page, "}");
    }
    else {
        playcount_page_put(page, "null");
    }
}

static void put_routes(playcount_page *page, const playcount_snapshot *snap)
{
    playcount_page_put(page, "\"total\":{");
    put_view(page, snap->in_flight, snap->life, snap->recent);
    playcount_page_put(page, "},\"routes\":[");
    for (unsigned i = 0; i < snap->count; i++) {
        const playcount_route_view *v = &snap->route[i];

        playcount_page_printf(page, "%s{\"route\":\"%s\",", i ? "," : "",
                              playcount_json_text(page->r->pool, v->name));
        put_view(page, v->in_flight, v->life, v->recent);
        playcount_page_put(page, "}");
    }
    playcount_page_put(page, "]");
}

/* The error of a quantile in percent, by the steps per octave. */
static double percent(unsigned bits)
{
    return 100.0 / (double)(2u << bits);
}

static void put_interval(playcount_page *page, const playcount_snapshot *snap,
                         const playcount_interval *interval,
                         playcount_totals *scratch, playcount_totals *sum)
{
    unsigned number;
    size_t at = 0;
    int n = 0;

    put_moment(page, "start", interval->start);
    playcount_page_printf(page,
                          ",\"seconds\":%.3f,\"error_percent\":%.2f,\"routes\":[",
                          (double)interval->length / 1e6, percent(interval->bits));
    memset(sum, 0, sizeof(*sum));
    for (;;) {
        memset(scratch, 0, sizeof(*scratch));
        if (!playcount_interval_next(interval, &at, &number, scratch)) {
            break;
        }
        playcount_totals_add(sum, scratch);
        playcount_page_printf(
            page, "%s{\"route\":\"%s\",", n++ ? "," : "",
            playcount_json_text(page->r->pool,
                                playcount_snapshot_name(snap, number)));
        put_totals(page, scratch);
        playcount_page_put(page, "}");
    }
    playcount_page_put(page, "],\"total\":{");
    put_totals(page, sum);
    playcount_page_put(page, "}");
}

/* Oldest first. */
static void put_series(playcount_page *page, const playcount_snapshot *snap,
                       const playcount_json_query *query)
{
    const playcount_series *series = playcount_metrics_segment->series;
    uint64_t oldest = (uint64_t)(apr_time_now() - apr_time_from_sec(60) *
                                                      (apr_time_t)query->minutes);
    playcount_interval *interval = malloc(sizeof(*interval));
    playcount_totals *scratch = malloc(2 * sizeof(*scratch));
    uint64_t first, end;
    int n = 0;

    playcount_series_range(series, &first, &end);
    playcount_page_put(page, "\"series\":[");
    for (; interval && scratch && first < end; first++) {
        if (playcount_series_read(series, first, interval) &&
            interval->start + interval->length >= oldest &&
            interval->start > query->since + 1000) {
            playcount_page_put(page, n++ ? ",{" : "{");
            put_interval(page, snap, interval, scratch, scratch + 1);
            playcount_page_put(page, "}");
        }
    }
    playcount_page_put(page, "]");
    free(interval);
    free(scratch);
}

static void put_slow(playcount_page *page, const playcount_snapshot *snap)
{
    apr_pool_t *p = page->r->pool;
    playcount_slow_request *slow =
        apr_palloc(p, PLAYCOUNT_SLOW_ENTRIES * sizeof(*slow));
    unsigned n = playcount_slow_read(playcount_metrics_segment->slow, slow);

    playcount_page_put(page, "\"slow\":[");
    for (unsigned i = 0; i < n; i++) {
        const playcount_slow_request *s = &slow[i];

        playcount_page_put(page, i ? ",{" : "{");
        put_moment(page, "time", s->when);
        playcount_page_printf(
            page,
            ",\"route\":\"%s\",\"method\":\"%s\",\"path\":\"%s\",\"status\":%u,"
            "\"outcome\":\"%s\"",
            playcount_json_text(p, playcount_snapshot_name(snap, s->route)),
            playcount_json_text(p, s->method), playcount_json_text(p, s->path),
            s->status,
            s->outcome < PLAYCOUNT_OUTCOMES ? playcount_outcome_names[s->outcome]
                                            : "?");
        for (int f = 0; f < PLAYCOUNT_FIGURES; f++) {
            playcount_page_printf(page, ",\"%s\":" U64, playcount_figure_names[f],
                                  s->value[f]);
        }
        playcount_page_put(page, "}");
    }
    playcount_page_put(page, "]");
}

static uint64_t load(const _Atomic uint64_t *word)
{
    return atomic_load_explicit(word, memory_order_relaxed);
}

static void put_self(playcount_page *page, const playcount_snapshot *snap)
{
    const playcount_segment *seg = playcount_metrics_segment;

    put_moment(page, "started", seg->header->started);
    playcount_page_printf(
        page,
        ",\"memory_bytes\":%" APR_SIZE_T_FMT
        ",\"routes_limit\":%u,\"routes_used\":%u,\"routes_refused\":" U64
        ",\"interval_seconds\":%d,\"recent_minutes\":%u,\"recent_seconds\":%.3f,"
        "\"recent_error_percent\":%.2f,",
        seg->size, seg->count - 1, playcount_routes_used(seg->routes),
        load(&seg->routes->refused), playcount_metrics_global->interval,
        snap->minutes, (double)snap->recent_us / 1e6, percent(snap->recent_bits));
    if (playcount_metrics_global->statsd) {
        playcount_page_printf(page,
                              "\"statsd\":{\"datagrams\":" U64 ",\"failures\":" U64
                              ",\"dropped\":" U64 "},",
                              load(&seg->header->statsd_datagrams),
                              load(&seg->header->statsd_failures),
                              load(&seg->header->statsd_dropped));
    }
    else {
        playcount_page_put(page, "\"statsd\":null,");
    }
}

int playcount_write_json(playcount_page *page, const playcount_json_query *query)
{
    playcount_page_put(page, "{\"version\":1,");
    put_moment(page, "time", (uint64_t)apr_time_now());
    playcount_page_put(page, ",\"metrics\":");
    if (playcount_metrics_segment) {
        playcount_snapshot *snap =
            playcount_snapshot_take(page->r->pool, query->minutes);

        if (!snap) {
            return HTTP_SERVICE_UNAVAILABLE;
        }
        playcount_page_put(page, "{");
        put_self(page, snap);
        put_routes(page, snap);
        playcount_page_put(page, ",");
        put_series(page, snap, query);
        playcount_page_put(page, ",");
        put_slow(page, snap);
        playcount_page_put(page, "}");
    }
    else {
        playcount_page_put(page, "null");
    }
    playcount_page_put(page, ",\"zones\":");
    playcount_write_zones_json(page);
    playcount_page_put(page, "}\n");
    return OK;
}

/* Prometheus' text format 0.0.4, and OpenMetrics 1.0. They differ in the name
 * of a counter's family, in numbers that must look like floats, in UNIT and in
 * the last line. */

#include "metrics/formats.h"

#include <math.h>

#include "apr_strings.h"

#include "metrics/snapshot.h"

/* Upper limits of the buckets shown, in the unit of the histograms. A limit
 * falls inside one of the fine buckets, so what is shown is exact for a limit
 * within 0.8 % of it. Times have PlaycountBuckets limits in each power of ten,
 * rounded to two digits, from 100 µs to 60 s: see time_limits(). */
static const uint64_t block_limits[] = {0,  1,   2,    5,     10,     20,
                                        50, 100, 1000, 10000, 100000, 1000000};
static const uint64_t length_limits[] = {
    0,       256,     1024,     4096,     16384,     65536,     262144,
    1048576, 4194304, 16777216, 67108864, 268435456, 1073741824};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
    const char *name, *unit, *help;
    const uint64_t *limit;
    size_t limits;
    double scale; /* from the histogram's unit to the one shown */
} families[PLAYCOUNT_FIGURES] = {
    [PLAYCOUNT_REQUEST_TIME] =
        {"playcount_request_time_seconds", "seconds",
         "Time from the request line to the end of the response.", NULL, 0, 1e6},
    [PLAYCOUNT_APPLICATION_TIME] =
        {"playcount_application_time_seconds", "seconds",
         "Time from the start of the content handler to the end of the response.",
         NULL, 0, 1e6},
    [PLAYCOUNT_OUTPUT_TIME] =
        {"playcount_output_time_seconds", "seconds",
         "Time spent in passing the response on towards the client.", NULL, 0, 1e6},
    [PLAYCOUNT_OUTPUT_BLOCKS] =
        {"playcount_output_blocks", NULL,
         "Blocks (data buckets) that the content handler passed on.", block_limits,
         COUNT(block_limits), 1},
    [PLAYCOUNT_OUTPUT_LENGTH] =
        {"playcount_output_length_bytes", "bytes",
         "Bytes that the content handler passed on, before any content coding.",
         length_limits, COUNT(length_limits), 1},
};

#define FIRST_TIME 100
#define LAST_TIME 60000000

typedef struct {
    const uint64_t *limit;
    size_t limits;
} limits;

static limits time_limits(apr_pool_t *p)
{
    int each = playcount_metrics_global->buckets;
    uint64_t *limit = apr_palloc(p, (6 * (size_t)each + 2) * sizeof(*limit));
    size_t n = 0;

    for (int i = 0;; i++) {
        double power = pow(10, floor((double)i / each));
        double step = round(10 * pow(10, (double)(i % each) / each));

        limit[n] = (uint64_t)(step * power * FIRST_TIME / 10);
        if (limit[n] >= LAST_TIME) {
            limit[n++] = LAST_TIME;
            return (limits){limit, n};
        }
        n++;
    }
}

void playcount_prometheus_head(playcount_writer *w, int om, const char *name,
                               const char *type, const char *unit, const char *help)
{
    const char *total = !om && !strcmp(type, "counter") ? "_total" : "";

    playcount_printf(w, "# HELP %s%s %s\n# TYPE %s%s %s\n", name, total, help, name,
                     total, type);
    if (om && unit) {
        playcount_printf(w, "# UNIT %s %s\n", name, unit);
    }
}

void playcount_prometheus_sample(playcount_writer *w, const char *name,
                                 const char *suffix, const char *label,
                                 const char *value)
{
    playcount_printf(w, "%s%s{%s=\"", name, suffix, label);
    playcount_put_label(w, value, strlen(value));
    playcount_put(w, "\"");
}

void playcount_prometheus_value(playcount_writer *w, uint64_t n)
{
    playcount_put(w, "} ");
    playcount_put_number(w, n);
    playcount_put(w, "\n");
}

/* Cells that exist from the beginning, with 0: a counter that first appears with
 * its first event is not seen to increase by it. */
static int is_expected(const playcount_totals *t, playcount_method_e m, unsigned c,
                       playcount_outcome_e o)
{
    int method = m == PLAYCOUNT_METHOD_GET || m == PLAYCOUNT_METHOD_POST ||
                 playcount_totals_method(t, m);

    switch (o) {
    case PLAYCOUNT_COMPLETE:
        return method && c >= 1 && c <= 3; /* 2xx to 4xx */
    case PLAYCOUNT_ABORTED:
        return method && c == 1;
    default:
        return method && (c == 1 || c == 4);
    }
}

static void write_cell(playcount_writer *w, const playcount_route_view *v,
                       playcount_method_e m, unsigned c, playcount_outcome_e o)
{
    uint64_t n = v->life->requests[playcount_cell(m, c, o)];

    if (!n && !is_expected(v->life, m, c, o)) {
        return;
    }
    playcount_prometheus_sample(w, "playcount_requests", "_total", "route",
                                v->name);
    playcount_printf(w, ",method=\"%s\",status=\"%s\",outcome=\"%s\"",
                     playcount_method_names[m], playcount_class_names[c],
                     playcount_outcome_names[o]);
    playcount_prometheus_value(w, n);
}

static void write_requests(playcount_writer *w, const playcount_route_view *v)
{
    for (int m = 0; m < PLAYCOUNT_METHODS; m++) {
        for (unsigned c = 0; c < PLAYCOUNT_CLASSES; c++) {
            for (int o = 0; o < PLAYCOUNT_OUTCOMES; o++) {
                write_cell(w, v, m, c, o);
            }
        }
    }
}

/* A limit as text: OpenMetrics wants floats to look like floats. */
static const char *limit_text(apr_pool_t *p, uint64_t limit, double scale, int om)
{
    char *text = apr_psprintf(p, "%.6f", (double)limit / scale);
    char *end = text + strlen(text);

    while (end[-1] == '0') {
        *--end = '\0';
    }
    if (end[-1] == '.') {
        end[om ? 0 : -1] = om ? '0' : '\0';
        end[1] = '\0';
    }
    return text;
}

static void write_bucket(playcount_writer *w, const playcount_route_view *v,
                         playcount_figure_e f, const char *limit, uint64_t n)
{
    playcount_prometheus_sample(w, families[f].name, "_bucket", "route", v->name);
    playcount_printf(w, ",le=\"%s\"", limit);
    playcount_prometheus_value(w, n);
}

static void write_histogram(playcount_writer *w, const playcount_route_view *v,
                            playcount_figure_e f, const limits *l, int om)
{
    const uint64_t *bucket = v->life->bucket + playcount_first_bucket(f);
    unsigned buckets = playcount_bucket_count(f);
    uint64_t count = playcount_histogram_count(bucket, buckets);

    for (size_t i = 0; i < l->limits; i++) {
        write_bucket(w, v, f,
                     limit_text(w->r->pool, l->limit[i], families[f].scale, om),
                     playcount_histogram_at_most(bucket, buckets, l->limit[i]));
    }
    write_bucket(w, v, f, "+Inf", count);
    playcount_prometheus_sample(w, families[f].name, "_sum", "route", v->name);
    playcount_printf(w, "} %.*f\n", families[f].scale > 1 ? 6 : 0,
                     (double)v->life->sum[f] / families[f].scale);
    playcount_prometheus_sample(w, families[f].name, "_count", "route", v->name);
    playcount_prometheus_value(w, count);
}

static void write_routes(playcount_writer *w, const playcount_snapshot *snap,
                         int om)
{
    playcount_prometheus_head(
        w, om, "playcount_requests", "counter", NULL,
        "Requests measured, by route, method, status class and outcome.");
    for (unsigned i = 0; i < snap->count; i++) {
        write_requests(w, &snap->route[i]);
    }
    playcount_prometheus_head(
        w, om, "playcount_requests_in_flight", "gauge", NULL,
        "Requests whose content handler has started and whose response has not "
        "ended.");
    for (unsigned i = 0; i < snap->count; i++) {
        playcount_prometheus_sample(w, "playcount_requests_in_flight", "", "route",
                                    snap->route[i].name);
        playcount_prometheus_value(w, snap->route[i].in_flight);
    }
    for (int f = 0; f < PLAYCOUNT_FIGURES; f++) {
        limits l = families[f].limit
                       ? (limits){families[f].limit, families[f].limits}
                       : time_limits(w->r->pool);

        playcount_prometheus_head(w, om, families[f].name, "histogram",
                                  families[f].unit, families[f].help);
        for (unsigned i = 0; i < snap->count; i++) {
            write_histogram(w, &snap->route[i], f, &l, om);
        }
    }
}

static uint64_t load(const _Atomic uint64_t *word)
{
    return atomic_load_explicit(word, memory_order_relaxed);
}

/* A family of one sample without labels. */
static void write_number(playcount_writer *w, int om, const char *name,
                         const char *type, const char *unit, const char *help,
                         uint64_t n)
{
    playcount_prometheus_head(w, om, name, type, unit, help);
    playcount_printf(w, "%s%s %" APR_UINT64_T_FMT "\n", name,
                     strcmp(type, "counter") ? "" : "_total", n);
}

static void write_statsd(playcount_writer *w, int om,
                         const playcount_segment_header *header)
{
    write_number(w, om, "playcount_statsd_datagrams", "counter", NULL,
                 "Datagrams sent to statsd.", load(&header->statsd_datagrams));
    write_number(w, om, "playcount_statsd_failures", "counter", NULL,
                 "Datagrams to statsd that the system refused.",
                 load(&header->statsd_failures));
    write_number(w, om, "playcount_statsd_dropped", "counter", NULL,
                 "Raw requests not sent to statsd because the buffer was full.",
                 load(&header->statsd_dropped));
}

static void write_build(playcount_writer *w, int om)
{
    ap_version_t httpd;

    ap_get_server_revision(&httpd);
    playcount_prometheus_head(w, om, "playcount_build_info", "gauge", NULL,
                              "1; the versions of mod_playcount and httpd.");
    playcount_printf(w,
                     "playcount_build_info{version=\"%s\",httpd=\"%d.%d.%d\"} 1\n",
                     PLAYCOUNT_VERSION, httpd.major, httpd.minor, httpd.patch);
}

static void write_self(playcount_writer *w, int om)
{
    const playcount_segment *seg = playcount_metrics_segment;

    playcount_prometheus_head(w, om, "playcount_start_time_seconds", "gauge",
                              "seconds",
                              "When the counting began, in seconds since 1970.");
    playcount_printf(w, "playcount_start_time_seconds %.6f\n",
                     (double)seg->header->started / 1e6);
    write_number(w, om, "playcount_metrics_memory_bytes", "gauge", "bytes",
                 "Shared memory of the metrics.", seg->size);
    write_number(w, om, "playcount_routes", "gauge", NULL,
                 "Routes in use, without \"other\".",
                 playcount_routes_used(seg->routes));
    write_number(w, om, "playcount_routes_limit", "gauge", NULL, "PlaycountRoutes.",
                 seg->count - 1);
    write_number(w, om, "playcount_routes_refused", "counter", NULL,
                 "Requests counted as \"other\" because all routes were in use.",
                 load(&seg->routes->refused));
    if (playcount_metrics_global->statsd) {
        write_statsd(w, om, seg->header);
    }
}

int playcount_write_prometheus(playcount_writer *w, int openmetrics)
{
    if (playcount_metrics_segment) {
        playcount_snapshot *snap = playcount_snapshot_known(w->r->pool);

        if (!snap) {
            return HTTP_SERVICE_UNAVAILABLE;
        }
        write_routes(w, snap, openmetrics);
        write_self(w, openmetrics);
    }
    write_build(w, openmetrics);
    playcount_write_zones_prometheus(w, openmetrics);
    if (openmetrics) {
        playcount_put(w, "# EOF\n");
    }
    return OK;
}

/* What Prometheus is shown, in whichever form it asked for: exposition.h. */

#include "metrics/formats.h"

#include <math.h>

#include "apr_strings.h"

#include "metrics/snapshot.h"

/* Upper limits of the classic buckets, in the unit of the histograms. A limit
 * falls inside one of the fine buckets, so what is shown is exact for a limit
 * within 0.8 % of it. Times have PlaycountBuckets limits in each power of ten,
 * rounded to two digits, from 100 µs to 60 s: see time_limits(). */
static const uint64_t block_limits[] = {0,  1,   2,    5,     10,     20,
                                        50, 100, 1000, 10000, 100000, 1000000};
static const uint64_t length_limits[] = {
    0,       256,     1024,     4096,     16384,     65536,     262144,
    1048576, 4194304, 16777216, 67108864, 268435456, 1073741824};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

typedef struct {
    playcount_family family;
    const uint64_t *limit; /* NULL: those of times */
    size_t limits;
    double scale; /* from the histogram's unit to the one shown */
} figure_family;

static const figure_family figures[PLAYCOUNT_FIGURES] = {
    [PLAYCOUNT_REQUEST_TIME] = {{"playcount_request_time_seconds",
                                 PLAYCOUNT_HISTOGRAM, "seconds",
                                 "Time from the request line to the end of the "
                                 "response."},
                                NULL,
                                0,
                                1e6},
    [PLAYCOUNT_APPLICATION_TIME] =
        {{"playcount_application_time_seconds", PLAYCOUNT_HISTOGRAM, "seconds",
          "Time from the start of the content handler to "
          "the end of the response."},
         NULL,
         0,
         1e6},
    [PLAYCOUNT_OUTPUT_TIME] = {{"playcount_output_time_seconds",
                                PLAYCOUNT_HISTOGRAM, "seconds",
                                "Time spent in passing the response on towards the "
                                "client."},
                               NULL,
                               0,
                               1e6},
    [PLAYCOUNT_OUTPUT_BLOCKS] = {{"playcount_output_blocks", PLAYCOUNT_HISTOGRAM,
                                  NULL,
                                  "Blocks (data buckets) that the content handler "
                                  "passed on."},
                                 block_limits,
                                 COUNT(block_limits),
                                 1},
    [PLAYCOUNT_OUTPUT_LENGTH] =
        {{"playcount_output_length_bytes", PLAYCOUNT_HISTOGRAM, "bytes",
          "Bytes that the content handler passed on, before "
          "any content coding."},
         length_limits,
         COUNT(length_limits),
         1},
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

static playcount_pair pair(const char *name, const char *value)
{
    return (playcount_pair){name, value, strlen(value)};
}

static void write_cell(playcount_exposition *e, const playcount_route_view *v,
                       playcount_method_e m, unsigned c, playcount_outcome_e o)
{
    uint64_t n = v->life->requests[playcount_cell(m, c, o)];

    if (n || is_expected(v->life, m, c, o)) {
        playcount_pair labels[] = {pair("route", v->name),
                                   pair("method", playcount_method_names[m]),
                                   pair("status", playcount_class_names[c]),
                                   pair("outcome", playcount_outcome_names[o])};

        e->form->sample(e, labels, COUNT(labels), n, 1);
    }
}

static void write_requests(playcount_exposition *e, const playcount_route_view *v)
{
    for (int m = 0; m < PLAYCOUNT_METHODS; m++) {
        for (unsigned c = 0; c < PLAYCOUNT_CLASSES; c++) {
            for (int o = 0; o < PLAYCOUNT_OUTCOMES; o++) {
                write_cell(e, v, m, c, o);
            }
        }
    }
}

static void write_histograms(playcount_exposition *e,
                             const playcount_snapshot *snap, playcount_figure_e f)
{
    limits l = figures[f].limit ? (limits){figures[f].limit, figures[f].limits}
                                : time_limits(e->w->r->pool);

    e->form->begin(e, &figures[f].family);
    for (unsigned i = 0; i < snap->count; i++) {
        const playcount_route_view *v = &snap->route[i];
        playcount_pair label = pair("route", v->name);
        playcount_shown_histogram h = {v->life->bucket + playcount_first_bucket(f),
                                       playcount_bucket_count(f),
                                       v->life->sum[f],
                                       figures[f].scale,
                                       l.limit,
                                       l.limits};

        e->created = v->created;
        e->form->histogram(e, &label, &h);
    }
    e->form->end(e);
}

static void write_routes(playcount_exposition *e, const playcount_snapshot *snap)
{
    static const playcount_family requests = {
        "playcount_requests", PLAYCOUNT_COUNTER, NULL,
        "Requests measured, by route, method, status class and outcome."};
    static const playcount_family in_flight = {
        "playcount_requests_in_flight", PLAYCOUNT_GAUGE, NULL,
        "Requests whose content handler has started and whose response has not "
        "ended."};

    e->form->begin(e, &requests);
    for (unsigned i = 0; i < snap->count; i++) {
        e->created = snap->route[i].created;
        write_requests(e, &snap->route[i]);
    }
    e->form->end(e);
    e->form->begin(e, &in_flight);
    for (unsigned i = 0; i < snap->count; i++) {
        playcount_pair label = pair("route", snap->route[i].name);

        e->form->sample(e, &label, 1, snap->route[i].in_flight, 1);
    }
    e->form->end(e);
    for (int f = 0; f < PLAYCOUNT_FIGURES; f++) {
        write_histograms(e, snap, (playcount_figure_e)f);
    }
    e->created = 0;
}

static uint64_t load(const _Atomic uint64_t *word)
{
    return atomic_load_explicit(word, memory_order_relaxed);
}

/* A family of one sample without labels. */
static void write_number(playcount_exposition *e, const playcount_family *family,
                         uint64_t n, double scale)
{
    e->form->begin(e, family);
    e->form->sample(e, NULL, 0, n, scale);
    e->form->end(e);
}

static void write_statsd(playcount_exposition *e,
                         const playcount_segment_header *header)
{
    static const playcount_family datagrams = {"playcount_statsd_datagrams",
                                               PLAYCOUNT_COUNTER, NULL,
                                               "Datagrams sent to statsd."};
    static const playcount_family failures = {
        "playcount_statsd_failures", PLAYCOUNT_COUNTER, NULL,
        "Datagrams to statsd that the system refused."};
    static const playcount_family dropped = {
        "playcount_statsd_dropped", PLAYCOUNT_COUNTER, NULL,
        "Raw requests not sent to statsd because the buffer was full."};
    static const playcount_family shared = {
        "playcount_statsd_shared", PLAYCOUNT_COUNTER, NULL,
        "Requests that shared values sent to statsd, as there were too many."};

    write_number(e, &datagrams, load(&header->statsd_datagrams), 1);
    write_number(e, &failures, load(&header->statsd_failures), 1);
    write_number(e, &dropped, load(&header->statsd_dropped), 1);
    write_number(e, &shared, load(&header->statsd_shared), 1);
}

static void write_build(playcount_exposition *e)
{
    static const playcount_family build = {
        "playcount_build_info", PLAYCOUNT_GAUGE, NULL,
        "1; the versions of mod_playcount and httpd."};
    ap_version_t httpd;
    playcount_pair labels[2];

    ap_get_server_revision(&httpd);
    labels[0] = pair("version", PLAYCOUNT_VERSION);
    labels[1] = pair("httpd", apr_psprintf(e->w->r->pool, "%d.%d.%d", httpd.major,
                                           httpd.minor, httpd.patch));
    e->form->begin(e, &build);
    e->form->sample(e, labels, 2, 1, 1);
    e->form->end(e);
}

static void write_self(playcount_exposition *e)
{
    static const playcount_family start = {
        "playcount_start_time_seconds", PLAYCOUNT_GAUGE, "seconds",
        "When the counting began, in seconds since 1970."};
    static const playcount_family memory = {"playcount_metrics_memory_bytes",
                                            PLAYCOUNT_GAUGE, "bytes",
                                            "Shared memory of the metrics."};
    static const playcount_family used = {"playcount_routes", PLAYCOUNT_GAUGE, NULL,
                                          "Routes in use, without \"other\"."};
    static const playcount_family limit = {
        "playcount_routes_limit", PLAYCOUNT_GAUGE, NULL, "PlaycountRoutes."};
    static const playcount_family refused = {
        "playcount_routes_refused", PLAYCOUNT_COUNTER, NULL,
        "Requests counted as \"other\" because all routes were in use."};
    const playcount_segment *seg = playcount_metrics_segment;

    e->created = seg->header->started;
    write_number(e, &start, seg->header->started, 1e6);
    write_number(e, &memory, seg->size, 1);
    write_number(e, &used, playcount_routes_used(seg->routes), 1);
    write_number(e, &limit, seg->count - 1, 1);
    write_number(e, &refused, load(&seg->routes->refused), 1);
    if (playcount_metrics_global->statsd) {
        write_statsd(e, seg->header);
    }
    e->created = 0;
}

int playcount_write_prometheus(playcount_writer *w,
                               const playcount_form_of_metrics *form)
{
    playcount_exposition e = {.w = w, .form = form};

    if (playcount_metrics_segment) {
        playcount_snapshot *snap = playcount_snapshot_known(w->r->pool);

        if (!snap) {
            return HTTP_SERVICE_UNAVAILABLE;
        }
        write_routes(&e, snap);
        write_self(&e);
    }
    write_build(&e);
    playcount_write_zones_prometheus(&e);
    playcount_write_media_prometheus(&e);
    playcount_write_tasks_prometheus(&e);
    playcount_write_recorder_prometheus(&e);
    form->finish(&e);
    return OK;
}

/* The routes' rows of the live JSON: what the last minutes were for each, what the
 * newest interval was, and all of it together for one route or for all. They are
 * the expensive part of it, so they are computed once for all: see kept.h. */

#include "metrics/live_read.h"

#include <math.h>
#include <stdlib.h>

#include "apr_strings.h"

#include "metrics/kept.h"

#define U64 "%" APR_UINT64_T_FMT

const char *const playcount_live_columns[PLAYCOUNT_COLUMNS] = {
    "route",        "in_flight",       "rate",       "error_rate",
    "aborted_rate", "requests",        "errors",     "aborted",
    "average",      "median",          "p95",        "p99",
    "p999",         "application_p95", "output_p95", "blocks_median",
    "blocks_p95",   "length_median",   "length_p95", "length_sum",
    "spark"};

/* How the window is divided for sparklines: into parts of whole intervals, the last
 * of which ends with the newest interval, so that all are complete. */
typedef struct {
    uint64_t end, width; /* µs */
    unsigned parts;
    uint64_t measured[PLAYCOUNT_SPARKS]; /* µs of each that intervals cover */
} course;

typedef struct {
    int any; /* something came */
    uint32_t spark[PLAYCOUNT_SPARKS];
} row;

typedef struct {
    course course;
    unsigned count;
    row *row;                 /* [count] */
    playcount_totals *totals; /* [count]; memory that no route needs is never
                                 touched */
} window;

static void begin_course(course *c, uint64_t span, uint64_t end)
{
    uint64_t interval =
        (uint64_t)apr_time_from_sec(playcount_metrics_global->interval);
    uint64_t least = span / PLAYCOUNT_SPARKS;

    c->end = end;
    c->width = (least + interval - 1) / interval * interval;
    c->width = c->width ? c->width : interval;
    c->parts = (unsigned)(span / c->width);
    c->parts = c->parts ? c->parts : 1;
}

/* The part that an interval belongs to; -1: none. */
static int part_of(const course *c, const playcount_interval *interval)
{
    uint64_t middle = interval->start + interval->length / 2;
    uint64_t back = middle < c->end ? (c->end - middle) / c->width : c->parts;

    return back < c->parts ? (int)(c->parts - 1 - back) : -1;
}

static void add_interval(window *w, const playcount_interval *interval)
{
    int part = part_of(&w->course, interval);
    size_t at = 0, before = 0;
    unsigned number;

    if (part >= 0) {
        w->course.measured[part] += interval->length;
    }
    while (playcount_interval_next(interval, &at, &number, NULL) &&
           number < w->count) {
        playcount_totals *t = &w->totals[number];
        uint64_t requests = part >= 0 ? playcount_totals_requests(t) : 0;

        playcount_interval_next(interval, &before, &number, t);
        w->row[number].any = 1;
        if (part >= 0) {
            w->row[number].spark[part] +=
                (uint32_t)(playcount_totals_requests(t) - requests);
        }
        before = at;
    }
}

static void read_window(window *w, uint64_t from, uint64_t span)
{
    playcount_interval *interval =
        playcount_interval_new(playcount_metrics_segment->series);
    uint64_t at, end;

    if (interval && playcount_live_newest(interval)) {
        begin_course(&w->course, span, interval->start + interval->length);
        playcount_series_range(playcount_metrics_segment->series, &at, &end);
        while (playcount_live_next(&at, end, from, interval)) {
            add_interval(w, interval);
        }
    }
    free(interval);
}

/* --- quantiles --- */

enum { MEDIAN, P95, P99, P999, QUANTILES };

/* The quantiles of a figure by nearest rank, as playcount_totals_summary() has
 * them, in one pass over the octaves from the lowest to the highest value. */
static void find_quantiles(const playcount_totals *t, playcount_figure_e f,
                           uint64_t found[QUANTILES])
{
    static const double share[QUANTILES] = {0.5, 0.95, 0.99, 0.999};
    const uint64_t *bucket = t->bucket + playcount_first_bucket(f);
    unsigned buckets = playcount_bucket_count(f);
    unsigned octave = PLAYCOUNT_HISTOGRAM_STEPS - 1; /* its buckets, but for one */
    unsigned first = playcount_histogram_index(t->lowest[f], buckets) & ~octave;
    unsigned last = playcount_histogram_index(t->highest[f], buckets) | octave;
    uint64_t n = 0, seen = 0;
    int q = 0;

    last = last < buckets ? last : buckets - 1;
    for (unsigned i = first; i <= last; i++) {
        n += bucket[i];
    }
    memset(found, 0, QUANTILES * sizeof(*found));
    for (unsigned i = first; n && i <= last && q < QUANTILES; i++) {
        seen += bucket[i];
        while (q < QUANTILES && seen >= (uint64_t)ceil(share[q] * (double)n)) {
            uint64_t value = playcount_histogram_middle(i);

            value = value > t->highest[f] ? t->highest[f] : value;
            found[q++] = value < t->lowest[f] ? t->lowest[f] : value;
        }
    }
}

/* --- rows --- */

static void find_values(const playcount_totals *t,
                        double value[PLAYCOUNT_ROW_VALUES])
{
    uint64_t request[QUANTILES], other[QUANTILES];
    uint64_t n = playcount_totals_requests(t);
    double *v = value;

    find_quantiles(t, PLAYCOUNT_REQUEST_TIME, request);
    *v++ = (double)n;
    *v++ = (double)playcount_totals_outcome(t, PLAYCOUNT_ERROR);
    *v++ = (double)playcount_totals_outcome(t, PLAYCOUNT_ABORTED);
    *v++ = n ? (double)t->sum[PLAYCOUNT_REQUEST_TIME] / (double)n : 0;
    for (int q = 0; q < QUANTILES; q++) {
        *v++ = (double)request[q];
    }
    find_quantiles(t, PLAYCOUNT_APPLICATION_TIME, other);
    *v++ = (double)other[P95];
    find_quantiles(t, PLAYCOUNT_OUTPUT_TIME, other);
    *v++ = (double)other[P95];
    find_quantiles(t, PLAYCOUNT_OUTPUT_BLOCKS, other);
    *v++ = (double)other[MEDIAN];
    *v++ = (double)other[P95];
    find_quantiles(t, PLAYCOUNT_OUTPUT_LENGTH, other);
    *v++ = (double)other[MEDIAN];
    *v++ = (double)other[P95];
    *v = (double)t->sum[PLAYCOUNT_OUTPUT_LENGTH];
}

/* Requests a second in each part; null where less than half of it was measured. */
static void put_spark(playcount_text *text, const course *c, const row *r)
{
    playcount_text_put(text, ",[");
    for (unsigned i = 0; i < c->parts; i++) {
        const char *comma = i ? "," : "";

        if (2 * c->measured[i] < c->width) {
            playcount_text_put(text, "%snull", comma);
        }
        else {
            playcount_text_put(text, "%s%.3f", comma,
                               (double)r->spark[i] * 1e6 / (double)c->measured[i]);
        }
    }
    playcount_text_put(text, "]");
}

/* A route to which nothing came has no times and no sizes. */
static void put_row(playcount_text *text, const course *c, const row *r,
                    const double value[PLAYCOUNT_ROW_VALUES])
{
    for (int i = 0; i < PLAYCOUNT_ROW_VALUES; i++) {
        int column = PLAYCOUNT_COLUMN_REQUESTS + i;

        if (!r->any && column >= PLAYCOUNT_COLUMN_AVERAGE &&
            column < PLAYCOUNT_COLUMN_LENGTH_SUM) {
            playcount_text_put(text, ",null");
        }
        else if (column == PLAYCOUNT_COLUMN_AVERAGE) {
            playcount_text_put(text, ",%.1f", value[i]);
        }
        else {
            playcount_text_put(text, "," U64, (apr_uint64_t)value[i]);
        }
    }
    put_spark(text, c, r);
}

/* The rows, and the text behind them, in one piece of memory. */
static void *joined(playcount_live_rows *rows, const playcount_text *text,
                    size_t *bytes)
{
    size_t size = sizeof(*rows) + rows->rows * sizeof(rows->row[0]);
    char *all = text->failed ? NULL : realloc(rows, size + text->used);

    if (!all) {
        free(rows);
        return NULL;
    }
    if (text->used) {
        memcpy(all + size, text->bytes, text->used);
    }
    *bytes = size + text->used;
    return all;
}

/* Every route that has a name, and the last one ("other") if anything came to it.
 */
static void *write_rows(const window *w, size_t *bytes)
{
    playcount_live_rows *rows =
        calloc(1, sizeof(*rows) + w->count * sizeof(rows->row[0]));
    playcount_text text = {.bytes = NULL};
    char name[PLAYCOUNT_LABEL_MAX + 1];
    void *all;

    if (!rows) {
        return NULL;
    }
    rows->spark_seconds = (double)w->course.width / 1e6;
    for (unsigned i = 0; i < w->count; i++) {
        playcount_live_row *to = &rows->row[rows->rows];

        if (!w->row[i].any &&
            (i + 1 == w->count ||
             !playcount_routes_name(playcount_metrics_segment->routes, i, name))) {
            continue;
        }
        if (w->row[i].any) {
            find_values(&w->totals[i], to->value);
        }
        to->route = i;
        to->silent = !w->row[i].any;
        to->at = (uint32_t)text.used;
        put_row(&text, &w->course, &w->row[i], to->value);
        to->end = (uint32_t)text.used;
        rows->rows++;
    }
    all = joined(rows, &text, bytes);
    free(text.bytes);
    return all;
}

void *playcount_live_compute_rows(unsigned minutes, size_t *bytes)
{
    uint64_t now = (uint64_t)apr_time_now(), span = (uint64_t)minutes * 60000000;
    window w = {.count = playcount_metrics_segment->count};
    void *rows = NULL;

    w.row = calloc(w.count, sizeof(*w.row));
    w.totals = calloc(w.count, sizeof(*w.totals));
    if (w.row && w.totals) {
        read_window(&w, now > span ? now - span : 0, span);
        rows = write_rows(&w, bytes);
    }
    free(w.row);
    free(w.totals);
    return rows;
}

/* --- the newest interval --- */

static void set_rate(playcount_live_rate *rate, const uint64_t n[3], double seconds)
{
    for (int i = 0; i < 3; i++) {
        rate->rate[i] = seconds > 0 ? (double)n[i] / seconds : 0;
    }
    apr_snprintf(rate->text, sizeof(rate->text), ",%.3f,%.3f,%.3f", rate->rate[0],
                 rate->rate[1], rate->rate[2]);
}

/* What one record has is the difference that it makes to the sum of all. */
static void read_rates(playcount_live_rate *rates, playcount_totals *sum,
                       const playcount_interval *interval)
{
    unsigned count = playcount_metrics_segment->count, number;
    uint64_t before[3] = {0, 0, 0};
    size_t at = 0;

    while (playcount_interval_next(interval, &at, &number, sum) && number < count) {
        uint64_t now[3] = {playcount_totals_requests(sum),
                           playcount_totals_outcome(sum, PLAYCOUNT_ERROR),
                           playcount_totals_outcome(sum, PLAYCOUNT_ABORTED)};
        uint64_t n[3] = {now[0] - before[0], now[1] - before[1],
                         now[2] - before[2]};

        set_rate(&rates[number], n, (double)interval->length / 1e6);
        memcpy(before, now, sizeof(before));
    }
}

void *playcount_live_compute_rates(size_t *bytes)
{
    unsigned count = playcount_metrics_segment->count;
    playcount_interval *interval =
        playcount_interval_new(playcount_metrics_segment->series);
    playcount_totals *sum = calloc(1, sizeof(*sum));
    playcount_live_rate *rates = calloc(count, sizeof(*rates));

    for (unsigned i = 0; rates && i < count; i++) {
        memcpy(rates[i].text, ",0,0,0", sizeof(",0,0,0"));
    }
    if (rates && sum && interval && playcount_live_newest(interval)) {
        read_rates(rates, sum, interval);
    }
    free(sum);
    free(interval);
    *bytes = count * sizeof(*rates);
    return rates;
}

/* --- all of it together --- */

void *playcount_live_compute_window(unsigned minutes, int route, size_t *bytes)
{
    playcount_interval *interval =
        playcount_interval_new(playcount_metrics_segment->series);
    uint64_t now = (uint64_t)apr_time_now(), span = (uint64_t)minutes * 60000000;
    playcount_totals *sum = calloc(1, sizeof(*sum));
    uint64_t at, end;

    playcount_series_range(playcount_metrics_segment->series, &at, &end);
    while (sum && interval &&
           playcount_live_next(&at, end, now > span ? now - span : 0, interval)) {
        playcount_live_add_up(interval, route, sum);
    }
    free(interval);
    *bytes = sizeof(*sum);
    return sum;
}

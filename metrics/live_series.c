/* The part of the live JSON that only changes with the interval: the series in
 * columns and the routes' rows. See live.h. */

#include "metrics/live_series.h"

#include <stdlib.h>

#include "apr_strings.h"

typedef struct {
    uint64_t start, length;
    unsigned bits;
    uint64_t requests, errors, aborted;
    playcount_summary figure[PLAYCOUNT_FIGURES];
} point;

typedef struct {
    playcount_totals *totals; /* of the window; NULL: nothing came */
    uint32_t spark[PLAYCOUNT_SPARKS];
    uint64_t start;               /* of the interval that the rates are of */
    double rate, errors, aborted; /* a second, in it */
} row;

typedef struct {
    point *points;
    unsigned n, room;
    uint64_t from, span;
} window;

/* Add an interval's records of `route` (or of all) to the sum. */
static void add_up(const playcount_interval *interval, int route,
                   playcount_totals *sum)
{
    size_t at = 0, before = 0;
    unsigned number;

    while (playcount_interval_next(interval, &at, &number, NULL)) {
        if (route < 0 || (unsigned)route == number) {
            playcount_interval_next(interval, &before, &number, sum);
        }
        before = at;
    }
}

/* Add the record at *at to its route's row, and take the rates of its interval. */
static void add_record(row *r, unsigned slot, const playcount_interval *interval,
                       size_t *at)
{
    double seconds = (double)interval->length / 1e6;
    uint64_t requests = playcount_totals_requests(r->totals);
    uint64_t errors = playcount_totals_outcome(r->totals, PLAYCOUNT_ERROR);
    uint64_t aborted = playcount_totals_outcome(r->totals, PLAYCOUNT_ABORTED);
    unsigned number;

    playcount_interval_next(interval, at, &number, r->totals);
    requests = playcount_totals_requests(r->totals) - requests;
    errors = playcount_totals_outcome(r->totals, PLAYCOUNT_ERROR) - errors;
    aborted = playcount_totals_outcome(r->totals, PLAYCOUNT_ABORTED) - aborted;
    r->spark[slot] += (uint32_t)requests;
    if (seconds > 0) {
        r->start = interval->start;
        r->rate = (double)requests / seconds;
        r->errors = (double)errors / seconds;
        r->aborted = (double)aborted / seconds;
    }
}

/* Add an interval's records to the rows of their routes. */
static void add_to_rows(row *rows, unsigned slot,
                        const playcount_interval *interval)
{
    size_t at = 0, before = 0;
    unsigned number;

    while (playcount_interval_next(interval, &at, &number, NULL) &&
           number < playcount_metrics_segment->count) {
        row *r = &rows[number];

        if (!r->totals) {
            r->totals = calloc(1, sizeof(*r->totals));
        }
        if (r->totals) {
            add_record(r, slot, interval, &before);
        }
        before = at;
    }
}

static void set_point(point *p, const playcount_interval *interval,
                      const playcount_totals *sum)
{
    p->start = interval->start;
    p->length = interval->length;
    p->bits = interval->bits;
    p->requests = playcount_totals_requests(sum);
    p->errors = playcount_totals_outcome(sum, PLAYCOUNT_ERROR);
    p->aborted = playcount_totals_outcome(sum, PLAYCOUNT_ABORTED);
    for (int f = 0; f < PLAYCOUNT_FIGURES; f++) {
        playcount_totals_summary(sum, f, &p->figure[f]);
    }
}

/* The next interval that can be read and starts at `from` or later, from number *at
 * on. */
static int next_interval(uint64_t *at, uint64_t end, uint64_t from,
                         playcount_interval *interval)
{
    while (*at < end) {
        if (playcount_series_read(playcount_metrics_segment->series, (*at)++,
                                  interval) &&
            interval->start >= from) {
            return 1;
        }
    }
    return 0;
}

static void read_points(window *w, const playcount_live_query *query, int route)
{
    playcount_interval *interval =
        playcount_interval_new(playcount_metrics_segment->series);
    playcount_totals *sum = malloc(sizeof(*sum));
    uint64_t at, end;
    uint64_t from = query->since ? query->since + 1001 : 0;

    playcount_series_range(playcount_metrics_segment->series, &at, &end);
    from = from > w->from ? from : w->from;
    while (interval && sum && w->n < w->room &&
           next_interval(&at, end, from, interval)) {
        memset(sum, 0, sizeof(*sum));
        add_up(interval, route, sum);
        set_point(&w->points[w->n++], interval, sum);
    }
    free(interval);
    free(sum);
}

/* Returns when the newest interval started. */
static uint64_t read_rows(row *rows, uint64_t from, uint64_t span)
{
    playcount_interval *interval =
        playcount_interval_new(playcount_metrics_segment->series);
    uint64_t at, end, newest = 0;

    playcount_series_range(playcount_metrics_segment->series, &at, &end);
    while (interval && next_interval(&at, end, from, interval)) {
        uint64_t slot = (interval->start - from) * PLAYCOUNT_SPARKS / span;

        add_to_rows(rows,
                    slot < PLAYCOUNT_SPARKS ? (unsigned)slot : PLAYCOUNT_SPARKS - 1,
                    interval);
        newest = interval->start;
    }
    free(interval);
    return newest;
}

/* --- columns --- */

static void put(playcount_text *t, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    if (t->room - t->used < 1024) {
        char *more = realloc(t->bytes, t->room * 2 + 4096);

        if (!more) {
            t->failed = 1;
            va_end(args);
            return;
        }
        t->bytes = more;
        t->room = t->room * 2 + 4096;
    }
    t->used +=
        (size_t)apr_vsnprintf(t->bytes + t->used, t->room - t->used, format, args);
    va_end(args);
}

typedef void value_fn(playcount_text *t, const point *p, int figure);

static void put_column(playcount_text *t, const window *w, const char *name,
                       int figure, value_fn *value)
{
    put(t, "\"%s\":[", name);
    for (unsigned i = 0; i < w->n; i++) {
        put(t, i ? "," : "");
        value(t, &w->points[i], figure);
    }
    put(t, "]");
}

#define U64 "%" APR_UINT64_T_FMT
#define NUMBER(name, expression)                                                   \
    static void name(playcount_text *t, const point *p, int f)                     \
    {                                                                              \
        (void)f;                                                                   \
        put(t, U64, (apr_uint64_t)(expression));                                   \
    }

NUMBER(requests, p->requests)
NUMBER(errors, p->errors)
NUMBER(aborted, p->aborted)
NUMBER(median, p->figure[f].median)
NUMBER(p95, p->figure[f].p95)
NUMBER(p99, p->figure[f].p99)
NUMBER(p999, p->figure[f].p999)
NUMBER(sum_of, p->figure[f].sum)

static void start_of(playcount_text *t, const point *p, int f)
{
    put(t, U64 ".%06d", p->start / 1000000, (int)(p->start % 1000000));
}

static void seconds(playcount_text *t, const point *p, int f)
{
    put(t, "%.3f", (double)p->length / 1e6);
}

static void error_percent(playcount_text *t, const point *p, int f)
{
    put(t, "%.2f", 100.0 / (double)(2u << p->bits));
}

static void average(playcount_text *t, const point *p, int f)
{
    put(t, "%.1f", p->figure[f].average);
}

static const struct {
    const char *name;
    value_fn *value;
} of_interval[] = {{"start", start_of},
                   {"seconds", seconds},
                   {"error_percent", error_percent},
                   {"requests", requests},
                   {"errors", errors},
                   {"aborted", aborted}},
  of_figure[] = {{"sum", sum_of}, {"average", average}, {"median", median},
                 {"p95", p95},    {"p99", p99},         {"p999", p999}};

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static void put_series(playcount_text *t, const window *w)
{
    put(t, "\"series\":{");
    for (size_t c = 0; c < LENGTH(of_interval); c++) {
        put(t, c ? "," : "");
        put_column(t, w, of_interval[c].name, 0, of_interval[c].value);
    }
    for (int f = 0; f < PLAYCOUNT_FIGURES; f++) {
        put(t, ",\"%s\":{", playcount_figure_names[f]);
        for (size_t c = 0; c < LENGTH(of_figure); c++) {
            put(t, c ? "," : "");
            put_column(t, w, of_figure[c].name, f, of_figure[c].value);
        }
        put(t, "}");
    }
    put(t, "}");
}

/* --- rows --- */

/* In the order in which the values are written: two by who writes the row out, the
 * others below. */
const char playcount_live_columns[] =
    "\"route\",\"in_flight\","
    "\"requests\",\"errors\",\"aborted\","
    "\"average\",\"median\",\"p95\",\"p99\",\"p999\","
    "\"application_p95\",\"output_p95\","
    "\"blocks_median\",\"blocks_p95\","
    "\"length_median\",\"length_p95\",\"length_sum\","
    "\"rate\",\"error_rate\",\"aborted_rate\","
    "\"spark\"";

/* The name is turned into JSON when the row is written out: names do not belong to
 * the interval. The rates are of the newest interval. */
static void put_row(playcount_text *t, const row *r, uint64_t newest)
{
    int there = r->start == newest;
    playcount_summary s[PLAYCOUNT_FIGURES];

    for (int f = 0; f < PLAYCOUNT_FIGURES; f++) {
        playcount_totals_summary(r->totals, f, &s[f]);
    }
    put(t, "," U64 "," U64 "," U64, playcount_totals_requests(r->totals),
        playcount_totals_outcome(r->totals, PLAYCOUNT_ERROR),
        playcount_totals_outcome(r->totals, PLAYCOUNT_ABORTED));
    put(t, ",%.1f," U64 "," U64 "," U64 "," U64, s[PLAYCOUNT_REQUEST_TIME].average,
        s[PLAYCOUNT_REQUEST_TIME].median, s[PLAYCOUNT_REQUEST_TIME].p95,
        s[PLAYCOUNT_REQUEST_TIME].p99, s[PLAYCOUNT_REQUEST_TIME].p999);
    put(t, "," U64 "," U64, s[PLAYCOUNT_APPLICATION_TIME].p95,
        s[PLAYCOUNT_OUTPUT_TIME].p95);
    put(t, "," U64 "," U64 "," U64 "," U64 "," U64,
        s[PLAYCOUNT_OUTPUT_BLOCKS].median, s[PLAYCOUNT_OUTPUT_BLOCKS].p95,
        s[PLAYCOUNT_OUTPUT_LENGTH].median, s[PLAYCOUNT_OUTPUT_LENGTH].p95,
        s[PLAYCOUNT_OUTPUT_LENGTH].sum);
    put(t, ",%.3f,%.3f,%.3f", there ? r->rate : 0, there ? r->errors : 0,
        there ? r->aborted : 0);
    put(t, ",[");
    for (int i = 0; i < PLAYCOUNT_SPARKS; i++) {
        put(t, i ? ",%u" : "%u", r->spark[i]);
    }
    put(t, "]]");
}

static void put_rows(playcount_live_rows *out, row *rows, uint64_t newest)
{
    for (unsigned i = 0; i < playcount_metrics_segment->count; i++) {
        if (rows[i].totals) {
            out->row[out->rows].route = i;
            out->row[out->rows].at = out->text.used;
            put_row(&out->text, &rows[i], newest);
            out->row[out->rows++].end = out->text.used;
            free(rows[i].totals);
        }
    }
}

int playcount_live_compute_series(playcount_live_series *series,
                                  const playcount_live_query *query, int route,
                                  uint64_t now)
{
    window w = {.span = (uint64_t)query->minutes * 60000000};

    w.from = now > w.span ? now - w.span : 0;
    w.room = (unsigned)playcount_metrics_segment->series->slots;
    w.points = malloc(w.room * sizeof(*w.points));
    if (!w.points) {
        return 0;
    }
    read_points(&w, query, route);
    put_series(&series->text, &w);
    free(w.points);
    return !series->text.failed;
}

int playcount_live_compute_rows(playcount_live_rows *out, unsigned minutes,
                                uint64_t now)
{
    unsigned count = playcount_metrics_segment->count;
    uint64_t span = (uint64_t)minutes * 60000000;
    row *rows = calloc(count, sizeof(*rows));

    out->row = malloc(count * sizeof(*out->row));
    if (rows && out->row) {
        put_rows(out, rows, read_rows(rows, now > span ? now - span : 0, span));
    }
    free(rows);
    return rows && out->row && !out->text.failed;
}

int playcount_live_compute_window(playcount_totals *sum, unsigned minutes,
                                  int route, uint64_t now)
{
    playcount_interval *interval =
        playcount_interval_new(playcount_metrics_segment->series);
    uint64_t span = (uint64_t)minutes * 60000000;
    uint64_t from = now > span ? now - span : 0, at, end;

    memset(sum, 0, sizeof(*sum));
    playcount_series_range(playcount_metrics_segment->series, &at, &end);
    while (interval && next_interval(&at, end, from, interval)) {
        add_up(interval, route, sum);
    }
    free(interval);
    return interval != NULL;
}

void playcount_live_forget_series(playcount_live_series *series)
{
    free(series->text.bytes);
    memset(series, 0, sizeof(*series));
}

void playcount_live_forget_rows(playcount_live_rows *rows)
{
    free(rows->text.bytes);
    free(rows->row);
    memset(rows, 0, sizeof(*rows));
}

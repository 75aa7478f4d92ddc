/* The series of the live JSON, in columns: see live.h. */

#include "metrics/live_read.h"

#include <stdlib.h>

#include "apr_strings.h"

typedef struct {
    uint64_t start, length;
    unsigned bits;
    uint64_t requests, errors, aborted;
    playcount_summary figure[PLAYCOUNT_FIGURES];
} point;

typedef struct {
    point *points;
    unsigned n, room;
    uint64_t from, span;
} window;

/* Add an interval's records of `route` (or of all) to the sum. */
void playcount_live_add_up(const playcount_interval *interval, int route,
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

int playcount_live_next(uint64_t *at, uint64_t end, uint64_t from,
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
           playcount_live_next(&at, end, from, interval)) {
        memset(sum, 0, sizeof(*sum));
        playcount_live_add_up(interval, route, sum);
        set_point(&w->points[w->n++], interval, sum);
    }
    free(interval);
    free(sum);
}

int playcount_live_newest(playcount_interval *interval)
{
    uint64_t first, at;

    playcount_series_range(playcount_metrics_segment->series, &first, &at);
    while (at > first) {
        if (playcount_series_read(playcount_metrics_segment->series, --at,
                                  interval)) {
            return 1;
        }
    }
    return 0;
}

uint64_t playcount_live_intervals_until(uint64_t since)
{
    const playcount_series *series = playcount_metrics_segment->series;
    playcount_interval *interval = since ? playcount_interval_new(series) : NULL;
    uint64_t first, end, at;

    playcount_series_range(series, &first, &end);
    for (at = end; interval && at > first; at--) {
        if (playcount_series_read(series, at - 1, interval) &&
            interval->start <= since + 1000) {
            break;
        }
    }
    free(interval);
    return since ? at : first;
}

/* --- columns --- */

void playcount_text_put(playcount_text *t, const char *format, ...)
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
    playcount_text_put(t, "\"%s\":[", name);
    for (unsigned i = 0; i < w->n; i++) {
        playcount_text_put(t, i ? "," : "");
        value(t, &w->points[i], figure);
    }
    playcount_text_put(t, "]");
}

#define U64 "%" APR_UINT64_T_FMT
#define NUMBER(name, expression)                                                   \
    static void name(playcount_text *t, const point *p, int f)                     \
    {                                                                              \
        (void)f;                                                                   \
        playcount_text_put(t, U64, (apr_uint64_t)(expression));                    \
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
    playcount_text_put(t, U64 ".%06d", p->start / 1000000,
                       (int)(p->start % 1000000));
}

static void seconds(playcount_text *t, const point *p, int f)
{
    playcount_text_put(t, "%.3f", (double)p->length / 1e6);
}

static void error_percent(playcount_text *t, const point *p, int f)
{
    playcount_text_put(t, "%.2f", 100.0 / (double)(2u << p->bits));
}

static void average(playcount_text *t, const point *p, int f)
{
    playcount_text_put(t, "%.1f", p->figure[f].average);
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

static void put_series(playcount_live_series *series, const window *w)
{
    playcount_text *t = &series->text;

    for (size_t c = 0; c < LENGTH(of_interval); c++) {
        playcount_text_put(t, c ? "," : "");
        put_column(t, w, of_interval[c].name, 0, of_interval[c].value);
    }
    for (int f = 0; f < PLAYCOUNT_FIGURES; f++) {
        series->figure[f] = t->used;
        playcount_text_put(t, ",\"%s\":{", playcount_figure_names[f]);
        for (size_t c = 0; c < LENGTH(of_figure); c++) {
            playcount_text_put(t, c ? "," : "");
            put_column(t, w, of_figure[c].name, f, of_figure[c].value);
        }
        playcount_text_put(t, "}");
    }
    series->figure[PLAYCOUNT_FIGURES] = t->used;
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
    put_series(series, &w);
    free(w.points);
    return !series->text.failed;
}

void playcount_live_forget_series(playcount_live_series *series)
{
    free(series->text.bytes);
    memset(series, 0, sizeof(*series));
}

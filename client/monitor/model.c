/* What is known of the server. See model.h. */
#include <stdlib.h>
#include <string.h>

#include "client/monitor/model.h"

struct model {
    json_t *answer;
    double started, restarted, last; /* start of the newest interval */
    char *scope;                     /* a route, "": all */
    int minutes;
    model_moment past[MODEL_PAST];
    int past_n;
    model_route *routes;
    size_t routes_n;
    model_song *songs;
    size_t songs_n;
    json_t *counts; /* of the songs before: zone NUL song -> count */
    double counted; /* when */
};

double model_number(const json_t *object, const char *a, const char *b)
{
    const json_t *value = json_object_get(object, a);
    value = b ? json_object_get(value, b) : value;
    return json_number_value(value);
}

/* --- the series --- */

static void add_moment(model *m, const model_moment *moment)
{
    if (m->past_n == MODEL_PAST) {
        memmove(m->past, m->past + 1, (MODEL_PAST - 1) * sizeof(*m->past));
        m->past_n--;
    }
    m->past[m->past_n++] = *moment;
}

/* Intervals that the server does not have are gaps. */
static void add_gap(model *m, double from, double to, double step)
{
    for (int n = 0; n < MODEL_PAST && step > 0 && from + step * 0.5 < to; n++) {
        model_moment gap = {.start = from,
                            .requests = -1,
                            .errors = -1,
                            .aborted = -1,
                            .bytes = -1,
                            .median = -1,
                            .average = -1,
                            .p95 = -1,
                            .p99 = -1};
        add_moment(m, &gap);
        from += step;
    }
}

/* The n-th value of a column; figure may be NULL. */
static double cell(const json_t *series, const char *figure, const char *column,
                   size_t n)
{
    const json_t *columns = figure ? json_object_get(series, figure) : series;
    return json_number_value(json_array_get(json_object_get(columns, column), n));
}

static void add_interval(model *m, const json_t *series, size_t n, double step)
{
    double start = cell(series, NULL, "start", n);
    double seconds = cell(series, NULL, "seconds", n);

    if (seconds <= 0 || start <= m->last) {
        return;
    }
    if (m->last) {
        add_gap(m, m->last + step, start, step);
    }
    add_moment(m, &(model_moment){
                      .start = start,
                      .requests = cell(series, NULL, "requests", n) / seconds,
                      .errors = cell(series, NULL, "errors", n) / seconds,
                      .aborted = cell(series, NULL, "aborted", n) / seconds,
                      .bytes = cell(series, "output_length", "sum", n) / seconds,
                      .median = cell(series, "request_time", "median", n),
                      .average = cell(series, "request_time", "average", n),
                      .p95 = cell(series, "request_time", "p95", n),
                      .p99 = cell(series, "request_time", "p99", n)});
    m->last = start;
}

/* The past of another route, or of more time, begins with what comes now. */
static void choose_scope(model *m, const json_t *metrics)
{
    const char *scope = json_string_value(json_object_get(metrics, "route"));
    int minutes = (int)model_number(metrics, "minutes", NULL);

    scope = scope ? scope : "";
    if (!m->scope || strcmp(m->scope, scope) != 0 || minutes != m->minutes) {
        free(m->scope);
        m->scope = strdup(scope);
        m->minutes = minutes;
        m->past_n = 0;
        m->last = 0;
    }
}

/* --- the present --- */

static const json_t *in_column(const json_t *columns, const json_t *row,
                               const char *name)
{
    const json_t *column;
    size_t i;

    json_array_foreach(columns, i, column)
    {
        const char *known = json_string_value(column);
        if (known && strcmp(known, name) == 0) {
            return json_array_get(row, i);
        }
    }
    return NULL;
}

static double in_row(const json_t *columns, const json_t *row, const char *name)
{
    return json_number_value(in_column(columns, row, name));
}

static void fill_route(model_route *route, const json_t *columns, const json_t *row)
{
    const char *name = json_string_value(json_array_get(row, 0));
    const json_t *part;
    const json_t *trend = in_column(columns, row, "spark");
    size_t i;

    *route = (model_route){.name = name ? name : "?",
                           .in_flight = in_row(columns, row, "in_flight"),
                           .requests = in_row(columns, row, "requests"),
                           .rate = in_row(columns, row, "rate"),
                           .errors = in_row(columns, row, "error_rate"),
                           .aborted = in_row(columns, row, "aborted_rate"),
                           .median = in_row(columns, row, "median"),
                           .p95 = in_row(columns, row, "p95"),
                           .p99 = in_row(columns, row, "p99"),
                           .blocks = in_row(columns, row, "blocks_median"),
                           .bytes = in_row(columns, row, "length_median")};
    json_array_foreach(trend, i, part)
    {
        if (route->trends < MODEL_TREND) {
            route->trend[route->trends++] = json_number_value(part);
        }
    }
}

static void fill_routes(model *m, const json_t *metrics)
{
    const json_t *routes = json_object_get(metrics, "routes"), *row;
    const json_t *columns = json_object_get(routes, "columns");
    const json_t *rows = json_object_get(routes, "rows");
    size_t i;
    model_route *filled =
        realloc(m->routes, (json_array_size(rows) + 1) * sizeof(*filled));

    m->routes_n = 0;
    if (!filled) {
        return;
    }
    m->routes = filled;
    json_array_foreach(rows, i, row)
    {
        fill_route(&filled[m->routes_n++], columns, row);
    }
}

static void fill_zone(model *m, const json_t *zone, json_t *counts, double now)
{
    const char *name = json_string_value(json_object_get(zone, "zone"));
    const json_t *top = json_object_get(zone, "top"), *song;
    size_t i, n = json_array_size(top);
    model_song *songs = realloc(m->songs, (m->songs_n + n + 1) * sizeof(*songs));

    if (!songs || !name) {
        return;
    }
    m->songs = songs;
    json_array_foreach(top, i, song)
    {
        const char *id = json_string_value(json_object_get(song, "song"));
        double count = model_number(song, "count", NULL);
        char *key = NULL;
        if (!id || asprintf(&key, "%s/%s", name, id) < 0) {
            continue;
        }
        const json_t *before = json_object_get(m->counts, key);
        double rate = before && now > m->counted
                          ? (count - json_number_value(before)) / (now - m->counted)
                          : -1;
        songs[m->songs_n++] = (model_song){.zone = name,
                                           .song = id,
                                           .count = count,
                                           .rate = before && rate < 0 ? -1 : rate};
        json_object_set_new(counts, key, json_real(count));
        free(key);
    }
}

static void fill_songs(model *m, double now)
{
    const json_t *zones = json_object_get(m->answer, "zones"), *zone;
    json_t *counts = json_object();
    size_t i;

    m->songs_n = 0;
    json_array_foreach(zones, i, zone)
    {
        fill_zone(m, zone, counts, now);
    }
    json_decref(m->counts);
    m->counts = counts;
    m->counted = now;
}

model *model_new(void)
{
    model *m = calloc(1, sizeof(*m));
    if (m) {
        m->counts = json_object();
    }
    return m;
}

void model_free(model *m)
{
    if (!m) {
        return;
    }
    free(m->routes);
    free(m->songs);
    free(m->scope);
    json_decref(m->counts);
    json_decref(m->answer);
    free(m);
}

void model_take(model *m, json_t *answer, double now)
{
    const json_t *metrics = json_object_get(answer, "metrics");
    const json_t *series = json_object_get(metrics, "series");
    double step = model_number(metrics, "interval_seconds", NULL);
    double started = model_number(metrics, "started", NULL);
    double time = model_number(answer, "time", NULL);
    size_t n = json_array_size(json_object_get(series, "start"));

    json_decref(m->answer);
    m->answer = answer;
    if (m->started && started && started != m->started) {
        m->restarted = now;
        json_object_clear(m->counts); /* they may have begun at 0 again */
    }
    m->started = started ? started : m->started;
    choose_scope(m, metrics);
    for (size_t i = 0; i < n; i++) {
        add_interval(m, series, i, step);
    }
    fill_routes(m, metrics);
    fill_songs(m, time ? time : now);
}

double model_since(const model *m, const char *route, int minutes)
{
    return minutes == m->minutes && strcmp(model_scope(m), route) == 0 ? m->last
                                                                       : 0;
}

const char *model_scope(const model *m)
{
    return m->scope ? m->scope : "";
}

const json_t *model_answer(const model *m)
{
    return m->answer;
}

const json_t *model_metrics(const model *m)
{
    const json_t *metrics = json_object_get(m->answer, "metrics");
    return json_is_object(metrics) ? metrics : NULL;
}

const json_t *model_window(const model *m)
{
    return json_object_get(model_metrics(m), "window");
}

const model_moment *model_past(const model *m, int *n)
{
    *n = m->past_n;
    return m->past;
}

double model_interval(const model *m)
{
    return model_number(model_metrics(m), "interval_seconds", NULL);
}

double model_restarted(const model *m)
{
    return m->restarted;
}

const model_route *model_routes(const model *m, size_t *n)
{
    *n = m->routes_n;
    return m->routes;
}

const model_song *model_songs(const model *m, size_t *n)
{
    *n = m->songs_n;
    return m->songs;
}

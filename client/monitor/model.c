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
    json_t
        *counts;  /* of the songs before: zone -> {time, songs -> {count, rate}} */
    json_t *held; /* slow requests; NULL: they go on */
};

const char *const model_figure_names[MODEL_FIGURES] = {
    "request_time", "application_time", "output_time", "output_blocks",
    "output_length"};

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
                            .bytes = -1};
        for (int f = 0; f < MODEL_FIGURES; f++) {
            for (int q = 0; q < MODEL_SHORT; q++) {
                gap.figure[f][q] = -1;
            }
        }
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
    static const char *const shorts[MODEL_SHORT] = {"median", "average", "p95",
                                                    "p99", "p999"};
    double start = cell(series, NULL, "start", n);
    double seconds = cell(series, NULL, "seconds", n);

    if (seconds <= 0 || start <= m->last) {
        return;
    }
    if (m->last) {
        add_gap(m, m->last + step, start, step);
    }
    model_moment moment = {.start = start,
                           .requests = cell(series, NULL, "requests", n) / seconds,
                           .errors = cell(series, NULL, "errors", n) / seconds,
                           .aborted = cell(series, NULL, "aborted", n) / seconds,
                           .bytes =
                               cell(series, "output_length", "sum", n) / seconds};
    for (int f = 0; f < MODEL_FIGURES; f++) {
        for (int q = 0; q < MODEL_SHORT; q++) {
            moment.figure[f][q] =
                moment.requests > 0
                    ? cell(series, model_figure_names[f], shorts[q], n)
                    : -1;
        }
    }
    add_moment(m, &moment);
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

/* Where the values of a row stand; -1: the server does not say it. */
typedef struct {
    int value[MODEL_COLUMNS], error_rate, aborted_rate, trend;
} places;

static int place_of(const json_t *columns, const char *name)
{
    const json_t *column;
    size_t i;

    json_array_foreach(columns, i, column)
    {
        const char *known = json_string_value(column);
        if (known && strcmp(known, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static places find_places(const json_t *columns)
{
    static const char *const names[MODEL_COLUMNS] = {
        "requests",      "rate",       "in_flight",       "errors",
        "aborted",       "average",    "median",          "p95",
        "p99",           "p999",       "application_p95", "output_p95",
        "blocks_median", "blocks_p95", "length_median",   "length_p95"};
    places p = {.error_rate = place_of(columns, "error_rate"),
                .aborted_rate = place_of(columns, "aborted_rate"),
                .trend = place_of(columns, "spark")};

    for (int i = 0; i < MODEL_COLUMNS; i++) {
        p.value[i] = place_of(columns, names[i]);
    }
    return p;
}

/* Below 0 for what is null, or is not there. */
static double number_at(const json_t *row, int place)
{
    const json_t *value = place < 0 ? NULL : json_array_get(row, (size_t)place);
    return json_is_number(value) ? json_number_value(value) : -1;
}

static void fill_route(model_route *route, const places *at, const json_t *row)
{
    const char *name = json_string_value(json_array_get(row, 0));
    const json_t *trend =
        at->trend < 0 ? NULL : json_array_get(row, (size_t)at->trend);

    *route = (model_route){.name = name ? name : "?",
                           .error_rate = number_at(row, at->error_rate),
                           .aborted_rate = number_at(row, at->aborted_rate)};
    for (int i = 0; i < MODEL_COLUMNS; i++) {
        route->value[i] = number_at(row, at->value[i]);
    }
    for (size_t i = 0; i < json_array_size(trend) && i < MODEL_TREND; i++) {
        route->trend[route->trends++] = number_at(trend, (int)i);
    }
}

static void fill_routes(model *m, const json_t *metrics)
{
    const json_t *routes = json_object_get(metrics, "routes"), *row;
    const json_t *rows = json_object_get(routes, "rows");
    places at = find_places(json_object_get(routes, "columns"));
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
        fill_route(&filled[m->routes_n++], &at, row);
    }
}

/* Plays a second of a song since the listing before; of the same listing again, as
 * before. Below 0: not known. */
static double rate_of(const json_t *before, double count, double seconds)
{
    double rate = -1;

    if (before && seconds > 0) {
        rate = (count - model_number(before, "count", NULL)) / seconds;
    }
    else if (before) {
        rate = model_number(before, "rate", NULL);
    }
    return rate < 0 ? -1 : rate;
}

/* The songs were listed at `listed`; what was known of them before is in m->counts,
 * under the zone: when it was, and each song's count and rate. */
static void fill_zone(model *m, const json_t *zone, json_t *counts, double listed)
{
    const char *name = json_string_value(json_object_get(zone, "zone"));
    const json_t *top = json_object_get(zone, "top"), *song;
    const json_t *before = json_object_get(m->counts, name ? name : "");
    double seconds = listed - model_number(before, "time", NULL);
    size_t i, n = json_array_size(top);
    model_song *songs = realloc(m->songs, (m->songs_n + n + 1) * sizeof(*songs));
    json_t *now = json_object();

    if (songs) {
        m->songs = songs;
    }
    json_array_foreach(top, i, song)
    {
        const char *id = json_string_value(json_object_get(song, "song"));
        double count = model_number(song, "count", NULL);
        if (!songs || !name || !id) {
            continue;
        }
        double rate = rate_of(json_object_get(json_object_get(before, "songs"), id),
                              count, seconds);
        songs[m->songs_n++] =
            (model_song){.zone = name, .song = id, .count = count, .rate = rate};
        json_object_set_new(now, id,
                            json_pack("{s:f,s:f}", "count", count, "rate", rate));
    }
    if (name) {
        json_object_set_new(counts, name,
                            json_pack("{s:f,s:O}", "time", listed, "songs", now));
    }
    json_decref(now);
}

static void fill_songs(model *m, double now)
{
    const json_t *zones = json_object_get(m->answer, "zones"), *zone;
    json_t *counts = json_object();
    size_t i;

    m->songs_n = 0;
    json_array_foreach(zones, i, zone)
    {
        double listed = model_number(zone, "top_time", NULL);
        fill_zone(m, zone, counts, listed > 0 ? listed : now);
    }
    json_decref(m->counts);
    m->counts = counts;
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
    json_decref(m->held);
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

void model_hold_slow(model *m, bool held)
{
    if (held && !m->held) {
        m->held = json_incref(json_object_get(model_metrics(m), "slow"));
    }
    else if (!held) {
        json_decref(m->held);
        m->held = NULL;
    }
}

static double newest(const json_t *slow)
{
    const json_t *one;
    size_t i;
    double time = 0;

    json_array_foreach(slow, i, one)
    {
        double when = model_number(one, "time", NULL);
        time = when > time ? when : time;
    }
    return time;
}

const json_t *model_slow(const model *m, int *newer)
{
    const json_t *slow = json_object_get(model_metrics(m), "slow"), *one;
    double last = newest(m->held);
    size_t i;

    *newer = 0;
    json_array_foreach(slow, i, one)
    {
        *newer += m->held && model_number(one, "time", NULL) > last;
    }
    return m->held ? m->held : slow;
}

/* What is known of the server. See model.h. */
#include <stdlib.h>
#include <string.h>

#include "client/monitor/model.h"

/* The past of one route. */
typedef struct {
    char *name;
    double rate[MODEL_TREND]; /* oldest first */
    double errors, aborted;   /* in the last interval */
    double start;             /* of the last interval */
} trend;

struct model {
    json_t *answer;
    double started, restarted, last; /* start of the newest interval */
    model_moment past[MODEL_PAST];
    int past_n;
    model_route total;
    model_route *routes;
    size_t routes_n;
    model_song *songs;
    size_t songs_n;
    json_t *counts; /* of the songs before: zone NUL song -> count */
    double counted; /* when */
    json_t *index;  /* route -> which of the trends */
    trend *trends;
    size_t trends_n;
};

double model_number(const json_t *object, const char *a, const char *b)
{
    const json_t *value = json_object_get(object, a);
    value = b ? json_object_get(value, b) : value;
    return json_number_value(value);
}

double model_errors(const json_t *counts)
{
    double errors = model_number(counts, "status", "5xx");
    double broken = model_number(counts, "outcomes", "error");
    return errors > broken ? errors : broken; /* an answer can be both */
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

static trend *trend_of(model *m, const char *name)
{
    const json_t *at = json_object_get(m->index, name);

    if (at) {
        return &m->trends[json_integer_value(at)];
    }
    trend *trends = realloc(m->trends, (m->trends_n + 1) * sizeof(*trends));
    if (!trends) {
        return NULL;
    }
    m->trends = trends;
    trend *t = &trends[m->trends_n];
    *t = (trend){.name = strdup(name)};
    if (!t->name || json_object_set_new(m->index, name,
                                        json_integer((json_int_t)m->trends_n))) {
        free(t->name);
        return NULL;
    }
    for (int i = 0; i < MODEL_TREND; i++) {
        t->rate[i] = -1;
    }
    m->trends_n++;
    return t;
}

/* Every known route goes on by one interval, with nothing in it but for those that
 * the interval has. */
static void add_trends(model *m, const json_t *interval, double start,
                       double seconds)
{
    size_t i;
    const json_t *route;

    for (size_t k = 0; k < m->trends_n; k++) {
        trend *t = &m->trends[k];
        memmove(t->rate, t->rate + 1, (MODEL_TREND - 1) * sizeof(*t->rate));
        t->rate[MODEL_TREND - 1] = 0;
        t->errors = t->aborted = 0;
        t->start = start;
    }
    json_array_foreach(json_object_get(interval, "routes"), i, route)
    {
        const char *name = json_string_value(json_object_get(route, "route"));
        trend *t = name ? trend_of(m, name) : NULL;
        if (t) {
            t->rate[MODEL_TREND - 1] =
                model_number(route, "requests", NULL) / seconds;
            t->errors = model_errors(route) / seconds;
            t->aborted = model_number(route, "outcomes", "aborted") / seconds;
            t->start = start;
        }
    }
}

static void add_interval(model *m, const json_t *interval, double step)
{
    const json_t *total = json_object_get(interval, "total");
    double start = model_number(interval, "start", NULL);
    double seconds = model_number(interval, "seconds", NULL);

    if (seconds <= 0 || start <= m->last) {
        return;
    }
    if (m->last) {
        add_gap(m, m->last + step, start, step);
    }
    add_moment(m,
               &(model_moment){
                   .start = start,
                   .requests = model_number(total, "requests", NULL) / seconds,
                   .errors = model_errors(total) / seconds,
                   .aborted = model_number(total, "outcomes", "aborted") / seconds,
                   .bytes = model_number(total, "output_length", "sum") / seconds,
                   .median = model_number(total, "request_time", "median"),
                   .average = model_number(total, "request_time", "average"),
                   .p95 = model_number(total, "request_time", "p95"),
                   .p99 = model_number(total, "request_time", "p99")});
    add_trends(m, interval, start, seconds);
    m->last = start;
}

/* --- the present --- */

static void fill_route(model *m, model_route *route, const char *name,
                       const json_t *view)
{
    const json_t *recent = json_object_get(view, "recent");
    const json_t *at = json_object_get(m->index, name);

    *route =
        (model_route){.name = name, .life = view, .recent = recent, .rate = -1};
    if (!json_is_object(recent)) {
        route->recent = NULL;
    }
    for (int i = 0; i < MODEL_TREND; i++) {
        route->trend[i] = at ? m->trends[json_integer_value(at)].rate[i]
                          : m->past_n > MODEL_TREND - 1 - i ? 0
                                                            : -1;
    }
    if (m->past_n) {
        route->rate = at ? route->trend[MODEL_TREND - 1] : 0;
        route->errors = at ? m->trends[json_integer_value(at)].errors : 0;
        route->aborted = at ? m->trends[json_integer_value(at)].aborted : 0;
    }
}

static void fill_routes(model *m, const json_t *metrics)
{
    const json_t *routes = json_object_get(metrics, "routes"), *route;
    size_t n = json_array_size(routes), i;
    model_route *filled = realloc(m->routes, (n + 1) * sizeof(*filled));

    m->routes_n = 0;
    if (!filled) {
        return;
    }
    m->routes = filled;
    json_array_foreach(routes, i, route)
    {
        const char *name = json_string_value(json_object_get(route, "route"));
        fill_route(m, &filled[m->routes_n++], name ? name : "?", route);
    }
    fill_route(m, &m->total, "the whole server", json_object_get(metrics, "total"));
    if (m->past_n) {
        const model_moment *last = &m->past[m->past_n - 1];
        m->total.rate = last->requests;
        m->total.errors = last->errors;
        m->total.aborted = last->aborted;
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
        m->index = json_object();
        m->counts = json_object();
    }
    return m;
}

void model_free(model *m)
{
    if (!m) {
        return;
    }
    for (size_t i = 0; i < m->trends_n; i++) {
        free(m->trends[i].name);
    }
    free(m->trends);
    free(m->routes);
    free(m->songs);
    json_decref(m->index);
    json_decref(m->counts);
    json_decref(m->answer);
    free(m);
}

void model_take(model *m, json_t *answer, double now)
{
    const json_t *metrics = json_object_get(answer, "metrics"), *interval;
    double started = model_number(metrics, "started", NULL);
    double time = model_number(answer, "time", NULL);
    size_t i;

    json_decref(m->answer);
    m->answer = answer;
    if (m->started && started && started != m->started) {
        m->restarted = now;
        json_object_clear(m->counts); /* they may have begun at 0 again */
    }
    m->started = started ? started : m->started;
    json_array_foreach(json_object_get(metrics, "series"), i, interval)
    {
        add_interval(m, interval, model_number(metrics, "interval_seconds", NULL));
    }
    fill_routes(m, metrics);
    fill_songs(m, time ? time : now);
}

double model_since(const model *m)
{
    return m->last;
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

const model_route *model_total(const model *m)
{
    return &m->total;
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

/* The live JSON: see live.h. */

#include "metrics/live.h"

#include "apr_strings.h"
#include "apr_thread_mutex.h"
#include "http_log.h"

#include "metrics/live_series.h"
#include "mod_playcount.h"

APLOG_USE_MODULE(playcount);

#define CACHED 8

/* What was computed for one query in the present interval. Polls of everybody who
 * has the page open are the same query, but for the first. */
static struct {
    uint64_t end;       /* intervals written when it was computed */
    uint64_t since_end; /* how many of them the query had already */
    unsigned minutes;
    int route;
    uint64_t used; /* the last time, in polls: the oldest makes room */
    playcount_live_text text;
} cache[CACHED];
static uint64_t polls;
static apr_thread_mutex_t
    *mutex; /* of the cache; never held while something is sent */

void playcount_live_child(apr_pool_t *p)
{
    if (apr_thread_mutex_create(&mutex, APR_THREAD_MUTEX_DEFAULT, p) !=
        APR_SUCCESS) {
        mutex = NULL;
    }
}

/* The number of a route; one that no route has, if there is none of that name. */
static int route_number(const char *name)
{
    char known[PLAYCOUNT_LABEL_MAX + 1];

    for (unsigned i = 0; i < playcount_metrics_segment->count; i++) {
        if (playcount_routes_name(playcount_metrics_segment->routes, i, known) &&
            !strcmp(known, name)) {
            return (int)i;
        }
    }
    return (int)playcount_metrics_segment->count;
}

/* How many intervals there are that start before or at `since`. Two polls with the
 * same number get the same answer. */
static uint64_t intervals_until(uint64_t since)
{
    const playcount_series *series = playcount_metrics_segment->series;
    playcount_interval *interval = malloc(sizeof(*interval));
    uint64_t first, end, at;

    playcount_series_range(series, &first, &end);
    for (at = end; interval && at > first; at--) {
        if (playcount_series_read(series, at - 1, interval) &&
            interval->start <= since + 1000) {
            break;
        }
    }
    free(interval);
    return at;
}

static void write_text(playcount_writer *w, const playcount_live_text *text)
{
    const playcount_segment *seg = playcount_metrics_segment;
    char name[PLAYCOUNT_LABEL_MAX + 1];

    playcount_put_bytes(w, text->series.bytes, text->series.used);
    playcount_put(w,
                  ",\"routes\":{\"columns\":[\"route\",\"in_flight\",\"requests\","
                  "\"errors\",\"aborted\",\"average\",\"median\",\"p95\",\"p99\","
                  "\"p999\",\"application_p95\",\"output_p95\",\"blocks_median\","
                  "\"blocks_p95\",\"length_median\",\"length_p95\",\"length_sum\","
                  "\"spark\"],\"rows\":[");
    for (unsigned i = 0; i < text->rows; i++) {
        unsigned route = text->row[i].route;

        playcount_put(w, i ? ",[\"" : "[\"");
        if (playcount_routes_name(seg->routes, route, name)) {
            playcount_put_json_text(w, name, strlen(name));
        }
        playcount_printf(w, "\",%u",
                         playcount_inflight_count(seg->inflight, route));
        playcount_put_bytes(w, text->routes.bytes + text->row[i].at,
                            text->row[i].end - text->row[i].at);
    }
    playcount_put(w, "]}");
}

/* A private copy of what the cache has for the query, computed if need be. */
static int get_text(playcount_live_text *copy, const playcount_live_query *query,
                    int route, apr_pool_t *p)
{
    uint64_t first, end, since_end = intervals_until(query->since);
    int slot = 0, found = 0;

    playcount_series_range(playcount_metrics_segment->series, &first, &end);
    if (mutex) {
        apr_thread_mutex_lock(mutex);
    }
    for (int i = 0; i < CACHED && !found; i++) {
        if (cache[i].used && cache[i].end == end &&
            cache[i].since_end == since_end && cache[i].minutes == query->minutes &&
            cache[i].route == route) {
            slot = i;
            found = 1;
        }
        else if (cache[i].used < cache[slot].used) {
            slot = i;
        }
    }
    if (!found) {
        playcount_live_forget(&cache[slot].text);
        found = playcount_live_compute(&cache[slot].text, query, route,
                                       (uint64_t)apr_time_now());
        cache[slot].end = end;
        cache[slot].since_end = since_end;
        cache[slot].minutes = query->minutes;
        cache[slot].route = route;
    }
    cache[slot].used = found ? ++polls : 0;
    if (found) {
        const playcount_live_text *t = &cache[slot].text;

        *copy = *t;
        copy->series.bytes = apr_pmemdup(p, t->series.bytes, t->series.used);
        copy->routes.bytes = apr_pmemdup(p, t->routes.bytes, t->routes.used);
        copy->row = apr_pmemdup(p, t->row, t->rows * sizeof(*t->row));
    }
    if (mutex) {
        apr_thread_mutex_unlock(mutex);
    }
    return found;
}

static void put_moment(playcount_writer *w, const char *name, uint64_t us)
{
    playcount_printf(w, "\"%s\":%" APR_UINT64_T_FMT ".%06d,", name, us / 1000000,
                     (int)(us % 1000000));
}

static uint32_t in_flight(int route)
{
    const playcount_segment *seg = playcount_metrics_segment;
    uint32_t n = 0;

    for (unsigned i = 0; i < seg->count; i++) {
        if (route < 0 || (unsigned)route == i) {
            n += playcount_inflight_count(seg->inflight, i);
        }
    }
    return n;
}

static int write_metrics(playcount_writer *w, const playcount_live_query *query)
{
    const playcount_segment *seg = playcount_metrics_segment;
    int route = query->route ? route_number(query->route) : -1;
    playcount_live_text text;

    if (!get_text(&text, query, route, w->r->pool)) {
        return HTTP_SERVICE_UNAVAILABLE;
    }
    put_moment(w, "started", seg->header->started);
    playcount_printf(w, "\"interval_seconds\":%d,\"minutes\":%u,\"in_flight\":%u,",
                     playcount_metrics_global->interval, query->minutes,
                     in_flight(route));
    if (query->route) {
        playcount_json_string(w, "", "route", query->route);
        playcount_put(w, ",");
    }
    write_text(w, &text);
    playcount_put(w, ",");
    playcount_write_happenings_json(w);
    return OK;
}

int playcount_write_live(playcount_writer *w, const playcount_live_query *query)
{
    int result = OK;

    playcount_put(w, "{");
    put_moment(w, "time", (uint64_t)apr_time_now());
    playcount_put(w, "\"version\":\"" PLAYCOUNT_VERSION "\",\"metrics\":");
    if (playcount_metrics_segment) {
        playcount_put(w, "{");
        result = write_metrics(w, query);
        playcount_put(w, "}");
    }
    else {
        playcount_put(w, "null");
    }
    playcount_put(w, ",\"zones\":");
    playcount_write_zones_json(w);
    playcount_put(w, "}\n");
    return result;
}

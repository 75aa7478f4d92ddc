/* The zones' use, on the metrics' page. */

#include "metrics/page.h"

#include "apr_strings.h"

#include "server/zones.h"
#include "shm/zone/batches.h"

#define TOP_SONGS 100

/* What is shown of one zone, read once. */
typedef struct {
    const char *name;
    playcount_zone *zone;
    playcount_zone_use use;
    playcount_handoff_use handoff;
    apr_size_t top;
    playcount_song *song;
} zone_view;

static void keep_song(void *context, const playcount_song *song)
{
    zone_view *v = context;

    v->song[v->top++] = *song;
}

static void view(zone_view *v, const playcount_served_zone *served, apr_pool_t *p)
{
    memset(v, 0, sizeof(*v));
    v->name = served->name;
    v->zone = served->zone;
    if (!v->zone) {
        return;
    }
    playcount_zone_usage(v->zone, &v->use);
    playcount_handoff_usage(v->zone, &v->handoff);
    if (playcount_metrics_global->songs) {
        v->song = apr_palloc(p, TOP_SONGS * sizeof(*v->song));
        playcount_zone_top(v->zone, TOP_SONGS, keep_song, v);
    }
}

static zone_view *view_all(request_rec *r, int *n)
{
    const apr_array_header_t *zones = playcount_zones(r->server);
    zone_view *all;

    *n = zones ? zones->nelts : 0;
    all = apr_palloc(r->pool, ((size_t)*n + 1) * sizeof(*all));
    for (int i = 0; i < *n; i++) {
        view(&all[i], APR_ARRAY_IDX(zones, i, const playcount_served_zone *),
             r->pool);
    }
    return all;
}

static uint64_t undelivered_seconds(const zone_view *v)
{
    uint64_t now = (uint64_t)apr_time_sec(apr_time_now());
    uint64_t since = v->handoff.handed_time;

    return (v->handoff.open || v->handoff.waiting) && since && now > since
               ? now - since
               : 0;
}

typedef uint64_t value_fn(const zone_view *v);

static uint64_t songs(const zone_view *v)
{
    return v->use.songs;
}

static uint64_t capacity(const zone_view *v)
{
    return v->use.capacity;
}

static uint64_t plays(const zone_view *v)
{
    return v->use.plays;
}

static uint64_t bytes(const zone_view *v)
{
    return v->use.bytes;
}

static uint64_t batches(const zone_view *v)
{
    return v->handoff.batches;
}

static uint64_t open_batches(const zone_view *v)
{
    return v->handoff.open;
}

static uint64_t open_plays(const zone_view *v)
{
    return v->handoff.plays;
}

static uint64_t failures(const zone_view *v)
{
    return v->handoff.failures;
}

static uint64_t failing(const zone_view *v)
{
    return v->handoff.failing != 0;
}

static const struct {
    const char *name, *type, *unit, *help;
    value_fn *value;
} families[] = {
    {"playcount_zone_songs", "gauge", NULL, "Songs in the zone.", songs},
    {"playcount_zone_capacity_songs", "gauge", "songs", "Songs that fit.",
     capacity},
    /* A gauge: clearing a zone takes its plays away. */
    {"playcount_zone_plays", "gauge", NULL, "Sum of all songs' counts.", plays},
    {"playcount_zone_bytes", "gauge", "bytes", "Memory that the songs take.",
     bytes},
    {"playcount_zone_handoff_batches", "counter", NULL, "Batches acknowledged.",
     batches},
    {"playcount_zone_handoff_open_batches", "gauge", NULL,
     "Batches taken, not acknowledged.", open_batches},
    {"playcount_zone_handoff_open_plays", "gauge", NULL, "Plays in open batches.",
     open_plays},
    {"playcount_zone_handoff_failures", "counter", NULL,
     "Deliveries that failed and are tried again.", failures},
    {"playcount_zone_handoff_failing", "gauge", NULL,
     "1 if the last delivery failed.", failing},
    {"playcount_zone_handoff_undelivered_seconds", "gauge", "seconds",
     "Age of the last moment up to which all plays are handed over, 0 when none is "
     "waiting.",
     undelivered_seconds},
};

static void write_songs(playcount_page *page, const zone_view *all, int n)
{
    apr_pool_t *p = page->r->pool;

    playcount_page_put(page,
                       "# HELP playcount_song_plays Counts of each zone's hundred "
                       "highest songs.\n# TYPE playcount_song_plays gauge\n");
    for (int i = 0; i < n; i++) {
        const char *zone = playcount_prometheus_escape(p, all[i].name);

        for (apr_size_t s = 0; s < all[i].top; s++) {
            const playcount_song *song = &all[i].song[s];

            playcount_page_printf(
                page,
                "playcount_song_plays{zone=\"%s\",song=\"%s\"} %" APR_UINT64_T_FMT
                "\n",
                zone,
                playcount_prometheus_escape(
                    p, apr_pstrmemdup(p, song->id, song->length)),
                song->count);
        }
    }
}

void playcount_write_zones_prometheus(playcount_page *page, int openmetrics)
{
    int n;
    const zone_view *all = view_all(page->r, &n);

    for (size_t f = 0; n && f < sizeof(families) / sizeof(families[0]); f++) {
        const char *total = strcmp(families[f].type, "counter") ? "" : "_total";
        const char *shown = openmetrics ? "" : total;

        playcount_page_printf(page, "# HELP %s%s %s\n# TYPE %s%s %s\n",
                              families[f].name, shown, families[f].help,
                              families[f].name, shown, families[f].type);
        if (openmetrics && families[f].unit) {
            playcount_page_printf(page, "# UNIT %s %s\n", families[f].name,
                                  families[f].unit);
        }
        for (int i = 0; i < n; i++) {
            playcount_page_printf(
                page, "%s%s{zone=\"%s\"} %" APR_UINT64_T_FMT "\n", families[f].name,
                total, playcount_prometheus_escape(page->r->pool, all[i].name),
                families[f].value(&all[i]));
        }
    }
    if (n && playcount_metrics_global->songs) {
        write_songs(page, all, n);
    }
}

static void write_songs_json(playcount_page *page, const zone_view *v)
{
    apr_pool_t *p = page->r->pool;

    playcount_page_put(page, ",\"top\":[");
    for (apr_size_t s = 0; s < v->top; s++) {
        const playcount_song *song = &v->song[s];

        playcount_page_printf(
            page, "%s{\"song\":\"%s\",\"count\":%" APR_UINT64_T_FMT "}",
            s ? "," : "",
            playcount_json_text(p, apr_pstrmemdup(p, song->id, song->length)),
            song->count);
    }
    playcount_page_put(page, "]");
}

void playcount_write_zones_json(playcount_page *page)
{
    int n;
    const zone_view *all = view_all(page->r, &n);

    playcount_page_put(page, "[");
    for (int i = 0; i < n; i++) {
        const zone_view *v = &all[i];

        playcount_page_printf(
            page,
            "%s{\"zone\":\"%s\",\"songs\":%" APR_UINT64_T_FMT
            ",\"capacity\":%" APR_UINT64_T_FMT ",\"plays\":%" APR_UINT64_T_FMT
            ",\"bytes\":%" APR_UINT64_T_FMT
            ",\"handoff\":{\"batches\":%" APR_UINT64_T_FMT
            ",\"open\":%" APR_UINT64_T_FMT ",\"plays\":%" APR_UINT64_T_FMT
            ",\"failures\":%" APR_UINT64_T_FMT
            ",\"failing\":%s,\"undelivered_seconds\":%" APR_UINT64_T_FMT "}",
            i ? "," : "", playcount_json_text(page->r->pool, v->name), v->use.songs,
            v->use.capacity, v->use.plays, v->use.bytes, v->handoff.batches,
            v->handoff.open, v->handoff.plays, v->handoff.failures,
            v->handoff.failing ? "true" : "false", undelivered_seconds(v));
        if (playcount_metrics_global->songs) {
            write_songs_json(page, v);
        }
        playcount_page_put(page, "}");
    }
    playcount_page_put(page, "]");
}

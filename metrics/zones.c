/* The zones' use, on the metrics' page. */

#include "metrics/formats.h"

#include "server/zones.h"
#include "shm/zone/batches.h"

#define TOP_SONGS 100

/* What is shown of one zone, read once. */
typedef struct {
    const char *name;
    playcount_zone *zone;
    playcount_zone_use use;
    playcount_handoff_use handoff;
    int available;
    int file_lost;
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
    v->available = playcount_zone_is_available(served);
    v->file_lost = served->health &&
                   atomic_load(&served->health->place) != PLAYCOUNT_FILE_THERE;
    if (!v->available) {
        return;
    }
    playcount_zone_usage(v->zone, &v->use);
    playcount_handoff_usage(v->zone, &v->handoff);
    if (playcount_metrics_global->songs) {
        v->song = apr_palloc(p, TOP_SONGS * sizeof(*v->song));
        playcount_zone_top(v->zone, TOP_SONGS, keep_song, v);
    }
    if (playcount_zone_failed(v->zone)) { /* meanwhile */
        memset(&v->use, 0, sizeof(v->use));
        memset(&v->handoff, 0, sizeof(v->handoff));
        v->top = 0;
        v->available = 0;
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

static uint64_t available(const zone_view *v)
{
    return (uint64_t)v->available;
}

static uint64_t file_lost(const zone_view *v)
{
    return (uint64_t)v->file_lost;
}

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

static uint64_t refused_songs(const zone_view *v)
{
    return v->handoff.refused_songs;
}

static uint64_t refused_plays(const zone_view *v)
{
    return v->handoff.refused_plays;
}

static const struct {
    const char *name, *type, *unit, *help;
    value_fn *value;
} families[] = {
    {"playcount_zone_available", "gauge", NULL,
     "0 if the zone could not be opened, or its file cannot be read or written.",
     available},
    {"playcount_zone_file_lost", "gauge", NULL,
     "1 while the zone's file is not under its name any more.", file_lost},
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
    {"playcount_zone_handoff_refused_songs", "gauge", NULL,
     "Songs that the consumer refused and keeps aside.", refused_songs},
    {"playcount_zone_handoff_refused_plays", "gauge", NULL,
     "Plays of the songs that the consumer refused.", refused_plays},
};

static void write_songs(playcount_writer *w, const zone_view *v)
{
    for (apr_size_t s = 0; s < v->top; s++) {
        const playcount_song *song = &v->song[s];

        playcount_prometheus_sample(w, "playcount_song_plays", "", "zone", v->name);
        playcount_put(w, ",song=\"");
        playcount_put_label(w, song->id, song->length);
        playcount_put(w, "\"");
        playcount_prometheus_value(w, song->count);
    }
}

static void write_family(playcount_writer *w, int om, size_t f,
                         const zone_view *all, int n)
{
    const char *suffix = strcmp(families[f].type, "counter") ? "" : "_total";

    playcount_prometheus_head(w, om, families[f].name, families[f].type,
                              families[f].unit, families[f].help);
    for (int i = 0; i < n; i++) {
        playcount_prometheus_sample(w, families[f].name, suffix, "zone",
                                    all[i].name);
        playcount_prometheus_value(w, families[f].value(&all[i]));
    }
}

void playcount_write_zones_prometheus(playcount_writer *w, int openmetrics)
{
    int n;
    const zone_view *all = view_all(w->r, &n);

    for (size_t f = 0; n && f < sizeof(families) / sizeof(families[0]); f++) {
        write_family(w, openmetrics, f, all, n);
    }
    if (n && playcount_metrics_global->songs) {
        playcount_prometheus_head(w, openmetrics, "playcount_song_plays", "gauge",
                                  NULL,
                                  "Counts of each zone's hundred highest songs.");
        for (int i = 0; i < n; i++) {
            write_songs(w, &all[i]);
        }
    }
}

static void write_songs_json(playcount_writer *w, const zone_view *v)
{
    playcount_put(w, ",\"top\":[");
    for (apr_size_t s = 0; s < v->top; s++) {
        playcount_put(w, s ? ",{\"song\":\"" : "{\"song\":\"");
        playcount_put_json_text(w, v->song[s].id, v->song[s].length);
        playcount_put(w, "\",\"count\":");
        playcount_put_number(w, v->song[s].count);
        playcount_put(w, "}");
    }
    playcount_put(w, "]");
}

static void write_zone_json(playcount_writer *w, const zone_view *v)
{
    playcount_json_string(w, "", "zone", v->name);
    playcount_printf(
        w,
        ",\"available\":%s,\"file_lost\":%s,\"songs\":%" APR_UINT64_T_FMT
        ",\"capacity\":%" APR_UINT64_T_FMT ",\"plays\":%" APR_UINT64_T_FMT
        ",\"bytes\":%" APR_UINT64_T_FMT
        ",\"handoff\":{\"batches\":%" APR_UINT64_T_FMT
        ",\"open\":%" APR_UINT64_T_FMT ",\"plays\":%" APR_UINT64_T_FMT
        ",\"failures\":%" APR_UINT64_T_FMT
        ",\"failing\":%s,\"undelivered_seconds\":%" APR_UINT64_T_FMT
        ",\"refused_songs\":%" APR_UINT64_T_FMT
        ",\"refused_plays\":%" APR_UINT64_T_FMT "}",
        v->available ? "true" : "false", v->file_lost ? "true" : "false",
        v->use.songs, v->use.capacity, v->use.plays, v->use.bytes,
        v->handoff.batches, v->handoff.open, v->handoff.plays, v->handoff.failures,
        v->handoff.failing ? "true" : "false", undelivered_seconds(v),
        v->handoff.refused_songs, v->handoff.refused_plays);
    if (playcount_metrics_global->songs) {
        write_songs_json(w, v);
    }
}

void playcount_write_zones_json(playcount_writer *w)
{
    int n;
    const zone_view *all = view_all(w->r, &n);

    playcount_put(w, "[");
    for (int i = 0; i < n; i++) {
        playcount_put(w, i ? ",{" : "{");
        write_zone_json(w, &all[i]);
        playcount_put(w, "}");
    }
    playcount_put(w, "]");
}

/* The zones' use, on the metrics' page. */

#include "metrics/formats.h"

#include "apr_strings.h"

#include "metrics/kept.h"
#include "server/zones.h"
#include "shm/figures/label.h"
#include "shm/zone/batches.h"
#include "shm/zone/health.h"

#define TOP_SONGS 100

/* What is shown of one zone, read once. */
typedef struct {
    const char *name;
    playcount_zone *zone;
    playcount_zone_use use;
    playcount_handoff_use handoff;
    int available;
    int file_lost;
    int in_cluster;
    playcount_cluster_health cluster; /* if it is in one */
    apr_size_t top;
    playcount_song *song;
} zone_view;

static void keep_song(void *context, const playcount_song *song)
{
    zone_view *v = context;

    v->song[v->top++] = *song;
}

static void read_use(zone_view *v, request_rec *r, int kept)
{
    playcount_kept_key key =
        playcount_kept_of_zone(PLAYCOUNT_KEPT_USE, v->zone, NULL);
    const playcount_kept_use *use =
        kept ? playcount_kept_get(r, &key, NULL, NULL) : NULL;

    if (use) {
        v->use = use->zone;
        v->handoff = use->handoff;
    }
    else {
        playcount_zone_usage(v->zone, &v->use);
        playcount_handoff_usage(v->zone, &v->handoff);
    }
}

static void read_songs(zone_view *v, request_rec *r, int kept)
{
    playcount_kept_key key =
        playcount_kept_of_zone(PLAYCOUNT_KEPT_SONGS, v->zone, NULL);
    const playcount_song *songs;
    size_t bytes;

    v->song = apr_palloc(r->pool, TOP_SONGS * sizeof(*v->song));
    if (kept && (songs = playcount_kept_get(r, &key, &bytes, NULL))) {
        for (size_t i = 0; i < bytes / sizeof(*songs) && i < TOP_SONGS; i++) {
            keep_song(v, &songs[i]);
        }
    }
    else {
        playcount_zone_top(v->zone, TOP_SONGS, keep_song, v);
    }
}

static void view(zone_view *v, const playcount_served_zone *served, request_rec *r,
                 int kept)
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
    read_use(v, r, kept);
    v->in_cluster = playcount_cluster_get_health(v->zone, &v->cluster);
    if (playcount_metrics_global->songs) {
        read_songs(v, r, kept);
    }
    if (playcount_zone_failed(v->zone)) { /* meanwhile */
        memset(&v->use, 0, sizeof(v->use));
        memset(&v->handoff, 0, sizeof(v->handoff));
        v->top = 0;
        v->available = 0;
    }
}

static zone_view *view_all(request_rec *r, int kept, int *n)
{
    const apr_array_header_t *zones = playcount_zones(r->server);
    zone_view *all;

    *n = zones ? zones->nelts : 0;
    all = apr_palloc(r->pool, ((size_t)*n + 1) * sizeof(*all));
    for (int i = 0; i < *n; i++) {
        view(&all[i], APR_ARRAY_IDX(zones, i, const playcount_served_zone *), r,
             kept);
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

/* Of a server that was started and has not reached its cluster, since the start. */
static uint64_t round_age(const zone_view *v)
{
    uint64_t now = (uint64_t)apr_time_sec(apr_time_now());

    return now > v->cluster.round_time ? now - v->cluster.round_time : 0;
}

static uint64_t others_plays(const zone_view *v)
{
    return v->use.others;
}

static uint64_t unread_tags(const zone_view *v)
{
    return v->cluster.unread_tags;
}

static uint64_t unfit_songs(const zone_view *v)
{
    return v->cluster.unfit_songs;
}

static uint64_t forgotten_tags(const zone_view *v)
{
    return v->cluster.forgotten_tags;
}

typedef struct {
    playcount_family shown;
    value_fn *value;
} family;

static const family families[] = {
    {{"playcount_zone_available", PLAYCOUNT_GAUGE, NULL,
      "0 if the zone could not be opened, or its file cannot be read or written."},
     available},
    {{"playcount_zone_file_lost", PLAYCOUNT_GAUGE, NULL,
      "1 while the zone's file is not under its name any more."},
     file_lost},
    {{"playcount_zone_songs", PLAYCOUNT_GAUGE, NULL, "Songs in the zone."}, songs},
    {{"playcount_zone_capacity_songs", PLAYCOUNT_GAUGE, "songs", "Songs that fit."},
     capacity},
    /* A gauge: clearing a zone takes its plays away. */
    {{"playcount_zone_plays", PLAYCOUNT_GAUGE, NULL, "Sum of all songs' counts."},
     plays},
    {{"playcount_zone_bytes", PLAYCOUNT_GAUGE, "bytes",
      "Memory that the songs take."},
     bytes},
    {{"playcount_zone_handoff_batches", PLAYCOUNT_COUNTER, NULL,
      "Batches acknowledged."},
     batches},
    {{"playcount_zone_handoff_open_batches", PLAYCOUNT_GAUGE, NULL,
      "Batches taken, not acknowledged."},
     open_batches},
    {{"playcount_zone_handoff_open_plays", PLAYCOUNT_GAUGE, NULL,
      "Plays in open batches."},
     open_plays},
    {{"playcount_zone_handoff_failures", PLAYCOUNT_COUNTER, NULL,
      "Deliveries that failed and are tried again."},
     failures},
    {{"playcount_zone_handoff_failing", PLAYCOUNT_GAUGE, NULL,
      "1 if the last delivery failed."},
     failing},
    {{"playcount_zone_handoff_undelivered_seconds", PLAYCOUNT_GAUGE, "seconds",
      "Age of the last moment up to which all plays are handed over, 0 when none "
      "is "
      "waiting."},
     undelivered_seconds},
    {{"playcount_zone_handoff_refused_songs", PLAYCOUNT_GAUGE, NULL,
      "Songs that the consumer refused and keeps aside."},
     refused_songs},
    {{"playcount_zone_handoff_refused_plays", PLAYCOUNT_GAUGE, NULL,
      "Plays of the songs that the consumer refused."},
     refused_plays},
};

/* Of zones in a cluster. */
static const family cluster_families[] = {
    {{"playcount_zone_cluster_others_plays", PLAYCOUNT_GAUGE, NULL,
      "Plays that the other servers of the cluster have, as far as it is known "
      "here."},
     others_plays},
    {{"playcount_zone_cluster_round_age_seconds", PLAYCOUNT_GAUGE, "seconds",
      "Since all of the cluster last had what was to be told, or since the start."},
     round_age},
    {{"playcount_zone_cluster_unread_tags", PLAYCOUNT_GAUGE, NULL,
      "Parts of the cluster, of 1024, of which it is not read yet what others "
      "have."},
     unread_tags},
    {{"playcount_zone_cluster_unfit_songs", PLAYCOUNT_GAUGE, NULL,
      "Songs of other servers that do not fit into the zone."},
     unfit_songs},
    {{"playcount_zone_cluster_forgotten_tags", PLAYCOUNT_COUNTER, NULL,
      "Parts of the cluster that were found behind and told everything again."},
     forgotten_tags},
};

static void write_songs(playcount_exposition *e, const zone_view *v)
{
    for (apr_size_t s = 0; s < v->top; s++) {
        const playcount_song *song = &v->song[s];
        playcount_pair labels[] = {{"zone", v->name, strlen(v->name)},
                                   {"song", song->id, song->length}};

        e->form->sample(e, labels, 2, song->count, 1);
    }
}

static void write_family(playcount_exposition *e, const family *f,
                         const zone_view *all, int n)
{
    e->form->begin(e, &f->shown);
    for (int i = 0; i < n; i++) {
        playcount_pair label = {"zone", all[i].name, strlen(all[i].name)};

        e->form->sample(e, &label, 1, f->value(&all[i]), 1);
    }
    e->form->end(e);
}

/* Those in a cluster, before the others; how many. */
static int sort_clustered(zone_view *all, int n)
{
    int clustered = 0;

    for (int i = 0; i < n; i++) {
        if (all[i].in_cluster) {
            zone_view other = all[clustered];

            all[clustered++] = all[i];
            all[i] = other;
        }
    }
    return clustered;
}

void playcount_write_zones_prometheus(playcount_exposition *e)
{
    static const playcount_family top_songs = {
        "playcount_song_plays", PLAYCOUNT_GAUGE, NULL,
        "Counts of each zone's hundred highest songs."};
    int n;
    zone_view *all = view_all(e->w->r, 0, &n);
    int clustered = sort_clustered(all, n);

    for (size_t f = 0; n && f < sizeof(families) / sizeof(families[0]); f++) {
        write_family(e, &families[f], all, n);
    }
    for (size_t f = 0;
         clustered && f < sizeof(cluster_families) / sizeof(cluster_families[0]);
         f++) {
        write_family(e, &cluster_families[f], all, clustered);
    }
    if (n && playcount_metrics_global->songs) {
        e->form->begin(e, &top_songs);
        for (int i = 0; i < n; i++) {
            write_songs(e, &all[i]);
        }
        e->form->end(e);
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

static void write_cluster_json(playcount_writer *w, const zone_view *v)
{
    if (!v->in_cluster) {
        playcount_put(w, ",\"cluster\":null");
        return;
    }
    playcount_printf(w,
                     ",\"cluster\":{\"others_plays\":%" APR_UINT64_T_FMT
                     ",\"round_age_seconds\":%" APR_UINT64_T_FMT
                     ",\"unread_tags\":%" APR_UINT64_T_FMT
                     ",\"unfit_songs\":%" APR_UINT64_T_FMT
                     ",\"forgotten_tags\":%" APR_UINT64_T_FMT "}",
                     v->use.others, round_age(v), v->cluster.unread_tags,
                     v->cluster.unfit_songs, v->cluster.forgotten_tags);
}

/* Why deliveries fail, as a client library or a database says it: what is no UTF-8
 * in it is shown as a question mark. */
static void write_why_json(playcount_writer *w, const zone_view *v)
{
    const char *why = v->handoff.failing ? v->handoff.why : "";
    char *clean = apr_pstrdup(w->r->pool, why);

    for (char *c = clean; *c;) {
        size_t n = playcount_utf8_length(c);

        *c = n ? *c : '?';
        c += n ? n : 1;
    }
    if (*clean) {
        playcount_json_string(w, ",", "why", clean);
    }
    else {
        playcount_put(w, ",\"why\":null");
    }
    playcount_put(w, "}");
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
        ",\"refused_plays\":%" APR_UINT64_T_FMT,
        v->available ? "true" : "false", v->file_lost ? "true" : "false",
        v->use.songs, v->use.capacity, v->use.plays, v->use.bytes,
        v->handoff.batches, v->handoff.open, v->handoff.plays, v->handoff.failures,
        v->handoff.failing ? "true" : "false", undelivered_seconds(v),
        v->handoff.refused_songs, v->handoff.refused_plays);
    write_why_json(w, v);
    write_cluster_json(w, v);
    if (playcount_metrics_global->songs) {
        write_songs_json(w, v);
    }
}

void playcount_write_zones_json(playcount_writer *w, int kept)
{
    int n;
    const zone_view *all = view_all(w->r, kept, &n);

    playcount_put(w, "[");
    for (int i = 0; i < n; i++) {
        playcount_put(w, i ? ",{" : "{");
        write_zone_json(w, &all[i]);
        playcount_put(w, "}");
    }
    playcount_put(w, "]");
}

/* The songs of one zone for the live page: see songs.h. */

#include "metrics/songs.h"

#include <stdlib.h>

#include "metrics/kept.h"

/* The highest that were found so far. */
typedef struct {
    playcount_song *song; /* [PLAYCOUNT_SONGS_SHOWN], sorted */
    unsigned n;
} best;

static void append(void *context, const playcount_song *song)
{
    best *b = context;

    b->song[b->n++] = *song;
}

static void keep(best *b, const playcount_song *song)
{
    unsigned at = b->n;

    if (b->n == PLAYCOUNT_SONGS_SHOWN) {
        if (song->count <= b->song[b->n - 1].count) {
            return;
        }
        at--;
    }
    else {
        b->n++;
    }
    for (; at > 0 && b->song[at - 1].count < song->count; at--) {
        b->song[at] = b->song[at - 1];
    }
    b->song[at] = *song;
}

static void find_with_prefix(best *b, playcount_zone *zone, const char *prefix,
                             size_t length)
{
    playcount_cursor cursor;
    playcount_song song;

    playcount_zone_begin(zone, &cursor);
    while (playcount_zone_next(zone, &cursor, &song)) {
        if (song.length >= length && !memcmp(song.id, prefix, length)) {
            keep(b, &song);
        }
    }
}

void *playcount_compute_songs(playcount_zone *zone, const char *prefix,
                              size_t length, size_t *bytes)
{
    best b = {calloc(PLAYCOUNT_SONGS_SHOWN, sizeof(*b.song)), 0};

    if (b.song && length) {
        find_with_prefix(&b, zone, prefix, length);
    }
    else if (b.song) {
        playcount_zone_top(zone, PLAYCOUNT_SONGS_SHOWN, append, &b);
    }
    *bytes = b.n * sizeof(*b.song);
    return b.song;
}

static void write_song(playcount_writer *w, const playcount_song *song)
{
    playcount_put(w, "{\"song\":\"");
    playcount_put_json_text(w, song->id, song->length);
    playcount_put(w, "\",\"count\":");
    playcount_put_number(w, song->count);
    playcount_put(w, "}");
}

int playcount_write_songs(playcount_writer *w, const playcount_songs_query *query)
{
    const playcount_served_zone *zone =
        query->zone ? playcount_zone_named(w->r->server, query->zone)
                    : playcount_zone_of(w->r);
    apr_time_t made = apr_time_now();
    const playcount_song *songs = NULL;
    playcount_kept_key key;
    size_t bytes = 0;

    if (!zone || !zone->zone) {
        return HTTP_NOT_FOUND;
    }
    /* No id is longer. */
    if (!query->prefix || strlen(query->prefix) <= PLAYCOUNT_ID_MAX) {
        key =
            playcount_kept_of_zone(PLAYCOUNT_KEPT_SONGS, zone->zone, query->prefix);
        songs = playcount_kept_get(w->r, &key, &bytes, &made);
    }
    playcount_put(w, "{");
    playcount_json_moment(w, "time", (uint64_t)made);
    playcount_json_string(w, ",", "zone", zone->name);
    playcount_put(w, ",\"songs\":[");
    for (size_t i = 0; i < bytes / sizeof(*songs) && i < query->top; i++) {
        playcount_put(w, i ? "," : "");
        write_song(w, &songs[i]);
    }
    playcount_put(w, "]}\n");
    return OK;
}

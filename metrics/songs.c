/* The songs of one zone for the live page: see songs.h. */

#include "metrics/songs.h"

#include "apr_strings.h"

#include "server/zones.h"

typedef struct {
    playcount_writer *w;
    int n;
} output;

static void put_song(void *context, const playcount_song *song)
{
    output *o = context;

    playcount_put(o->w, o->n++ ? ",{\"song\":\"" : "{\"song\":\"");
    playcount_put_json_text(o->w, song->id, song->length);
    playcount_put(o->w, "\",\"count\":");
    playcount_put_number(o->w, song->count);
    playcount_put(o->w, "}");
}

/* Those that begin so, the highest of them first. */
typedef struct {
    playcount_song *song; /* [room], sorted */
    unsigned n, room;
} best;

static void keep(best *b, const playcount_song *song)
{
    unsigned at = b->n;

    if (b->n == b->room) {
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

static void put_with_prefix(output *o, playcount_zone *zone,
                            const playcount_songs_query *query)
{
    apr_size_t length = strlen(query->prefix);
    best b = {apr_palloc(o->w->r->pool, query->top * sizeof(*b.song)), 0,
              query->top};
    playcount_cursor cursor;
    playcount_song song;

    playcount_zone_begin(zone, &cursor);
    while (playcount_zone_next(zone, &cursor, &song)) {
        if (song.length >= length && !memcmp(song.id, query->prefix, length)) {
            keep(&b, &song);
        }
    }
    for (unsigned i = 0; i < b.n; i++) {
        put_song(o, &b.song[i]);
    }
}

int playcount_write_songs(playcount_writer *w, const playcount_songs_query *query)
{
    const playcount_served_zone *zone =
        query->zone ? playcount_zone_named(w->r->server, query->zone)
                    : playcount_zone_of(w->r);
    output o = {w, 0};

    if (!zone || !zone->zone) {
        return HTTP_NOT_FOUND;
    }
    playcount_put(w, "{");
    playcount_json_moment(w, "time", (uint64_t)apr_time_now());
    playcount_json_string(w, ",", "zone", zone->name);
    playcount_put(w, ",\"songs\":[");
    if (query->prefix) {
        put_with_prefix(&o, zone->zone, query);
    }
    else {
        playcount_zone_top(zone->zone, query->top, put_song, &o);
    }
    playcount_put(w, "]}\n");
    return OK;
}

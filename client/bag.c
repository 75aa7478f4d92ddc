/* Bags. See bag.h. */
#include <stdlib.h>
#include <string.h>

#include "client/bag.h"
#include "client/error.h"

enum { FIRST_PAUSE_MS = 100, LONGEST_PAUSE_MS = 30000 };

static playcount_bag *make(size_t n, size_t bytes, int server)
{
    playcount_bag *bag = calloc(1, sizeof(*bag));
    if (!bag) {
        return NULL;
    }
    bag->parcel.server = server;
    bag->parcel.n = n;
    bag->parcel.songs = calloc(n, sizeof(*bag->parcel.songs));
    bag->ids = malloc(bytes);
    playcount_error_clear(&bag->why);
    if (!bag->parcel.songs || !bag->ids || playcount_new_key(bag->parcel.key)) {
        playcount_bag_free(bag);
        return NULL;
    }
    return bag;
}

/* Put a song in; returns where the next id goes. */
static char *put(playcount_song *song, char *to, const char *id, uint64_t by)
{
    size_t n = strlen(id) + 1;
    memcpy(to, id, n);
    song->id = to;
    song->by = by;
    return to + n;
}

playcount_bag *playcount_bag_of(const playcount_tally *tally, size_t from, size_t n,
                                int server)
{
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++) {
        bytes += strlen(playcount_tally_id(tally, from + i)) + 1;
    }
    playcount_bag *bag = make(n, bytes, server);
    char *to = bag ? bag->ids : NULL;
    for (size_t i = 0; bag && i < n; i++) {
        to = put(&bag->parcel.songs[i], to, playcount_tally_id(tally, from + i),
                 tally->songs[from + i].sum);
    }
    return bag;
}

playcount_bag *playcount_bag_half(const playcount_bag *bag, int second)
{
    size_t middle = bag->parcel.n / 2;
    size_t from = second ? middle : 0;
    size_t n = second ? bag->parcel.n - middle : middle;
    const playcount_song *songs = bag->parcel.songs + from;
    size_t bytes = 0;

    for (size_t i = 0; i < n; i++) {
        bytes += strlen(songs[i].id) + 1;
    }
    playcount_bag *half = make(n, bytes, bag->parcel.server);
    char *to = half ? half->ids : NULL;
    for (size_t i = 0; half && i < n; i++) {
        to = put(&half->parcel.songs[i], to, songs[i].id, songs[i].by);
    }
    return half;
}

void playcount_bag_free(playcount_bag *bag)
{
    if (bag) {
        free(bag->parcel.songs);
        free(bag->ids);
        free(bag);
    }
}

/* Refusals that the same bag would meet for ever. */
static int for_good(const playcount_error *error)
{
    return playcount_is_settled(error->http_status) ||
           error->status == PLAYCOUNT_E_USAGE;
}

static void pause_growing(playcount_bag *bag, int64_t now)
{
    int64_t pause = FIRST_PAUSE_MS;
    for (int i = 0; i < bag->failures && pause < LONGEST_PAUSE_MS; i++) {
        pause *= 2;
    }
    bag->not_before = now + (pause < LONGEST_PAUSE_MS ? pause : LONGEST_PAUSE_MS);
    bag->failures++;
}

playcount_bag_fate playcount_bag_judge(playcount_bag *bag,
                                       const playcount_error *error, int64_t now,
                                       long key_seconds)
{
    if (error->status == PLAYCOUNT_OK) {
        return PLAYCOUNT_BAG_COUNTED;
    }
    bag->why = *error;
    if (for_good(error)) {
        /* Had it been counted before, its key would have brought that answer. */
        bag->doubt_since = 0;
        int divisible = error->http_status == 507 || error->http_status == 413;
        return divisible && bag->parcel.n > 1 ? PLAYCOUNT_BAG_SPLIT
                                              : PLAYCOUNT_BAG_REFUSED;
    }
    if (error->uncertain && !bag->doubt_since) {
        bag->doubt_since = now;
    }
    bag->why.uncertain = bag->doubt_since != 0;
    if (bag->doubt_since && now - bag->doubt_since >= (int64_t)key_seconds * 1000) {
        return PLAYCOUNT_BAG_REFUSED;
    }
    pause_growing(bag, now);
    return PLAYCOUNT_BAG_AGAIN;
}

/* Queued batches. See queued.h. */
#include <stdlib.h>
#include <string.h>

#include "client/queued.h"
#include "client/error.h"

enum { FIRST_PAUSE_MS = 100, LONGEST_PAUSE_MS = 30000 };

static playcount_queued *make(size_t n, size_t bytes, int server)
{
    playcount_queued *entry = calloc(1, sizeof(*entry));
    if (!entry) {
        return NULL;
    }
    entry->batch.server = server;
    entry->batch.n = n;
    entry->batch.songs = calloc(n, sizeof(*entry->batch.songs));
    entry->ids = malloc(bytes);
    playcount_error_clear(&entry->why);
    if (!entry->batch.songs || !entry->ids || playcount_new_key(entry->batch.key)) {
        playcount_queued_free(entry);
        return NULL;
    }
    return entry;
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

playcount_queued *playcount_queued_from(const playcount_tally *tally, size_t from,
                                        size_t n, int server)
{
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++) {
        bytes += strlen(playcount_tally_id(tally, from + i)) + 1;
    }
    playcount_queued *entry = make(n, bytes, server);
    char *to = entry ? entry->ids : NULL;
    for (size_t i = 0; entry && i < n; i++) {
        to = put(&entry->batch.songs[i], to, playcount_tally_id(tally, from + i),
                 tally->songs[from + i].sum);
    }
    return entry;
}

playcount_queued *playcount_queued_half(const playcount_queued *entry, int second)
{
    size_t middle = entry->batch.n / 2;
    size_t from = second ? middle : 0;
    size_t n = second ? entry->batch.n - middle : middle;
    const playcount_song *songs = entry->batch.songs + from;
    size_t bytes = 0;

    for (size_t i = 0; i < n; i++) {
        bytes += strlen(songs[i].id) + 1;
    }
    playcount_queued *half = make(n, bytes, entry->batch.server);
    char *to = half ? half->ids : NULL;
    for (size_t i = 0; half && i < n; i++) {
        to = put(&half->batch.songs[i], to, songs[i].id, songs[i].by);
    }
    return half;
}

void playcount_queued_free(playcount_queued *entry)
{
    if (entry) {
        free(entry->batch.songs);
        free(entry->ids);
        free(entry);
    }
}

/* Refusals that the same batch would always meet. */
static int for_good(const playcount_error *error)
{
    return playcount_is_settled(error->http_status) ||
           error->status == PLAYCOUNT_E_USAGE;
}

static void pause_growing(playcount_queued *entry, int64_t now)
{
    int64_t pause = FIRST_PAUSE_MS;
    for (int i = 0; i < entry->failures && pause < LONGEST_PAUSE_MS; i++) {
        pause *= 2;
    }
    entry->not_before = now + (pause < LONGEST_PAUSE_MS ? pause : LONGEST_PAUSE_MS);
    entry->failures++;
}

playcount_queued_outcome playcount_queued_judge(playcount_queued *entry,
                                                const playcount_error *error,
                                                int64_t now, long key_seconds)
{
    if (error->status == PLAYCOUNT_OK) {
        return PLAYCOUNT_QUEUED_COUNTED;
    }
    entry->why = *error;
    if (for_good(error)) {
        /* Had it been counted before, its key would have brought that answer. */
        entry->doubt_since = 0;
        int divisible = error->http_status == 507 || error->http_status == 413;
        return divisible && entry->batch.n > 1 ? PLAYCOUNT_QUEUED_SPLIT
                                               : PLAYCOUNT_QUEUED_REFUSED;
    }
    if (error->uncertain && !entry->doubt_since) {
        entry->doubt_since = now;
    }
    entry->why.uncertain = entry->doubt_since != 0;
    if (entry->doubt_since &&
        now - entry->doubt_since >= (int64_t)key_seconds * 1000) {
        return PLAYCOUNT_QUEUED_REFUSED;
    }
    pause_growing(entry, now);
    return PLAYCOUNT_QUEUED_RETRY;
}

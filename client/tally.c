/* A tally: songs and sums. See tally.h. */
#include <stdlib.h>
#include <string.h>

#include "client/tally.h"

/* FNV-1a, 64 bits, and a final mix, as the table takes the low bits. */
static uint64_t hash_of(const char *id, size_t n)
{
    uint64_t h = 0xcbf29ce484222325;
    for (size_t i = 0; i < n; i++) {
        h = (h ^ (unsigned char)id[i]) * 0x100000001b3;
    }
    return h ^ h >> 29;
}

static uint32_t *place(const playcount_tally *tally, const char *id, uint64_t hash)
{
    size_t mask = tally->table_n - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        uint32_t *cell = &tally->table[i];
        if (!*cell || (tally->songs[*cell - 1].hash == hash &&
                       strcmp(playcount_tally_id(tally, *cell - 1), id) == 0)) {
            return cell;
        }
    }
}

static int grow_table(playcount_tally *tally)
{
    size_t n = tally->table_n ? 2 * tally->table_n : 64;
    uint32_t *table = n > UINT32_MAX ? NULL : calloc(n, sizeof(*table));
    if (!table) {
        return -1;
    }
    for (size_t s = 0; s < tally->n; s++) {
        size_t i = tally->songs[s].hash & (n - 1);
        while (table[i]) {
            i = (i + 1) & (n - 1);
        }
        table[i] = (uint32_t)s + 1;
    }
    free(tally->table);
    tally->table = table;
    tally->table_n = n;
    return 0;
}

/* Room for one more song with an id of this many bytes. */
static int make_room(playcount_tally *tally, size_t bytes)
{
    if (2 * (tally->n + 1) > tally->table_n && grow_table(tally)) {
        return -1;
    }
    if (tally->n == tally->room) {
        size_t room = tally->room ? 2 * tally->room : 32;
        playcount_tallied *songs = realloc(tally->songs, room * sizeof(*songs));
        if (!songs) {
            return -1;
        }
        tally->songs = songs;
        tally->room = room;
    }
    if (tally->ids_room - tally->ids_n < bytes) {
        size_t room = 2 * tally->ids_room + 1024;
        char *ids = realloc(tally->ids, room);
        if (!ids) {
            return -1;
        }
        tally->ids = ids;
        tally->ids_room = room;
    }
    return 0;
}

long playcount_tally_add(playcount_tally *tally, const char *id, uint64_t by)
{
    size_t n = strlen(id);
    uint64_t hash = hash_of(id, n);

    if (make_room(tally, n + 1)) {
        return -1;
    }
    uint32_t *cell = place(tally, id, hash);
    if (!*cell) {
        tally->songs[tally->n] =
            (playcount_tallied){.id = tally->ids_n, .sum = 0, .hash = hash};
        memcpy(tally->ids + tally->ids_n, id, n + 1);
        tally->ids_n += n + 1;
        *cell = (uint32_t)++tally->n;
    }
    playcount_tallied *song = &tally->songs[*cell - 1];
    song->sum =
        by > PLAYCOUNT_COUNT_MAX - song->sum ? PLAYCOUNT_COUNT_MAX : song->sum + by;
    return (long)*cell - 1;
}

void playcount_tally_clear(playcount_tally *tally)
{
    if (tally->table) {
        memset(tally->table, 0, tally->table_n * sizeof(*tally->table));
    }
    tally->n = 0;
    tally->ids_n = 0;
}

void playcount_tally_free(playcount_tally *tally)
{
    free(tally->songs);
    free(tally->table);
    free(tally->ids);
    memset(tally, 0, sizeof(*tally));
}

/* A tally: songs and sums, in the order in which the songs came first.
 *
 * An open-addressing hash table of indices into an array of songs, half full at
 * most; the ids lie in one growing block. One thread at a time.
 */
#ifndef PLAYCOUNT_CLIENT_TALLY_H
#define PLAYCOUNT_CLIENT_TALLY_H

#include "client/playcount.h"

typedef struct {
    size_t id; /* where in `ids` */
    uint64_t sum;
    uint64_t hash;
} playcount_tallied;

/* All zero is an empty tally. */
typedef struct {
    playcount_tallied *songs;
    size_t n, room;
    uint32_t *table; /* index + 1; 0: free */
    size_t table_n;  /* a power of two */
    char *ids;
    size_t ids_n, ids_room;
} playcount_tally;

/* Add to a song; sums stop at PLAYCOUNT_COUNT_MAX. Its index, or -1: no memory, and
 * nothing has changed. */
long playcount_tally_add(playcount_tally *tally, const char *id, uint64_t by);

static inline const char *playcount_tally_id(const playcount_tally *tally, size_t i)
{
    return tally->ids + tally->songs[i].id;
}

/* Forget all songs and keep the memory. */
void playcount_tally_clear(playcount_tally *tally);

void playcount_tally_free(playcount_tally *tally);

#endif

/* Which server has a song: see playcount_shard in playcount.h. */
#ifndef PLAYCOUNT_CLIENT_SHARD_H
#define PLAYCOUNT_CLIENT_SHARD_H

#include "client/playcount.h"

typedef struct {
    uint32_t at;
    uint32_t server;
} playcount_point;

typedef struct {
    playcount_shard kind;
    size_t servers;
    playcount_point *circle; /* ketama: sorted, 160 a server */
    size_t points;
} playcount_shards;

/* Not 0: no memory. Names are borrowed for the call only. */
int playcount_shards_init(playcount_shards *shards, playcount_shard kind,
                          const char *const *names, size_t n);

void playcount_shards_free(playcount_shards *shards);

/* The server of a valid id; -1: modulo, and the id is not an integer. [any thread]
 */
int playcount_shards_find(const playcount_shards *shards, const char *id);

#endif

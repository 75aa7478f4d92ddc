/* Packing songs into batches: one tally for each server, cut to the sizes that
 * servers take. The same songs in the same order make the same batches. */
#ifndef PLAYCOUNT_CLIENT_PACK_H
#define PLAYCOUNT_CLIENT_PACK_H

#include "client/send.h"
#include "client/tally.h"

/* How many songs of the tally, from this one, fit into a batch of at most `most`.
 */
size_t playcount_pack_measure(const playcount_tally *tally, size_t from,
                              size_t most);

typedef struct {
    const playcount_client *client;
    playcount_tally *tallies; /* by server */
    playcount_batch *batches;
    size_t n;
} playcount_pack;

/* Not 0: no memory. */
int playcount_pack_init(playcount_pack *pack, const playcount_client *client);

/* Put plays of a song in; its index in the tally of its server, or -1 with *error.
 */
long playcount_pack_add(playcount_pack *pack, const char *id, uint64_t by,
                        int *server, playcount_error *error);

/* Make the batches; their keys are empty. Their ids are the tallies'. Not 0: no
 * memory. Nothing may be added any more. */
int playcount_pack_seal(playcount_pack *pack);

/* Where a song is that was given this index for this server. After seal. */
playcount_song *playcount_pack_song(const playcount_pack *pack, int server,
                                    long index);

/* Empty it, to be filled again. */
void playcount_pack_clear(playcount_pack *pack);

void playcount_pack_free(playcount_pack *pack);

#endif

/* Adding to many songs. */
#include <stdlib.h>

#include "client/error.h"
#include "client/pack.h"

/* Where each song went. */
typedef struct {
    int server;
    long index;
} where;

static playcount_status pack_all(playcount_pack *pack, playcount_song *songs,
                                 size_t n, where *places, playcount_error *error)
{
    for (size_t i = 0; i < n; i++) {
        songs[i].count = 0;
        songs[i].status = PLAYCOUNT_E_USAGE;
    }
    for (size_t i = 0; i < n; i++) {
        playcount_error wrong;
        places[i].index = playcount_pack_add(pack, songs[i].id, songs[i].by,
                                             &places[i].server, &wrong);
        if (places[i].index < 0) {
            return playcount_error_pass(error, &wrong);
        }
    }
    if (playcount_pack_seal(pack)) {
        return playcount_fail(error, PLAYCOUNT_E_MEMORY, -1,
                              "no memory for a batch");
    }
    for (size_t i = 0; i < pack->n; i++) {
        if (playcount_new_key(pack->batches[i].key)) {
            return playcount_fail(error, PLAYCOUNT_E_MEMORY, -1,
                                  "no random numbers for a key");
        }
    }
    return PLAYCOUNT_OK;
}

playcount_status playcount_add_many(playcount_client *client, playcount_song *songs,
                                    size_t n, playcount_error *error)
{
    playcount_pack pack;

    playcount_error_clear(error);
    int failed = playcount_pack_init(&pack, client);
    where *places = calloc(n + 1, sizeof(*places));
    if (failed || !places) {
        playcount_pack_free(&pack);
        free(places);
        return playcount_fail(error, PLAYCOUNT_E_MEMORY, -1,
                              "no memory for a batch");
    }
    playcount_status status = pack_all(&pack, songs, n, places, error);
    if (status == PLAYCOUNT_OK) {
        status = playcount_send(client, pack.batches, pack.n, NULL, error);
        for (size_t i = 0; i < n; i++) {
            const playcount_song *sent =
                playcount_pack_song(&pack, places[i].server, places[i].index);
            songs[i].count = sent->count;
            songs[i].status = sent->status;
        }
    }
    playcount_pack_free(&pack);
    free(places);
    return status;
}

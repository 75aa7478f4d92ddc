/* Packing songs into batches. See pack.h. */
#include <stdlib.h>
#include <string.h>

#include "client/error.h"
#include "client/pack.h"

int playcount_pack_init(playcount_pack *pack, const playcount_client *client)
{
    memset(pack, 0, sizeof(*pack));
    pack->client = client;
    pack->tallies = calloc(client->servers_n, sizeof(*pack->tallies));
    return pack->tallies ? 0 : -1;
}

long playcount_pack_add(playcount_pack *pack, const char *id, uint64_t by,
                        int *server, playcount_error *error)
{
    const playcount_server *found = playcount_find(pack->client, id, error);
    if (!found) {
        return -1;
    }
    if (by < 1 || by > PLAYCOUNT_COUNT_MAX) {
        playcount_fail(error, PLAYCOUNT_E_USAGE, -1, "plays must be 1 to 2^63-1");
        return -1;
    }
    long index = playcount_tally_add(&pack->tallies[found->number], id, by);
    if (index < 0) {
        playcount_fail(error, PLAYCOUNT_E_MEMORY, -1, "no memory for a batch");
    }
    if (server) {
        *server = found->number;
    }
    return index;
}

size_t playcount_pack_measure(const playcount_tally *tally, size_t from,
                              size_t most)
{
    size_t bytes = 0, n = 0;
    while (from + n < tally->n && n < most) {
        bytes += 3 * strlen(playcount_tally_id(tally, from + n)) + 21;
        if (bytes > PLAYCOUNT_SEND_BYTES && n) {
            break;
        }
        n++;
    }
    return n;
}

/* All songs of one server's tally are one array; its batches are slices of it. */
static int seal_server(playcount_pack *pack, int server)
{
    const playcount_tally *tally = &pack->tallies[server];
    playcount_song *songs = calloc(tally->n, sizeof(*songs));
    if (!songs) {
        return -1;
    }
    for (size_t i = 0; i < tally->n; i++) {
        songs[i].id = playcount_tally_id(tally, i);
        songs[i].by = tally->songs[i].sum;
    }
    for (size_t from = 0, n; from < tally->n; from += n) {
        n = playcount_pack_measure(tally, from, PLAYCOUNT_SEND_SONGS);
        playcount_batch *batches =
            realloc(pack->batches, (pack->n + 1) * sizeof(*batches));
        if (!batches) {
            if (from == 0) {
                free(songs);
            }
            return -1;
        }
        pack->batches = batches;
        batches[pack->n++] =
            (playcount_batch){.server = server, .songs = songs + from, .n = n};
    }
    return 0;
}

int playcount_pack_seal(playcount_pack *pack)
{
    for (size_t s = 0; s < pack->client->servers_n; s++) {
        if (pack->tallies[s].n && seal_server(pack, (int)s)) {
            return -1;
        }
    }
    return 0;
}

playcount_song *playcount_pack_song(const playcount_pack *pack, int server,
                                    long index)
{
    for (size_t i = 0; i < pack->n; i++) {
        if (pack->batches[i].server == server) {
            return pack->batches[i].songs + index; /* the slices lie side by side */
        }
    }
    return NULL;
}

void playcount_pack_clear(playcount_pack *pack)
{
    int last = -1;
    for (size_t i = 0; i < pack->n; i++) {
        if (pack->batches[i].server != last) {
            free(pack->batches[i].songs);
            last = pack->batches[i].server;
        }
    }
    free(pack->batches);
    pack->batches = NULL;
    pack->n = 0;
    for (size_t s = 0; pack->tallies && s < pack->client->servers_n; s++) {
        playcount_tally_clear(&pack->tallies[s]);
    }
}

void playcount_pack_free(playcount_pack *pack)
{
    playcount_pack_clear(pack);
    for (size_t s = 0; pack->tallies && s < pack->client->servers_n; s++) {
        playcount_tally_free(&pack->tallies[s]);
    }
    free(pack->tallies);
    pack->tallies = NULL;
}

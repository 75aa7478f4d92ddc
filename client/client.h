/* A client: its servers, where songs live, and the wires that running calls borrow.
 */
#ifndef PLAYCOUNT_CLIENT_CLIENT_H
#define PLAYCOUNT_CLIENT_CLIENT_H

#include <pthread.h>

#include "client/shard.h"
#include "client/wire.h"

struct playcount_client {
    /* Fixed when it is opened. */
    playcount_server *servers;
    size_t servers_n;
    playcount_shards shards;
    playcount_limits limits;

    pthread_mutex_t lock;     /* for the two below */
    playcount_wire *idle[16]; /* their connections are kept for the next call */
    int idle_n;
};

/* Make a server from an address, or fail with a sentence. Numbered `number`. */
playcount_status playcount_server_init(playcount_server *server, int number,
                                       const char *address, playcount_error *error);
void playcount_server_free(playcount_server *server);

/* A wire for one call; NULL with *error: no memory. [any thread] */
playcount_wire *playcount_borrow(playcount_client *client, playcount_error *error);
void playcount_return(playcount_client *client, playcount_wire *wire);

/* The server of an id; NULL with *error for one that cannot be. [any thread] */
const playcount_server *playcount_find(const playcount_client *client,
                                       const char *id, playcount_error *error);

/* playcount_list() that ends early, with PLAYCOUNT_E_STOPPED, when stop() says so.
 */
playcount_status playcount_list_until(playcount_client *client,
                                      playcount_each *each, void *context,
                                      playcount_error *each_server,
                                      playcount_error *error, playcount_stop *stop,
                                      void *stop_context);

/* A page of one server's listing. */
typedef struct {
    size_t server;
    uint64_t limit;    /* songs at most; fewer: there were no more */
    const char *after; /* it begins behind this song; NULL: at the beginning */
    playcount_each *each;
    void *context;
    playcount_stop *stop; /* NULL: never */
    void *stop_context;

    /* The outcome: of which mapping it is, also where it fails; "" if the server
     * has not said. Pages of one mapping put together are a listing. A clear can
     * cut a page short: the next one is then of another mapping. */
    char mapping[PLAYCOUNT_MAPPING_ROOM];
} playcount_page;

/* As it streams, it is not repeated when it breaks. PLAYCOUNT_E_STOPPED: each() or
 * stop() said so. */
playcount_status playcount_list_page(playcount_client *client, playcount_page *page,
                                     playcount_error *error);

#endif

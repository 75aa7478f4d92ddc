/* A batch of plays to hand over, as a consumer takes it from a server:
 * docs/handoff.md.
 */
#ifndef PLAYCOUNT_CLIENT_BATCH_H
#define PLAYCOUNT_CLIENT_BATCH_H

#include "client/client.h"

typedef struct {
    char number[PLAYCOUNT_HEADER_ROOM]; /* "": there is nothing to hand over */
    uint64_t plays;                     /* in it; stops at PLAYCOUNT_COUNT_MAX */
} playcount_taken;

/* Take a batch, or get the one that is open: the server gives the same one until it
 * is acknowledged. [any thread] */
playcount_status playcount_batch_take(playcount_client *client, size_t server,
                                      playcount_taken *taken,
                                      playcount_error *error);

/* The consumer has the batch of this number. May be repeated. [any thread] */
playcount_status playcount_batch_acknowledge(playcount_client *client,
                                             size_t server, const char *number,
                                             playcount_error *error);

#endif

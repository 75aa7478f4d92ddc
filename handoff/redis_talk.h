/* A round over connections, as redis_talk.c carries it out and redis_errors.c
 * decides what an error does to it. */
#ifndef PLAYCOUNT_HANDOFF_REDIS_TALK_H
#define PLAYCOUNT_HANDOFF_REDIS_TALK_H

#include "handoff/redis.h"

#define PLAYCOUNT_TALK_TOGETHER 256 /* requests to one node at a time */

typedef struct {
    playcount_redis *redis;
    const playcount_handoff *handoff;
    playcount_round *round;
    apr_pool_t *pool; /* of the round */
    apr_pool_t *p;    /* of one exchange */
    const char **why; /* the first reason for a failure, from `pool` */
    int redirects;    /* MOVED, ASK and the like that are still followed */
    int stopped;      /* there is no use in going on */

    /* The node that has to be asked once for this tag instead of its owner; -1:
     * none */
    int16_t ask[PLAYCOUNT_CLUSTER_TAGS];

    /* What was sent to each node and is not answered yet: tags, in order. */
    uint16_t sent[PLAYCOUNT_REDIS_NODES][PLAYCOUNT_TALK_TOGETHER];
    int n[PLAYCOUNT_REDIS_NODES];
} playcount_talk;

/* Keep this as the reason, unless there is one already. */
void playcount_talk_note(playcount_talk *t, const char *why);

/* redis_errors.c: a node answered the request of this tag with an error. Either the
 * turn may send it again, perhaps to another node, or the round is stopped. */
void playcount_talk_error(playcount_talk *t, int node, uint32_t tag,
                          const char *line);

#endif

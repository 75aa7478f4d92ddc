/* What must hold besides the rounds: the servers agree on the layout, and enough
 * replicas have what was sent. */
#include "handoff/redis.h"

#include <string.h>

#include "apr_strings.h"

int playcount_redis_agree(playcount_redis *redis, const playcount_handoff *h,
                          apr_pool_t *p, const char **why)
{
    const char *key = apr_psprintf(p, "playcount:%s:layout", h->zone_name);
    const char *ours =
        apr_psprintf(p, "%d %d %d", PLAYCOUNT_CLUSTER_VERSION,
                     PLAYCOUNT_CLUSTER_TAGS, PLAYCOUNT_CLUSTER_BUCKETS);
    const char *set[] = {"SET", key, ours, "NX"};
    const char *get[] = {"GET", key};
    int node = redis->owner[playcount_cluster_slot(key, strlen(key))];
    redisReply *reply;
    int agree;

    if (node < 0) {
        *why = "the cluster has no node for some slots";
        return 0;
    }
    if (!playcount_nodes_connect(redis, node, p, why)) {
        return 0;
    }
    reply = playcount_nodes_ask(redis, node, p, why, 2, get, NULL);
    if (reply && reply->type == REDIS_REPLY_NIL) {
        freeReplyObject(reply);
        reply = playcount_nodes_ask(redis, node, p, why, 4, set, NULL);
        freeReplyObject(reply);
        reply =
            reply ? playcount_nodes_ask(redis, node, p, why, 2, get, NULL) : NULL;
    }
    if (!reply) {
        redis->is_mapped = 0;
        return 0;
    }
    agree = reply->type == REDIS_REPLY_STRING && !strcmp(reply->str, ours);
    if (!agree) {
        *why =
            apr_psprintf(p,
                         "the key %s says \"%s\", but this server has the layout "
                         "\"%s\"; all servers of a cluster must be of a version "
                         "with the same",
                         key, reply->str ? reply->str : "", ours);
    }
    freeReplyObject(reply);
    return agree;
}

int playcount_redis_wait(playcount_redis *redis, apr_pool_t *p, const char **why)
{
    const char *argv[] = {"WAIT", apr_itoa(p, redis->wait), "1000"};

    for (int i = 0; redis->wait && i < redis->n; i++) {
        redisReply *reply;
        int have;

        if (!redis->nodes[i].used || !redis->nodes[i].connection) {
            continue;
        }
        reply = playcount_nodes_ask(redis, i, p, why, 3, argv, NULL);
        have = reply ? (int)reply->integer : 0;
        freeReplyObject(reply);
        if (!reply) {
            return 0;
        }
        if (have < redis->wait) {
            *why = apr_psprintf(
                p,
                "of the replicas of %s, %d have it within a second, not "
                "wait=%d",
                redis->nodes[i].name, have, redis->wait);
            return 0;
        }
    }
    return 1;
}

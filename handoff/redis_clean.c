/* What is left of earlier epochs is deleted, some tags at a time.
 *
 * When the script takes a tag into another epoch, it notes in the tag's fences
 * which writers have keys in the last one: "old:5" = "0f3a... 77b1...". Any server
 * deletes those keys, and then the note; if it is killed in between, another one
 * does both again. */
#include "handoff/redis.h"

#include <string.h>

#include "apr_strings.h"

#define AT_A_TIME 64 /* tags */

/* One writer's keys of an epoch; "t" are the totals. */
static int drop(playcount_redis *redis, int node, const char *base,
                const char *epoch, const char *of, apr_pool_t *p)
{
    const char *argv[1 + PLAYCOUNT_CLUSTER_BUCKETS] = {"UNLINK"};
    const char *why;
    redisReply *reply;

    for (int b = 0; b < PLAYCOUNT_CLUSTER_BUCKETS; b++) {
        argv[1 + b] = apr_psprintf(p, "%s:%s:%s:%d", base, epoch, of, b);
    }
    reply = playcount_nodes_ask(redis, node, p, &why, 1 + PLAYCOUNT_CLUSTER_BUCKETS,
                                argv, NULL);
    freeReplyObject(reply);
    return reply != NULL;
}

static int drop_epoch(playcount_redis *redis, int node, const char *base,
                      const char *field, const char *writers, apr_pool_t *p)
{
    const char *argv[] = {"HDEL", apr_pstrcat(p, base, ":f", NULL), field};
    char *state, *list = apr_pstrdup(p, writers);
    const char *why;
    int ok = drop(redis, node, base, field + 4, "t", p);
    redisReply *reply;

    for (char *one = apr_strtok(list, " ", &state); one && ok;
         one = apr_strtok(NULL, " ", &state)) {
        ok = drop(redis, node, base, field + 4, one, p);
    }
    reply = ok ? playcount_nodes_ask(redis, node, p, &why, 3, argv, NULL) : NULL;
    freeReplyObject(reply);
    return reply != NULL;
}

static int clean_tag(playcount_redis *redis, const char *base, int node,
                     apr_pool_t *p)
{
    const char *argv[] = {"HGETALL", apr_pstrcat(p, base, ":f", NULL)};
    const char *why;
    redisReply *reply = playcount_nodes_ask(redis, node, p, &why, 2, argv, NULL);
    int ok = reply != NULL;

    for (size_t i = 0; ok && i + 1 < reply->elements; i += 2) {
        if (reply->element[i]->str && !strncmp(reply->element[i]->str, "old:", 4)) {
            ok = drop_epoch(redis, node, base, reply->element[i]->str,
                            reply->element[i + 1]->str, p);
        }
    }
    freeReplyObject(reply);
    return ok;
}

/* What fails is tried again when its turn comes round. */
void playcount_redis_clean(playcount_redis *redis, const playcount_handoff *h,
                           apr_pool_t *pool)
{
    apr_pool_t *p;
    int ok = 1;

    apr_pool_create(&p, pool);
    for (int i = 0; i < AT_A_TIME && ok; i++) {
        uint32_t tag = redis->clean++ % PLAYCOUNT_CLUSTER_TAGS;
        int node = redis->owner[tag * 16];

        ok = node >= 0 && redis->nodes[node].connection &&
             clean_tag(redis,
                       apr_psprintf(p, "playcount:%s:{%s}", h->zone_name,
                                    redis->tags[tag]),
                       node, p);
        apr_pool_clear(p);
    }
    apr_pool_destroy(p);
}

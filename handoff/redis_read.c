/* What the other servers have: read back from the cluster into the zone.
 *
 * A server that begins reads each tag whole, some at a time. From then on the
 * answers to its own requests carry what others have changed since, from the tag's
 * log: each song's total after the change. A tag is read whole again when its log
 * does not reach back to where it was read last, or when an answer was lost that
 * may have carried something.
 *
 * Read whole, a tag gives total and own part of each song at one moment, so the
 * rest is what the others have, however many deliveries go on meanwhile. A total in
 * the log is of some earlier moment, when less may have been told of this server's
 * own plays than is counted here by now: the others have *at least* the rest. With
 * the next delivery of the song the total comes again, and then no play of this
 * server is missing in it.
 */
#include "handoff/redis.h"

#include <string.h>
#include <time.h>

#include "apr_strings.h"
#include "http_log.h"

APLOG_USE_MODULE(playcount);

#define TOGETHER 32 /* tags at a time */
#define AT_MOST 256 /* tags of one call */

static void read_all_again(playcount_redis *redis)
{
    memset(redis->position, 0, sizeof(redis->position));
    memset(redis->is_unfit, 0, sizeof(redis->is_unfit));
    memset(redis->unfit, 0, sizeof(redis->unfit));
}

void playcount_redis_read_again(playcount_redis *redis, uint32_t tag)
{
    *redis->position[tag] = '\0';
}

/* --- the log --- */

/* "id\ntotal\nid\ntotal..."; 0 when the zone is another by now. */
static int take_changes(playcount_redis *redis, playcount_zone *zone, uint32_t tag,
                        const char *at, const char *end)
{
    while (at < end) {
        const char *id = at, *id_end = memchr(at, '\n', (size_t)(end - at));
        apr_size_t length = id_end ? (apr_size_t)(id_end - id) : 0;
        uint64_t total = 0;
        apr_status_t rv;

        if (!length || length > PLAYCOUNT_ID_MAX) {
            return 1;
        }
        for (at = id_end + 1; at < end && *at >= '0' && *at <= '9'; at++) {
            total = 10 * total + (uint64_t)(*at - '0');
        }
        if (at < end && *at++ != '\n') {
            return 1;
        }
        rv = playcount_others_at_least(zone, redis->read_zone_epoch, id, length,
                                       total);
        if (rv == APR_ENOSPC) {
            redis->is_unfit[tag] = 1;
        }
        else if (rv != APR_SUCCESS) {
            return 0;
        }
    }
    return 1;
}

void playcount_redis_take_changes(playcount_redis *redis,
                                  const playcount_handoff *h, uint32_t tag,
                                  const redisReply *answer)
{
    if (!*redis->position[tag] || answer->elements < 5 ||
        !answer->element[4]->str) {
        return;
    }
    if (!*answer->element[4]->str) { /* the log does not reach back so far */
        playcount_redis_read_again(redis, tag);
        return;
    }
    for (size_t i = 5; i < answer->elements; i++) {
        const redisReply *changes = answer->element[i];

        if (!changes->str || !take_changes(redis, h->zone->zone, tag, changes->str,
                                           changes->str + changes->len)) {
            playcount_redis_read_again(redis, tag);
            return;
        }
    }
    apr_cpystrn(redis->position[tag], answer->element[4]->str,
                sizeof(redis->position[tag]));
}

/* --- whole tags --- */

typedef struct {
    playcount_redis *redis;
    playcount_handoff *handoff;
    playcount_writer writer;
    apr_pool_t *p;
    int full;
} reading;

static int append(reading *r, uint32_t tag, redisContext *c)
{
    const char *argv[5 + 2 * PLAYCOUNT_CLUSTER_BUCKETS + 1];
    const char *base = apr_psprintf(r->p, "playcount:%s:{%s}",
                                    r->handoff->zone_name, r->redis->tags[tag]);
    int n = 0;

    argv[n++] = "EVALSHA";
    argv[n++] = r->redis->read_sha;
    n++;
    argv[n++] = apr_pstrcat(r->p, base, ":f", NULL);
    argv[n++] =
        apr_psprintf(r->p, "%s:%" APR_UINT64_T_FMT ":c", base, r->writer.epoch);
    for (int b = 0; b < PLAYCOUNT_CLUSTER_BUCKETS; b++) {
        argv[n++] = apr_psprintf(r->p, "%s:%" APR_UINT64_T_FMT ":t:%d", base,
                                 r->writer.epoch, b);
        argv[n++] = apr_psprintf(
            r->p, "%s:%" APR_UINT64_T_FMT ":%016" APR_UINT64_T_HEX_FMT ":%d", base,
            r->writer.epoch, r->writer.writer, b);
    }
    argv[2] = apr_itoa(r->p, 2 + 2 * PLAYCOUNT_CLUSTER_BUCKETS);
    argv[n++] = apr_psprintf(r->p, "%" APR_UINT64_T_FMT, r->writer.epoch);
    return redisAppendCommandArgv(c, n, argv, NULL) == REDIS_OK;
}

/* 0 when the zone is another by now. */
static int take_song(reading *r, uint32_t tag, const redisReply *const *song)
{
    apr_status_t rv;

    if (!song[0]->str || !song[1]->str || !song[2]->str || !song[0]->len ||
        song[0]->len > PLAYCOUNT_ID_MAX) {
        return 1;
    }
    rv = playcount_others_set(
        r->handoff->zone->zone, r->writer.zone_epoch, song[0]->str, song[0]->len,
        (uint64_t)apr_atoi64(song[1]->str), (uint64_t)apr_atoi64(song[2]->str));
    if (rv == APR_ENOSPC) {
        r->redis->unfit[tag]++;
        r->full = 1;
    }
    return rv == APR_SUCCESS || rv == APR_ENOSPC;
}

/* 0: the next delivery finds out what is wrong. */
static int take_tag(reading *r, uint32_t tag, const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 2 ||
        !reply->element[0]->str || !reply->element[1]->str ||
        strcmp(reply->element[0]->str, "ok")) {
        return 0;
    }
    r->redis->unfit[tag] = 0;
    for (size_t i = 2; i + 2 < reply->elements; i += 3) {
        if (!take_song(r, tag, (const redisReply *const *)&reply->element[i])) {
            return 0;
        }
    }
    r->redis->is_unfit[tag] = 0;
    apr_cpystrn(r->redis->position[tag], reply->element[1]->str,
                sizeof(r->redis->position[tag]));
    return 1;
}

/* Some tags of one node. 0 when there is no use in going on. */
static int read_some(reading *r, int node, const uint32_t *tags, int n)
{
    redisContext *c = r->redis->nodes[node].connection;
    int ok = 1;

    for (int i = 0; i < n; i++) {
        append(r, tags[i], c);
    }
    for (int i = 0; i < n; i++) {
        void *reply = NULL;

        if (redisGetReply(c, &reply) != REDIS_OK) {
            playcount_nodes_close(r->redis, node);
            return 0;
        }
        ok &= take_tag(r, tags[i], reply);
        freeReplyObject(reply);
    }
    return ok;
}

/* Is it to be read whole? Also when there was no room for a song: then it is
 * counted again how many have none. */
static int is_due(const playcount_redis *redis, uint32_t tag)
{
    return !*redis->position[tag] || redis->is_unfit[tag];
}

static int read_node(reading *r, int node, int most)
{
    uint32_t tags[TOGETHER];
    int done = 0, n = 0;

    for (uint32_t tag = 0; tag < PLAYCOUNT_CLUSTER_TAGS && done < most; tag++) {
        if (is_due(r->redis, tag) && r->redis->owner[tag * 16] == node) {
            tags[n++] = tag;
        }
        if (n == TOGETHER || (n && tag == PLAYCOUNT_CLUSTER_TAGS - 1)) {
            if (!read_some(r, node, tags, n)) {
                return done;
            }
            done += n;
            n = 0;
        }
    }
    return done;
}

static void say_full(playcount_handoff *h)
{
    if (playcount_zone_say_full(h->zone->zone, (uint64_t)time(NULL))) {
        ap_log_error(
            APLOG_MARK, APLOG_WARNING, 0, h->server,
            "PlaycountHandoff (%s): the zone %s is full: songs of other servers "
            "that do not fit are not shown here. Give it a larger songs=",
            h->where, h->zone_name);
    }
}

static void report(const playcount_redis *redis, const playcount_handoff *h)
{
    playcount_cluster_health health;

    playcount_cluster_get_health(h->zone->zone, &health);
    health.unread_tags = health.unfit_songs = 0;
    for (int tag = 0; tag < PLAYCOUNT_CLUSTER_TAGS; tag++) {
        health.unread_tags += !*redis->position[tag];
        health.unfit_songs += redis->unfit[tag];
    }
    playcount_cluster_report(h->zone->zone, &health);
}

/* What fails here fails at the next delivery, too, which reports it. */
void playcount_redis_read(playcount_redis *redis, playcount_handoff *h,
                          apr_pool_t *pool)
{
    reading r = {.redis = redis, .handoff = h};

    playcount_writer_get(h->zone->zone, &r.writer);
    if (r.writer.writer != redis->reader || r.writer.epoch != redis->read_epoch) {
        redis->reader = r.writer.writer;
        redis->read_epoch = r.writer.epoch;
        redis->read_zone_epoch = r.writer.zone_epoch;
        read_all_again(redis);
    }
    if (r.writer.state != PLAYCOUNT_WRITER_PROVEN) {
        return;
    }
    apr_pool_create(&r.p, pool);
    for (int node = 0; node < redis->n; node++) {
        if (redis->nodes[node].connection) {
            read_node(&r, node, AT_MOST);
            apr_pool_clear(r.p);
        }
    }
    apr_pool_destroy(r.p);
    report(redis, h);
    if (r.full) {
        say_full(h);
    }
}

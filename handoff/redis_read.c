/* What the other servers have: read back from the cluster into the zone.
 *
 * Each bucket of each tag is clean or dirty. A server that begins reads them all,
 * some at a time. After that the answers to its own deliveries say which songs
 * others have changed, from the tag's log, and their buckets are dirty; all buckets
 * of the tag if the log does not reach back to where it was read last.
 *
 * A bucket is read by one script: total and own part of each song at one moment, so
 * the rest is what the others have, however many deliveries go on meanwhile.
 */
#include "handoff/redis.h"

#include <string.h>
#include <time.h>

#include "apr_strings.h"
#include "http_log.h"

APLOG_USE_MODULE(playcount);

#define ALL_BUCKETS ((1u << PLAYCOUNT_CLUSTER_BUCKETS) - 1)
#define TOGETHER 32 /* tags at a time */
#define AT_MOST 256 /* tags of one call */

void playcount_redis_read_all_again(playcount_redis *redis)
{
    for (int tag = 0; tag < PLAYCOUNT_CLUSTER_TAGS; tag++) {
        redis->dirty[tag] = ALL_BUCKETS;
        *redis->position[tag] = '\0';
    }
    memset(redis->unfit, 0, sizeof(redis->unfit));
}

/* "writer\nid\nid...": an entry of the log. */
static void note_entry(playcount_redis *redis, uint32_t tag, const char *entry,
                       size_t length, const char *own)
{
    const char *end = entry + length;
    const char *at = memchr(entry, '\n', length);

    if (!at || !strncmp(entry, own, 16)) {
        return;
    }
    while (at && ++at < end) {
        const char *next = memchr(at, '\n', (size_t)(end - at));
        apr_size_t n = (apr_size_t)((next ? next : end) - at);

        redis->dirty[tag] |=
            (uint16_t)(1u << playcount_cluster_find(&playcount_redis_layout, at, n)
                                 .bucket);
        at = next;
    }
}

void playcount_redis_note_changes(playcount_redis *redis, uint32_t tag,
                                  const redisReply *answer, uint64_t writer)
{
    char own[17];

    if (answer->elements < 5 || !answer->element[4]->str) {
        return;
    }
    if (!*answer->element[4]->str) { /* the log does not reach back so far */
        redis->dirty[tag] = ALL_BUCKETS;
        *redis->position[tag] = '\0';
        return;
    }
    apr_snprintf(own, sizeof(own), "%016" APR_UINT64_T_HEX_FMT, writer);
    for (size_t i = 5; i < answer->elements; i++) {
        if (answer->element[i]->str) {
            note_entry(redis, tag, answer->element[i]->str, answer->element[i]->len,
                       own);
        }
    }
    apr_cpystrn(redis->position[tag], answer->element[4]->str,
                sizeof(redis->position[tag]));
}

/* --- reading --- */

typedef struct {
    playcount_redis *redis;
    playcount_handoff *handoff;
    playcount_writer writer;
    apr_pool_t *p;
    int full;
} reading;

/* Of the buckets that are read now, it is counted again which songs do not fit. */
static void forget_unfit(playcount_redis *redis, uint32_t tag)
{
    for (int b = 0; b < PLAYCOUNT_CLUSTER_BUCKETS; b++) {
        if (redis->dirty[tag] & 1u << b) {
            redis->unfit[tag][b] = 0;
        }
    }
}

static void note_unfit(playcount_redis *redis, const char *id, apr_size_t length)
{
    playcount_cluster_place place =
        playcount_cluster_find(&playcount_redis_layout, id, length);

    if (redis->unfit[place.tag][place.bucket] < UINT16_MAX) {
        redis->unfit[place.tag][place.bucket]++;
    }
}

static int append(reading *r, uint32_t tag, redisContext *c)
{
    const char *argv[5 + 2 * PLAYCOUNT_CLUSTER_BUCKETS + 1];
    const char *base = apr_psprintf(r->p, "playcount:%s:{%s}",
                                    r->handoff->zone_name, r->redis->tags[tag]);
    int n = 0, keys = 2;

    argv[n++] = "EVALSHA";
    argv[n++] = r->redis->read_sha;
    n++;
    argv[n++] = apr_pstrcat(r->p, base, ":f", NULL);
    argv[n++] =
        apr_psprintf(r->p, "%s:%" APR_UINT64_T_FMT ":l", base, r->writer.epoch);
    for (int b = 0; b < PLAYCOUNT_CLUSTER_BUCKETS; b++) {
        if (r->redis->dirty[tag] & 1u << b) {
            argv[n++] = apr_psprintf(r->p, "%s:%" APR_UINT64_T_FMT ":t:%d", base,
                                     r->writer.epoch, b);
            argv[n++] = apr_psprintf(
                r->p, "%s:%" APR_UINT64_T_FMT ":%016" APR_UINT64_T_HEX_FMT ":%d",
                base, r->writer.epoch, r->writer.writer, b);
            keys += 2;
        }
    }
    argv[2] = apr_itoa(r->p, keys);
    argv[n++] = apr_psprintf(r->p, "%" APR_UINT64_T_FMT, r->writer.epoch);
    return redisAppendCommandArgv(c, n, argv, NULL) == REDIS_OK;
}

/* 0 when the zone is another by now. */
static int take_song(reading *r, const redisReply *const *song)
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
        note_unfit(r->redis, song[0]->str, song[0]->len);
        r->full = 1;
    }
    return rv == APR_SUCCESS || rv == APR_ENOSPC;
}

/* 0: the next delivery finds out what is wrong. */
static int take_tag(reading *r, uint32_t tag, const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 2 ||
        !reply->element[0]->str || strcmp(reply->element[0]->str, "ok")) {
        return 0;
    }
    forget_unfit(r->redis, tag);
    for (size_t i = 2; i + 2 < reply->elements; i += 3) {
        if (!take_song(r, (const redisReply *const *)&reply->element[i])) {
            return 0;
        }
    }
    /* Without a position, this was the whole tag, and its log goes on from here. */
    if (!*r->redis->position[tag]) {
        apr_cpystrn(r->redis->position[tag], reply->element[1]->str,
                    sizeof(r->redis->position[tag]));
    }
    r->redis->dirty[tag] = 0;
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

static int read_node(reading *r, int node, int most)
{
    uint32_t tags[TOGETHER];
    int done = 0, n = 0;

    for (uint32_t tag = 0; tag < PLAYCOUNT_CLUSTER_TAGS && done < most; tag++) {
        if (r->redis->dirty[tag] && r->redis->owner[tag * 16] == node) {
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
        for (int b = 0; b < PLAYCOUNT_CLUSTER_BUCKETS; b++) {
            health.unfit_songs += redis->unfit[tag][b];
        }
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
        playcount_redis_read_all_again(redis);
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

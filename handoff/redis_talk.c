/* A round over connections: requests of many tags are sent to their nodes together,
 * then their answers are read. */
#include "handoff/redis_talk.h"

#include <errno.h>
#include <string.h>

#include "apr_strings.h"

#define WRITE_AT 16384 /* bytes of requests to one node */
#define REDIRECTS 4096 /* MOVED, ASK and TRYAGAIN in a round */

const playcount_cluster_layout playcount_redis_layout = {
    PLAYCOUNT_CLUSTER_TAGS, PLAYCOUNT_CLUSTER_BUCKETS, PLAYCOUNT_PIECE};

void playcount_talk_note(playcount_talk *t, const char *why)
{
    if (!*t->why) {
        *t->why = apr_pstrdup(t->pool, why);
    }
}

static void handle(playcount_talk *t, int node, uint32_t tag, const redisReply *r)
{
    playcount_script_answer a;

    if (r->type == REDIS_REPLY_ERROR) {
        playcount_talk_error(t, node, tag, r->str);
    }
    else if (playcount_redis_read_answer(r, &a)) {
        if (a.is == PLAYCOUNT_ANSWER_OK) {
            playcount_redis_take_changes(t->redis, t->handoff, tag, r);
        }
        else { /* a request whose answer was lost may have come late */
            playcount_redis_read_again(t->redis, tag);
        }
        playcount_round_answer(t->round, tag, &a);
    }
    else {
        playcount_talk_note(t, apr_psprintf(t->p,
                                            "%s answers what the script never does",
                                            t->redis->nodes[node].name));
        t->stopped = 1;
    }
}

/* --- sending and reading --- */

static int node_for(const playcount_talk *t, uint32_t tag)
{
    return t->ask[tag] >= 0 ? t->ask[tag] : t->redis->owner[tag * 16];
}

static int append(playcount_talk *t, int node, const playcount_telling *q)
{
    redisContext *c = playcount_nodes_connect(t->redis, node, t->p, t->why);
    int done;

    if (!c) {
        t->redis->nodes[node].failed = 1;
        *t->why = apr_pstrdup(t->pool, *t->why);
        return 0;
    }
    t->redis->nodes[node].used = 1;
    if (t->ask[q->tag] >= 0) {
        redisAppendCommand(c, "ASKING");
    }
    t->redis->nodes[node].unsent +=
        playcount_redis_append(t->redis, t->handoff, c, q);
    /* The node works at these while the next ones are made; a fault is seen when
     * the answer is read. */
    if (t->redis->nodes[node].unsent >= WRITE_AT) {
        redisBufferWrite(c, &done);
        t->redis->nodes[node].unsent = 0;
    }
    return 1;
}

/* What the tags have to send, to each node so much. */
static int append_all(playcount_talk *t)
{
    int sent = 0;

    memset(t->n, 0, sizeof(t->n));
    for (uint32_t tag = 0; tag < PLAYCOUNT_CLUSTER_TAGS; tag++) {
        int node = node_for(t, tag);
        playcount_telling q;

        if (node < 0 || t->redis->nodes[node].failed ||
            t->n[node] == PLAYCOUNT_TALK_TOGETHER ||
            !playcount_round_request(t->round, tag, &q)) {
            continue;
        }
        if (append(t, node, &q)) {
            t->sent[node][t->n[node]++] = (uint16_t)tag;
            sent++;
        }
    }
    for (int i = 0; i < t->redis->n; i++) {
        redisContext *c = t->redis->nodes[i].connection;
        int done = 0;

        t->redis->nodes[i].unsent = 0;
        while (c && t->n[i] && !done && redisBufferWrite(c, &done) == REDIS_OK) {
        }
    }
    return sent;
}

static redisReply *next_reply(redisContext *c)
{
    void *reply = NULL;

    errno = 0; /* see playcount_nodes_ask() */
    return c && redisGetReply(c, &reply) == REDIS_OK ? reply : NULL;
}

/* The connection broke: what was not answered may have been carried out or not. */
static void broke(playcount_talk *t, int node, int from)
{
    playcount_talk_note(t, playcount_nodes_broke(t->redis, node, t->p));
    playcount_nodes_close(t->redis, node);
    t->redis->is_mapped = 0;
    for (int i = from; i < t->n[node]; i++) {
        playcount_round_lost(t->round, t->sent[node][i]);
        playcount_redis_read_again(t->redis, t->sent[node][i]);
    }
}

static void read_all(playcount_talk *t, int node)
{
    for (int i = 0; i < t->n[node]; i++) {
        uint32_t tag = t->sent[node][i];
        redisReply *reply;

        if (t->ask[tag] >= 0) {
            freeReplyObject(next_reply(t->redis->nodes[node].connection));
            t->ask[tag] = -1;
        }
        reply = next_reply(t->redis->nodes[node].connection);
        if (!reply) {
            broke(t, node, i);
            return;
        }
        handle(t, node, tag, reply);
        freeReplyObject(reply);
    }
}

static int exchange(playcount_talk *t)
{
    int sent = append_all(t);

    for (int i = 0; i < PLAYCOUNT_REDIS_NODES && sent; i++) {
        if (t->n[i]) {
            read_all(t, i);
        }
    }
    apr_pool_clear(t->p);
    return sent;
}

void playcount_redis_talk(playcount_redis *redis, const playcount_handoff *h,
                          playcount_round *round, apr_pool_t *pool,
                          const char **why)
{
    playcount_talk *t = apr_pcalloc(pool, sizeof(*t));

    t->redis = redis;
    t->handoff = h;
    t->round = round;
    t->pool = pool;
    t->why = why;
    t->redirects = REDIRECTS;
    memset(t->ask, -1, sizeof(t->ask));
    apr_pool_create(&t->p, pool);
    for (int i = 0; i < redis->n; i++) {
        redis->nodes[i].failed = redis->nodes[i].used = 0;
    }
    do {
        while (!t->stopped && exchange(t)) {
        }
    } while (!t->stopped && playcount_round_more(round));
}

/* A round over connections: requests of many tags are sent to their nodes together,
 * then their answers are read. What an error means is a table. */
#include "handoff/redis.h"

#include <stdlib.h>
#include <string.h>

#include "apr_strings.h"

#define TOGETHER 64    /* requests to one node at a time */
#define REDIRECTS 4096 /* MOVED, ASK and TRYAGAIN in a round */

const playcount_cluster_layout playcount_redis_layout = {
    PLAYCOUNT_CLUSTER_TAGS, PLAYCOUNT_CLUSTER_BUCKETS, PLAYCOUNT_PIECE};

typedef struct {
    playcount_redis *redis;
    const playcount_handoff *handoff;
    playcount_round *round;
    apr_pool_t *pool;
    apr_pool_t *p; /* of one exchange */
    const char **why;
    int redirects;                       /* left */
    int stopped;                         /* no use in going on */
    int16_t ask[PLAYCOUNT_CLUSTER_TAGS]; /* which node is to be asked once, or -1 */
    uint16_t sent[PLAYCOUNT_REDIS_NODES][TOGETHER]; /* tags, in order */
    int n[PLAYCOUNT_REDIS_NODES];
} talk;

/* --- keys and arguments --- */

#define ARGUMENTS                                                                  \
    (3 + 2 + 3 * PLAYCOUNT_CLUSTER_BUCKETS + 8 + PLAYCOUNT_CLUSTER_BUCKETS +       \
     2 * PLAYCOUNT_PIECE)

typedef struct {
    const char *argv[ARGUMENTS];
    size_t length[ARGUMENTS];
    int n;
    apr_pool_t *p;
} arguments;

static void put(arguments *a, const char *bytes, size_t length)
{
    a->argv[a->n] = bytes;
    a->length[a->n++] = length;
}

static void put_text(arguments *a, const char *text)
{
    put(a, text, strlen(text));
}

static void put_number(arguments *a, uint64_t number)
{
    put_text(a, apr_psprintf(a->p, "%" APR_UINT64_T_FMT, number));
}

static void put_writer(arguments *a, uint64_t writer)
{
    put_text(a, apr_psprintf(a->p, "%016" APR_UINT64_T_HEX_FMT, writer));
}

/* "playcount:default:{1f}" */
static const char *base_of(const playcount_redis *redis, const playcount_handoff *h,
                           uint32_t tag, apr_pool_t *p)
{
    return apr_psprintf(p, "playcount:%s:{%s}", h->zone_name, redis->tags[tag]);
}

static const char *totals_key(const char *base, uint64_t epoch, uint32_t bucket,
                              apr_pool_t *p)
{
    return apr_psprintf(p, "%s:%" APR_UINT64_T_FMT ":t:%u", base, epoch, bucket);
}

static const char *own_key(const char *base, uint64_t epoch, uint64_t writer,
                           uint32_t bucket, apr_pool_t *p)
{
    return apr_psprintf(p,
                        "%s:%" APR_UINT64_T_FMT ":%016" APR_UINT64_T_HEX_FMT ":%u",
                        base, epoch, writer, bucket);
}

/* How many songs from `at` on are in the same bucket. */
static apr_size_t run_of(const playcount_telling *q, apr_size_t at)
{
    apr_size_t n = 1;

    while (at + n < q->n && q->songs[at + n].bucket == q->songs[at].bucket) {
        n++;
    }
    return n;
}

/* See send.lua for what stands where. */
static void put_request(arguments *a, const talk *t, const playcount_telling *q)
{
    const char *base = base_of(t->redis, t->handoff, q->tag, a->p);
    int counted = q->counts ? PLAYCOUNT_CLUSTER_BUCKETS : 0;
    int buckets = 0, keys;

    put_text(a, "EVALSHA");
    put_text(a, t->redis->sha);
    keys = a->n++;
    put_text(a, apr_pstrcat(a->p, base, ":f", NULL));
    put_text(a, apr_psprintf(a->p, "%s:%" APR_UINT64_T_FMT ":l", base, q->epoch));
    for (apr_size_t i = 0; i < q->n; i += run_of(q, i), buckets++) {
        put_text(a, totals_key(base, q->epoch, q->songs[i].bucket, a->p));
        put_text(a, own_key(base, q->epoch, q->writer, q->songs[i].bucket, a->p));
    }
    for (uint32_t b = 0; b < (uint32_t)counted; b++) {
        put_text(a, own_key(base, q->epoch, q->fence, b, a->p));
    }
    a->argv[keys] = apr_itoa(a->p, 2 + 2 * buckets + counted);
    a->length[keys] = strlen(a->argv[keys]);
    put_number(a, q->epoch);
    put_writer(a, q->fence);
    put_writer(a, q->writer);
    put_text(a, q->expect);
    put_text(a, q->next);
    put_text(a, t->redis->position[q->tag]);
    put_number(a, (uint64_t)buckets);
    put_number(a, (uint64_t)counted);
    for (apr_size_t i = 0; i < q->n;) {
        apr_size_t n = run_of(q, i);

        put_number(a, n);
        for (; n > 0; n--, i++) {
            put(a, q->songs[i].id, q->songs[i].length);
            put_number(a, q->songs[i].count);
        }
    }
}

/* --- answers --- */

static void note(talk *t, const char *why)
{
    if (!*t->why) {
        *t->why = apr_pstrdup(t->pool, why);
    }
}

static uint64_t number_of(const redisReply *r)
{
    return r->type == REDIS_REPLY_INTEGER ? (uint64_t)r->integer
           : r->str                       ? (uint64_t)apr_atoi64(r->str)
                                          : 0;
}

/* 0 when it is not what send.lua answers. */
static int read_answer(const redisReply *r, playcount_script_answer *a)
{
    const char *is = r->type == REDIS_REPLY_ARRAY && r->elements >= 2 &&
                             r->element[0]->str && r->element[1]->str
                         ? r->element[0]->str
                         : "";

    memset(a, 0, sizeof(*a));
    if (!strcmp(is, "epoch")) {
        a->is = PLAYCOUNT_ANSWER_EPOCH;
        a->epoch = number_of(r->element[1]);
        return 1;
    }
    apr_cpystrn(a->fence, *is ? r->element[1]->str : "", sizeof(a->fence));
    if (!strcmp(is, "fence")) {
        a->is = PLAYCOUNT_ANSWER_FENCE;
        return 1;
    }
    if (strcmp(is, "ok") || r->elements < 5) {
        return 0;
    }
    a->is = PLAYCOUNT_ANSWER_OK;
    a->larger = number_of(r->element[2]);
    a->songs = number_of(r->element[3]);
    return 1;
}

/* "MOVED 3999 127.0.0.1:6381": the node it names; -1 if that cannot be one. */
static int read_redirect(talk *t, int node, const char *line)
{
    const char *space = strrchr(line, ' ');
    const char *name = space ? space + 1 : "";

    if (*name == ':') { /* the same host */
        const char *colon = strrchr(t->redis->nodes[node].name, ':');

        name = apr_pstrcat(
            t->p,
            apr_pstrmemdup(t->p, t->redis->nodes[node].name,
                           (apr_size_t)(colon - t->redis->nodes[node].name)),
            name, NULL);
    }
    return strchr(name, ':') ? playcount_nodes_find(t->redis, name) : -1;
}

static int moved(talk *t, int node, uint32_t tag, const char *line)
{
    int to = read_redirect(t, node, line);

    if (to >= 0) {
        t->redis->owner[tag * 16] = (int16_t)to;
    }
    return to >= 0;
}

static int ask(talk *t, int node, uint32_t tag, const char *line)
{
    t->ask[tag] = (int16_t)read_redirect(t, node, line);
    return t->ask[tag] >= 0;
}

/* A slot of which some keys are here and some there. */
static int try_again(talk *t, int node, uint32_t tag, const char *line)
{
    apr_sleep(apr_time_from_msec(20));
    return 1;
}

static int load_again(talk *t, int node, uint32_t tag, const char *line)
{
    playcount_nodes_close(t->redis,
                          node); /* with the connection comes the script */
    return 1;
}

/* The problem will take a while: the map may be a different one then. */
static int give_up(talk *t, int node, uint32_t tag, const char *line)
{
    t->redis->is_mapped = 0;
    return 0;
}

static const struct {
    const char *begins;
    int (*then)(talk *t, int node, uint32_t tag,
                const char *line); /* 1: send again */
    const char *remedy;
} errors[] = {
    {"MOVED ", moved, NULL},
    {"ASK ", ask, NULL},
    {"TRYAGAIN", try_again, NULL},
    {"NOSCRIPT", load_again, NULL},
    {"CLUSTERDOWN", give_up, "the cluster has no master for some slots"},
    {"MASTERDOWN", give_up, "the node has lost its master"},
    {"LOADING", give_up, "the node is reading its data"},
    {"READONLY", give_up, "the node is no master"},
    {"BUSY", give_up, "a script is running there; see SCRIPT KILL"},
    {"OOM", give_up, "the node is full; give it a larger maxmemory"},
    {"NOREPLICAS", give_up, "too few replicas; see min-replicas-to-write"},
    {"MISCONF", give_up, "the node cannot write to its disk"},
    {"NOAUTH", give_up, "set password-file="},
    {"NOPERM", give_up,
     "the user must be allowed EVALSHA and the keys playcount:*"},
    {"WRONGTYPE", give_up, "somebody else has written to the counter's keys"},
};

static void handle_error(talk *t, int node, uint32_t tag, const char *line)
{
    for (int i = 0; i < (int)(sizeof(errors) / sizeof(errors[0])); i++) {
        if (!strncmp(line, errors[i].begins, strlen(errors[i].begins))) {
            if (t->redirects-- > 0 && errors[i].then(t, node, tag, line)) {
                return;
            }
            note(t, apr_psprintf(t->p, "%s answers \"%s\"%s%s",
                                 t->redis->nodes[node].name, line,
                                 errors[i].remedy ? ": " : "",
                                 errors[i].remedy ? errors[i].remedy : ""));
            t->stopped = 1;
            return;
        }
    }
    note(t,
         apr_psprintf(t->p, "%s answers \"%s\"", t->redis->nodes[node].name, line));
    t->stopped = 1;
}

static void handle(talk *t, int node, uint32_t tag, const redisReply *r)
{
    playcount_script_answer a;

    if (r->type == REDIS_REPLY_ERROR) {
        handle_error(t, node, tag, r->str);
    }
    else if (read_answer(r, &a)) {
        if (a.is == PLAYCOUNT_ANSWER_OK && *t->redis->position[tag]) {
            playcount_redis_note_changes(t->redis, tag, r, t->redis->reader);
        }
        playcount_round_answer(t->round, tag, &a);
    }
    else {
        note(t, apr_psprintf(t->p, "%s answers what the script never does",
                             t->redis->nodes[node].name));
        t->stopped = 1;
    }
}

/* --- sending and reading --- */

static int node_for(const talk *t, uint32_t tag)
{
    return t->ask[tag] >= 0 ? t->ask[tag] : t->redis->owner[tag * 16];
}

static int append(talk *t, int node, const playcount_telling *q)
{
    redisContext *c = playcount_nodes_connect(t->redis, node, t->p, t->why);
    arguments a = {.p = t->p};
    int done;

    if (!c) {
        t->redis->nodes[node].failed = 1;
        *t->why = apr_pstrdup(t->pool, *t->why);
        return 0;
    }
    t->redis->nodes[node].used = 1;
    put_request(&a, t, q);
    if (t->ask[q->tag] >= 0) {
        redisAppendCommand(c, "ASKING");
    }
    redisAppendCommandArgv(c, a.n, a.argv, a.length);
    /* The node works at it while the next ones are made; a fault is seen when the
     * answer is read. */
    redisBufferWrite(c, &done);
    return 1;
}

/* What the tags have to send, to each node so much. */
static int append_all(talk *t)
{
    int sent = 0;

    memset(t->n, 0, sizeof(t->n));
    for (uint32_t tag = 0; tag < PLAYCOUNT_CLUSTER_TAGS; tag++) {
        int node = node_for(t, tag);
        playcount_telling q;

        if (node < 0 || t->redis->nodes[node].failed || t->n[node] == TOGETHER ||
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

        while (c && t->n[i] && !done && redisBufferWrite(c, &done) == REDIS_OK) {
        }
    }
    return sent;
}

static redisReply *next_reply(redisContext *c)
{
    void *reply = NULL;

    return c && redisGetReply(c, &reply) == REDIS_OK ? reply : NULL;
}

/* The connection broke: what was not answered may have been carried out or not. */
static void broke(talk *t, int node, int from)
{
    const redisContext *c = t->redis->nodes[node].connection;

    note(t, apr_psprintf(t->p, "the connection to %s broke (%s)",
                         t->redis->nodes[node].name, c ? c->errstr : "closed"));
    playcount_nodes_close(t->redis, node);
    t->redis->is_mapped = 0;
    for (int i = from; i < t->n[node]; i++) {
        playcount_round_lost(t->round, t->sent[node][i]);
    }
}

static void read_all(talk *t, int node)
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

static int exchange(talk *t)
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
    talk *t = apr_pcalloc(pool, sizeof(*t));

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

/* --- besides --- */

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

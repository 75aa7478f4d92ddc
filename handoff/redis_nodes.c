/* Connections to the nodes of a cluster, and which of them has which slot.
 *
 * A single Redis without cluster is one node that has all slots. The map is asked
 * for when nothing is known yet, and again after a node was not there or redirected
 * us: it need not be right, as a node says MOVED when it does not have a slot.
 */
#include "handoff/redis.h"

#include <errno.h>
#include <string.h>

#include "apr_strings.h"

#define CONNECT_MS 1000
#define ANSWER_MS 5000

static const struct timeval connect_time = {CONNECT_MS / 1000,
                                            CONNECT_MS % 1000 * 1000};
static const struct timeval answer_time = {ANSWER_MS / 1000,
                                           ANSWER_MS % 1000 * 1000};

int playcount_nodes_find(playcount_redis *redis, const char *name)
{
    for (int i = 0; i < redis->n; i++) {
        if (!strcmp(redis->nodes[i].name, name)) {
            return i;
        }
    }
    if (redis->n == PLAYCOUNT_REDIS_NODES ||
        strlen(name) >= sizeof(redis->nodes->name)) {
        return -1;
    }
    memset(&redis->nodes[redis->n], 0, sizeof(*redis->nodes));
    apr_cpystrn(redis->nodes[redis->n].name, name, sizeof(redis->nodes->name));
    return redis->n++;
}

void playcount_nodes_close(playcount_redis *redis, int node)
{
    if (redis->nodes[node].connection) {
        redisFree(redis->nodes[node].connection);
        redis->nodes[node].connection = NULL;
    }
}

void playcount_nodes_close_all(playcount_redis *redis)
{
    for (int i = 0; i < redis->n; i++) {
        playcount_nodes_close(redis, i);
    }
    redis->n = 0;
    redis->is_mapped = 0;
}

/* --- one connection --- */

static const char *says(const char *text, apr_pool_t *p)
{
    char *line = apr_pstrdup(p, text && *text ? text : "no reason given");

    for (char *at = line; *at; at++) {
        if ((unsigned char)*at < ' ') {
            *at = ' ';
        }
    }
    return line;
}

/* A node that closes the connection before it ever answered does so for a reason.
 */
static const char *guess(const playcount_redis *redis)
{
    return !redis->tls ? "; is that its tls-port? See tls="
           : redis->has_certificate
               ? "; it may refuse the certificate of tls-cert="
               : "; it may ask for a certificate: see tls-cert= and tls-key=";
}

const char *playcount_nodes_broke(const playcount_redis *redis, int node,
                                  apr_pool_t *p)
{
    const playcount_node *to = &redis->nodes[node];
    const redisContext *c = to->connection;
    int is_closed =
        errno == ECONNRESET || errno == EPIPE || (c && c->err == REDIS_ERR_EOF);
    const char *tls = playcount_redis_tls_says(redis);

    if (tls) {
        return apr_psprintf(p, "the connection to %s broke (%s)", to->name, tls);
    }
    return apr_psprintf(p, "the connection to %s broke (%s%s)", to->name,
                        says(c ? c->errstr : "closed", p),
                        is_closed && !to->answers ? guess(redis) : "");
}

redisReply *playcount_nodes_ask(playcount_redis *redis, int node, apr_pool_t *p,
                                const char **why, int argc, const char **argv,
                                const size_t *lengths)
{
    playcount_node *to = &redis->nodes[node];
    redisReply *reply;

    errno = 0; /* with TLS, hiredis goes by an EINTR of any earlier call */
    reply = redisCommandArgv(to->connection, argc, argv, lengths);

    if (!reply) {
        *why = playcount_nodes_broke(redis, node, p);
        playcount_nodes_close(redis, node);
        return NULL;
    }
    to->answers = 1;
    if (reply->type == REDIS_REPLY_ERROR) {
        *why = apr_psprintf(p, "%s answers %s with \"%s\"%s", to->name, argv[0],
                            says(reply->str, p),
                            playcount_redis_explain(reply->str, p));
        freeReplyObject(reply);
        return NULL;
    }
    return reply;
}

static int authenticate(playcount_redis *redis, int node, apr_pool_t *p,
                        const char **why)
{
    const char *argv[] = {"AUTH", redis->user, redis->password};
    redisReply *reply;

    if (!redis->password) {
        return 1;
    }
    if (!redis->user) {
        argv[1] = redis->password;
    }
    reply =
        playcount_nodes_ask(redis, node, p, why, redis->user ? 3 : 2, argv, NULL);
    freeReplyObject(reply);
    return reply != NULL;
}

/* A node that evicts keys when it is full would lose counts silently. */
static int keeps_all(playcount_redis *redis, int node, apr_pool_t *p,
                     const char **why)
{
    const char *argv[] = {"INFO", "memory"};
    redisReply *reply = playcount_nodes_ask(redis, node, p, why, 2, argv, NULL);
    const char *policy =
        reply && reply->str ? strstr(reply->str, "maxmemory_policy:") : NULL;
    int keeps = reply && !(policy && !strncmp(policy + 17, "allkeys", 7));

    if (reply && !keeps) {
        *why = apr_psprintf(
            p,
            "%s forgets keys when it is full; set its maxmemory-policy "
            "to noeviction",
            redis->nodes[node].name);
    }
    freeReplyObject(reply);
    return keeps;
}

static int load(playcount_redis *redis, int node, const char *script, char sha[41],
                apr_pool_t *p, const char **why)
{
    const char *argv[] = {"SCRIPT", "LOAD", script};
    redisReply *reply = playcount_nodes_ask(redis, node, p, why, 3, argv, NULL);

    if (reply && reply->str) {
        apr_cpystrn(sha, reply->str, 41);
    }
    freeReplyObject(reply);
    return reply != NULL;
}

redisContext *playcount_nodes_connect(playcount_redis *redis, int node,
                                      apr_pool_t *p, const char **why)
{
    playcount_node *to = &redis->nodes[node];
    const char *colon = strrchr(to->name, ':');
    const char *host = apr_pstrmemdup(p, to->name, (apr_size_t)(colon - to->name));

    if (to->connection) {
        return to->connection;
    }
    to->connection =
        redisConnectWithTimeout(host, (int)apr_atoi64(colon + 1), connect_time);
    if (!to->connection || to->connection->err) {
        *why = apr_psprintf(p, "%s cannot be reached (%s)", to->name,
                            to->connection ? says(to->connection->errstr, p)
                                           : "out of memory");
        playcount_nodes_close(redis, node);
        return NULL;
    }
    to->answers = 0;
    redisSetTimeout(to->connection, answer_time);
    if (!playcount_redis_start_tls(redis, to->connection, host, p, why)) {
        *why = apr_psprintf(p, "%s cannot be reached by TLS (%s)", to->name, *why);
        playcount_nodes_close(redis, node);
        return NULL;
    }
    redisEnableKeepAlive(to->connection);
    if (!authenticate(redis, node, p, why) || !keeps_all(redis, node, p, why) ||
        !load(redis, node, playcount_redis_script, redis->sha, p, why) ||
        !load(redis, node, playcount_redis_read_script, redis->read_sha, p, why)) {
        playcount_nodes_close(redis, node);
        return NULL;
    }
    return to->connection;
}

/* --- the map --- */

static void give_all(playcount_redis *redis, int node)
{
    for (int slot = 0; slot < PLAYCOUNT_REDIS_SLOTS; slot++) {
        redis->owner[slot] = (int16_t)node;
    }
}

/* One line of CLUSTER SLOTS: from, to, then the master and its replicas. */
static int read_range(playcount_redis *redis, const redisReply *range, int asked,
                      apr_pool_t *p)
{
    const redisReply *master = range->elements > 2 ? range->element[2] : NULL;
    const char *host, *colon = strrchr(redis->nodes[asked].name, ':');
    int node;

    if (!master || master->elements < 2) {
        return 0;
    }
    host = master->element[0]->str;
    if (!host || !*host) { /* it does not know how it is reached */
        host = apr_pstrmemdup(p, redis->nodes[asked].name,
                              (apr_size_t)(colon - redis->nodes[asked].name));
    }
    node = playcount_nodes_find(
        redis, apr_psprintf(p, "%s:%d", host, (int)master->element[1]->integer));
    for (long long slot = range->element[0]->integer;
         node >= 0 && slot <= range->element[1]->integer && slot >= 0 &&
         slot < PLAYCOUNT_REDIS_SLOTS;
         slot++) {
        redis->owner[slot] = (int16_t)node;
    }
    return 1;
}

/* What one node knows of it. */
static int ask_for_map(playcount_redis *redis, int node, apr_pool_t *p,
                       const char **why)
{
    const char *argv[] = {"CLUSTER", "SLOTS"};
    redisReply *reply;
    const char *answer = NULL;

    if (!playcount_nodes_connect(redis, node, p, why)) {
        return 0;
    }
    reply = playcount_nodes_ask(redis, node, p, &answer, 2, argv, NULL);
    if (!reply && answer && strstr(answer, "cluster support disabled")) {
        give_all(redis, node);
        return 1;
    }
    if (!reply) {
        *why = answer;
        return 0;
    }
    memset(redis->owner, -1, sizeof(redis->owner));
    for (size_t i = 0; i < reply->elements; i++) {
        read_range(redis, reply->element[i], node, p);
    }
    if (!reply->elements) {
        *why = apr_psprintf(p, "%s is in a cluster that has no slots yet",
                            redis->nodes[node].name);
    }
    freeReplyObject(reply);
    return redis->owner[0] >= 0 || redis->owner[PLAYCOUNT_REDIS_SLOTS - 1] >= 0;
}

int playcount_nodes_map(playcount_redis *redis, apr_pool_t *p, const char **why)
{
    const char *trouble = NULL;

    for (int i = 0; i < redis->seeds->nelts; i++) {
        playcount_nodes_find(redis, APR_ARRAY_IDX(redis->seeds, i, const char *));
    }
    redis->is_mapped = 0;
    /* Another one first each time: a node that is cut off knows nothing of what the
     * others have done. */
    redis->asked++;
    for (int i = 0, n = redis->n; i < n && !redis->is_mapped; i++) {
        const char *now = NULL;

        redis->is_mapped = ask_for_map(
            redis, (int)((redis->asked + (uint32_t)i) % (uint32_t)n), p, &now);
        trouble = trouble ? trouble : now;
    }
    if (!redis->is_mapped) {
        *why = trouble ? trouble : "no node answers";
    }
    return redis->is_mapped;
}

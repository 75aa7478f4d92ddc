/* The engine `redis`: a zone as a writer into a Redis Cluster, or a single Redis.
 *
 * A delivery is as many rounds (cluster.h) as it takes: first which epoch the
 * cluster is in, then the proof that this file may go on under its number, then the
 * batch. Between batches the fences are looked at, so that what a cluster has
 * forgotten comes back though nothing is played.
 */
#include "handoff/redis.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "apr_file_io.h"
#include "apr_strings.h"
#include "http_log.h"

#include "shm/zone/hash.h"

APLOG_USE_MODULE(playcount);

#define MOST_ROUNDS 20

/* --- the directive --- */

static void *create(apr_pool_t *p)
{
    playcount_redis *redis = apr_pcalloc(p, sizeof(*redis));

    redis->seeds = apr_array_make(p, 4, sizeof(const char *));
    return redis;
}

/* "[::1]:6379" as the cluster names it, "::1:6379". */
static const char *plain(const char *address, apr_pool_t *p)
{
    const char *end = *address == '[' ? strstr(address, "]:") : NULL;

    return end ? apr_pstrcat(p,
                             apr_pstrmemdup(p, address + 1,
                                            (apr_size_t)(end - address) - 1),
                             end + 1, NULL)
               : address;
}

static const char *read_seeds(playcount_handoff *h, const char *value,
                              apr_pool_t *p)
{
    playcount_redis *redis = h->state;
    char *state, *list = apr_pstrdup(p, value);

    for (char *next = apr_strtok(list, ",", &state); next;
         next = apr_strtok(NULL, ",", &state)) {
        const char *one = plain(next, p), *colon = strrchr(one, ':');

        if (!colon || colon == one || !playcount_parse_number(colon + 1, 65535) ||
            strlen(one) > 120) {
            return "is not a list of addresses; use HOST:PORT, or several with "
                   "commas between them";
        }
        APR_ARRAY_PUSH(redis->seeds, const char *) = one;
    }
    return redis->seeds->nelts ? NULL : "names no address; use HOST:PORT";
}

static const char *read_user(playcount_handoff *h, const char *value, apr_pool_t *p)
{
    ((playcount_redis *)h->state)->user = value;
    return *value ? NULL : "is no name of a user";
}

/* At the start, httpd may still read what its children may not. */
static const char *read_password(playcount_handoff *h, const char *value,
                                 apr_pool_t *p)
{
    playcount_redis *redis = h->state;
    const char *path = ap_server_root_relative(p, value);
    char line[512];
    apr_file_t *file;

    if (!path || apr_file_open(&file, path, APR_FOPEN_READ, APR_FPROT_OS_DEFAULT,
                               p) != APR_SUCCESS) {
        return "cannot be read; name a file with the password in its first line";
    }
    if (apr_file_gets(line, sizeof(line), file) != APR_SUCCESS) {
        *line = '\0';
    }
    apr_file_close(file);
    line[strcspn(line, "\r\n")] = '\0';
    redis->password = apr_pstrdup(p, line);
    return *line ? NULL : "has no password in its first line";
}

static const char *read_wait(playcount_handoff *h, const char *value, apr_pool_t *p)
{
    playcount_redis *redis = h->state;

    redis->wait = (int)playcount_parse_number(value, 100);
    return redis->wait ? NULL : "is not a number of replicas; use 1 to 100";
}

static const playcount_engine_option options[] = {
    {"cluster", "HOST:PORT[,HOST:PORT...]", read_seeds},
    {"user", "NAME", read_user},
    {"password-file", "PATH", read_password},
    {"wait", "REPLICAS", read_wait},
    {"tls", "CA-FILE", playcount_redis_read_tls},
    {"tls-name", "NAME", playcount_redis_read_tls_name},
    {"tls-cert", "FILE", playcount_redis_read_tls_cert},
    {"tls-key", "FILE", playcount_redis_read_tls_key},
    {NULL, NULL, NULL},
};

/* --- start-up --- */

static const char *check(playcount_handoff *h, apr_pool_t *p)
{
    const playcount_redis *redis = h->state;

    if (!redis->seeds->nelts) {
        return "needs cluster=HOST:PORT, the address of a Redis or of some nodes "
               "of a cluster";
    }
    if (redis->user && !redis->password) {
        return "user= needs a password-file=";
    }
    return playcount_redis_check_tls(redis);
}

/* Before the first round, its age counts from the start. */
static void note_start(const playcount_handoff *h)
{
    playcount_cluster_health health = {.round_time =
                                           (uint64_t)apr_time_sec(apr_time_now()),
                                       .unread_tags = PLAYCOUNT_CLUSTER_TAGS};

    playcount_cluster_report(h->zone->zone, &health);
}

/* Where the zone's file is: see writer.h. */
static const char *open_writer(playcount_handoff *h, apr_pool_t *p)
{
    playcount_writer_place place = {.node = XXH3_64bits(h->node, strlen(h->node))};
    struct stat st;
    apr_status_t rv;

    if (h->zone->path && stat(h->zone->path, &st) == 0) {
        place.device = st.st_dev;
        place.inode = st.st_ino;
    }
    rv = playcount_writer_open(h->zone->zone, &place, h->zone->opened_now);
    playcount_zone_show_totals(h->zone->zone, h->server->process->pconf);
    if (h->zone->opened_now) {
        note_start(h);
    }
    return rv == APR_SUCCESS
               ? NULL
               : apr_psprintf(
                     p,
                     "the zone %s cannot be written to the disk, so its plays "
                     "cannot be delivered; see to the disk",
                     h->zone_name);
}

/* --- delivery --- */

static void begin(playcount_handoff *h, apr_pool_t *p)
{
    playcount_redis *redis = h->state;

    playcount_cluster_name_tags(redis->tags);
    redis->n = redis->is_mapped = 0;
    redis->touched = 0;
    redis->reader = redis->read_epoch = 0; /* nothing is read yet */
    memset(redis->position, 0, sizeof(redis->position));
}

static void end(playcount_handoff *h)
{
    playcount_redis *redis = h->state;

    playcount_nodes_close_all(redis);
    free(redis->line);
    redis->line = NULL;
    redis->line_room = 0;
}

static const char *const kinds[] = {
    [PLAYCOUNT_ROUND_PROBE] = "asked for its epoch",
    [PLAYCOUNT_ROUND_PROOF] = "compared with it",
    [PLAYCOUNT_ROUND_BATCH] = "a batch delivered",
    [PLAYCOUNT_ROUND_TOUCH] = "asked whether it has forgotten anything",
};

/* Tags that a batch or a look at the fences found forgotten; a proof tells all of
 * them everything anyway. */
static void note_round(const playcount_handoff *h, const playcount_round *round,
                       playcount_round_e result)
{
    playcount_cluster_health health;

    playcount_cluster_get_health(h->zone->zone, &health);
    if (playcount_round_is(round) >= PLAYCOUNT_ROUND_BATCH) {
        health.forgotten_tags += playcount_round_lost_tags(round);
    }
    if (result == PLAYCOUNT_ROUND_DONE) {
        health.round_time = (uint64_t)apr_time_sec(apr_time_now());
    }
    playcount_cluster_report(h->zone->zone, &health);
}

/* One round. Without a batch, the one that is open; if none is, the fences are
 * looked at. */
static playcount_round_e go_round(playcount_handoff *h,
                                  const playcount_batch *batch, apr_pool_t *pool,
                                  const char **why)
{
    playcount_redis *redis = h->state;
    playcount_round_e result = PLAYCOUNT_ROUND_FAILED;
    playcount_round *round;
    apr_pool_t *p;

    apr_pool_create(&p, pool);
    round = playcount_round_begin(h->zone->zone, &playcount_redis_layout, batch, p);
    if (round) {
        playcount_redis_talk(redis, h, round, pool, why);
        result = playcount_round_end(round);
        note_round(h, round, result);
        ap_log_error(APLOG_MARK, APLOG_DEBUG, 0, h->server,
                     "PlaycountHandoff (%s): %s: %" APR_UINT64_T_FMT
                     " songs told, %u tags told all, result %d",
                     h->where, kinds[playcount_round_is(round)],
                     playcount_round_told(round), playcount_round_lost_tags(round),
                     (int)result);
    }
    apr_pool_destroy(p);
    return result;
}

static const char *reason(playcount_round_e result)
{
    return result == PLAYCOUNT_ROUND_FOREIGN
               ? "another server delivers to this cluster under the number of this "
                 "zone; if one runs on a copy of this zone's file, give each a "
                 "node= of its own"
               : "not all of the cluster answers";
}

/* Rounds until one is the end. During a graceful restart, another process that
 * delivers as well looks foreign until it is seen what it has done: by now another
 * batch may be open. */
static playcount_delivery_e deliver_rounds(playcount_handoff *h,
                                           const playcount_batch *batch,
                                           apr_pool_t *p, const char **why)
{
    playcount_redis *redis = h->state;
    playcount_round_e result = PLAYCOUNT_ROUND_GO_ON;
    int foreign = 0;

    *why = NULL;
    if ((!redis->is_mapped && !playcount_nodes_map(redis, p, why)) ||
        !playcount_redis_agree(redis, h, p, why)) {
        redis->is_mapped = 0;
        return PLAYCOUNT_UNDELIVERED;
    }
    for (int i = 0; i < MOST_ROUNDS; i++) {
        result = go_round(h, batch, p, why);
        if (result == PLAYCOUNT_ROUND_FOREIGN) {
            foreign++;
            batch = NULL;
        }
        if (result != PLAYCOUNT_ROUND_GO_ON && foreign != 1) {
            break;
        }
    }
    if (result == PLAYCOUNT_ROUND_DONE && playcount_redis_wait(redis, p, why)) {
        redis->touched = apr_time_now();
        playcount_redis_read(redis, h, p);
        return PLAYCOUNT_DELIVERED;
    }
    redis->is_mapped = 0;
    if (!*why) {
        *why = reason(result);
    }
    return PLAYCOUNT_UNDELIVERED;
}

static playcount_delivery_e deliver(playcount_handoff *h,
                                    const playcount_batch *batch, apr_pool_t *p,
                                    const char **why)
{
    return deliver_rounds(h, batch, p, why);
}

/* Without plays of its own, a server looks once in an interval at what the others
 * have: half a second early, as the watchdog looks once a second. With plays, the
 * batch that is about to be delivered does the same. */
static int is_due(playcount_handoff *h)
{
    const playcount_redis *redis = h->state;
    apr_interval_time_t since = apr_time_now() - redis->touched;
    apr_interval_time_t interval = apr_time_from_sec(h->interval);
    playcount_handoff_use use;

    if (redis->touch_now || since < 0 || since >= interval + apr_time_from_sec(1)) {
        return 1;
    }
    if (since < interval - apr_time_from_msec(500)) {
        return 0;
    }
    playcount_handoff_usage(h->zone->zone, &use);
    return !use.open && !use.waiting;
}

static playcount_delivery_e tick(playcount_handoff *h, apr_pool_t *p,
                                 const char **why)
{
    playcount_redis *redis = h->state;

    if (!is_due(h)) {
        playcount_redis_read(redis, h, p); /* what is left to be read */
        return PLAYCOUNT_DELIVERED;
    }
    if (deliver_rounds(h, NULL, p, why) != PLAYCOUNT_DELIVERED) {
        return PLAYCOUNT_UNDELIVERED;
    }
    redis->touch_now = 0;
    playcount_redis_clean(redis, h, p);
    return PLAYCOUNT_DELIVERED;
}

/* The next round finds that the zone's epoch has changed, and takes the cluster
 * along.
 */
static playcount_delivery_e cleared(playcount_handoff *h, apr_pool_t *p,
                                    const char **why)
{
    ((playcount_redis *)h->state)->touch_now = 1;
    return PLAYCOUNT_DELIVERED;
}

const playcount_engine playcount_engine_redis = {
    .name = "redis",
    .purpose = "a Redis Cluster",
    .options = options,
    .create = create,
    .check = check,
    .open = open_writer,
    .begin = begin,
    .end = end,
    .deliver = deliver,
    .tick = tick,
    .cleared = cleared,
};

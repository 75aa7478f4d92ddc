/* The engine `redis`: delivery into a Redis Cluster or a single Redis, and what the
 * other servers have read back. Its files, from the bottom up:
 *
 *   cluster.c          where a song is, what a fence means     no input or output
 *   round.c            what to send next                        no input or output
 *   send.lua           what a tag is told, in the cluster
 *   read.lua           what a tag has, in the cluster
 *   redis_script.c     both, in the module
 *   redis_tls.c        TLS, where hiredis has it; else redis_tls_absent.c
 *   redis_nodes.c      connections, and which node has which slot
 *   redis_request.c    a request of a round as a call of send.lua, and its answer
 *   redis_errors.c     what the errors of Redis mean
 *   redis_talk.c       a round over these connections
 *   redis_agree.c      the layout of the keys, and replicas that must have a batch
 *   redis_read.c       what the other servers have
 *   redis_clean.c      what is left of earlier epochs is deleted
 *   redis.c            the directive, and the engine
 *
 * docs/cluster.md draws the protocol. All of it runs in the watchdog's thread of
 * one process; connections are that process's own.
 */
#ifndef PLAYCOUNT_HANDOFF_REDIS_H
#define PLAYCOUNT_HANDOFF_REDIS_H

#include <hiredis/hiredis.h>

#include "apr_tables.h"

#include "handoff/cluster.h"
#include "handoff/handoff.h"
#include "shm/zone/health.h"

#define PLAYCOUNT_REDIS_NODES 256
#define PLAYCOUNT_REDIS_SLOTS 16384

typedef struct {
    char name[128]; /* HOST:PORT */
    redisContext *connection;
    int answers;   /* has done so, on this connection */
    int failed;    /* could not be reached in this round */
    int used;      /* was sent something in this round */
    size_t unsent; /* bytes of requests in the connection's buffer, about */
} playcount_node;

typedef struct {
    /* from the directive */
    apr_array_header_t *seeds; /* const char *: HOST:PORT */
    const char *user, *password;
    int wait; /* how many replicas must have a batch before it is delivered */
    struct ssl_ctx_st *tls; /* NULL: without */
    const char *tls_name;   /* what all certificates are for; NULL: the address */
    int has_authority, has_certificate, has_key; /* which options were given */

    /* of the process that delivers */
    playcount_node nodes[PLAYCOUNT_REDIS_NODES];
    int n;
    int is_mapped;                        /* owner[] is filled */
    int16_t owner[PLAYCOUNT_REDIS_SLOTS]; /* index into nodes[], -1: none */
    playcount_cluster_tag tags[PLAYCOUNT_CLUSTER_TAGS];
    char sha[41];      /* of send.lua, as EVALSHA wants it */
    char read_sha[41]; /* of read.lua */

    /* what is read back: see redis_read.c */
    uint64_t reader, read_epoch; /* the writer and the epoch that it is read as */
    uint64_t read_zone_epoch;    /* the zone's that stands for it */
    char position[PLAYCOUNT_CLUSTER_TAGS]
                 [48]; /* in the tag's log; "" until the whole tag is read */
    char is_unfit[PLAYCOUNT_CLUSTER_TAGS];  /* a change found no room here */
    uint32_t unfit[PLAYCOUNT_CLUSTER_TAGS]; /* songs that have no room here */

    char *line; /* a request: see redis_request.c */
    size_t line_room;

    apr_time_t touched; /* when the last round ended */
    int touch_now;      /* the zone was cleared: do not wait for the interval */
    uint32_t asked;     /* which node was asked for the map last */
    uint32_t clean;     /* the tag to be cleaned next */
} playcount_redis;

/* --- redis_tls.c, or redis_tls_absent.c --- */

/* The options tls=, tls-name=, tls-cert= and tls-key=. NULL, or what is wrong. */
const char *playcount_redis_read_tls(playcount_handoff *handoff, const char *value,
                                     apr_pool_t *p);
const char *playcount_redis_read_tls_name(playcount_handoff *handoff,
                                          const char *value, apr_pool_t *p);
const char *playcount_redis_read_tls_cert(playcount_handoff *handoff,
                                          const char *value, apr_pool_t *p);
const char *playcount_redis_read_tls_key(playcount_handoff *handoff,
                                         const char *value, apr_pool_t *p);

/* Do they go together? NULL, or what is missing. */
const char *playcount_redis_check_tls(const playcount_redis *redis);

/* TLS on a connection to this host that was just made. 0: *why. */
int playcount_redis_start_tls(const playcount_redis *redis, redisContext *c,
                              const char *host, apr_pool_t *p, const char **why);

/* After a connection broke, and before the next one: the reason, if it is one of
 * TLS; else NULL. */
const char *playcount_redis_tls_says(const playcount_redis *redis);

/* --- redis_nodes.c --- */

/* Know which node has which slot. 0: *why says what is wrong. */
int playcount_nodes_map(playcount_redis *redis, apr_pool_t *p, const char **why);

/* The node with this name, known or new; -1 when there are too many. */
int playcount_nodes_find(playcount_redis *redis, const char *name);

/* An open connection to it: authenticated, of a node that evicts nothing, with the
 * script loaded. NULL: *why. */
redisContext *playcount_nodes_connect(playcount_redis *redis, int node,
                                      apr_pool_t *p, const char **why);

/* After any error of a connection it is not used again. */
void playcount_nodes_close(playcount_redis *redis, int node);
void playcount_nodes_close_all(playcount_redis *redis);

/* The connection to this node broke: why, before it is closed. */
const char *playcount_nodes_broke(const playcount_redis *redis, int node,
                                  apr_pool_t *p);

/* Send one command and wait for the answer. NULL: the connection broke or the
 * answer is an error, as *why says. Free the reply. */
redisReply *playcount_nodes_ask(playcount_redis *redis, int node, apr_pool_t *p,
                                const char **why, int argc, const char **argv,
                                const size_t *lengths);

/* --- redis_errors.c --- */

/* What an operator can do about an error of Redis, as ": ..."; "" when that is not
 * known. */
const char *playcount_redis_explain(const char *line, apr_pool_t *p);

/* --- redis_script.c --- */

extern const char playcount_redis_script[];      /* send.lua */
extern const char playcount_redis_read_script[]; /* read.lua */

/* --- redis_request.c --- */

/* Put this request into the connection's buffer: so many bytes. */
size_t playcount_redis_append(playcount_redis *redis,
                              const playcount_handoff *handoff, redisContext *c,
                              const playcount_telling *request);

/* 0 when it is nothing that send.lua answers. */
int playcount_redis_read_answer(const redisReply *reply,
                                playcount_script_answer *answer);

/* --- redis_talk.c --- */

/* Carry out a round. The round knows which requests got no answer in the end; *why
 * is the first reason. */
void playcount_redis_talk(playcount_redis *redis, const playcount_handoff *handoff,
                          playcount_round *round, apr_pool_t *p, const char **why);

extern const playcount_cluster_layout playcount_redis_layout;

/* --- redis_agree.c --- */

/* Have the servers of this cluster the same layout of keys? 0: no, or that cannot
 * be told; *why. */
int playcount_redis_agree(playcount_redis *redis, const playcount_handoff *handoff,
                          apr_pool_t *p, const char **why);

/* Wait until wait= replicas of each master that was sent something have it. 0:
 * *why.
 */
int playcount_redis_wait(playcount_redis *redis, apr_pool_t *p, const char **why);

/* --- redis_clean.c --- */

/* Delete what is left of earlier epochs, in some of the tags at each call. */
void playcount_redis_clean(playcount_redis *redis, const playcount_handoff *handoff,
                           apr_pool_t *p);

/* --- redis_read.c --- */

/* What others have changed in a tag, as an answer of send.lua has it. */
void playcount_redis_take_changes(playcount_redis *redis,
                                  const playcount_handoff *handoff, uint32_t tag,
                                  const redisReply *answer);

/* An answer was lost that may have had changes: read the whole tag. */
void playcount_redis_read_again(playcount_redis *redis, uint32_t tag);

/* Read the tags that have to be read whole, some at a time, and say in the zone how
 * many are left. */
void playcount_redis_read(playcount_redis *redis, playcount_handoff *handoff,
                          apr_pool_t *p);

#endif

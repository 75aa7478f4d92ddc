/* The engine `redis`, from the bottom up:
 *
 *   cluster.c   where a song is, what a fence means       no input or output
 *   round.c     what to send next                         no input or output
 *   *.lua       the scripts, in the cluster
 *   redis_nodes.c   connections, and which node has which slot
 *   redis_tls.c   TLS, where hiredis has it
 *   redis_talk.c   a round over these connections
 *   redis_read.c   what the others have
 *   redis.c     the engine
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
    int failed; /* not reachable in this round */
    int used;   /* something was sent to it in this round */
} playcount_node;

typedef struct {
    /* the directive's */
    apr_array_header_t *seeds; /* const char *: HOST:PORT */
    const char *user, *password;
    int wait; /* replicas that must have it before a batch is delivered */
    struct redisSSLContext *tls; /* NULL: without */

    /* of the process that delivers */
    playcount_node nodes[PLAYCOUNT_REDIS_NODES];
    int n;
    int is_mapped;                        /* owner[] is filled */
    int16_t owner[PLAYCOUNT_REDIS_SLOTS]; /* index into nodes[], -1: none */
    playcount_cluster_tag tags[PLAYCOUNT_CLUSTER_TAGS];
    char sha[41]; /* of the script */
    char read_sha[41];

    /* what is read back: see redis_read.c */
    uint64_t reader, read_epoch; /* the writer and the epoch that it is read as */
    uint16_t dirty[PLAYCOUNT_CLUSTER_TAGS]; /* buckets that may have changed */
    char position[PLAYCOUNT_CLUSTER_TAGS]
                 [48]; /* of the log, "" before all is read */
    uint16_t unfit[PLAYCOUNT_CLUSTER_TAGS]
                  [PLAYCOUNT_CLUSTER_BUCKETS]; /* songs without a place here */

    apr_time_t touched; /* when a round came to its end last */
    int touch_now;      /* the zone was cleared */
    uint32_t asked;     /* which node was last asked for the map */
    uint32_t clean;     /* the tag to be cleaned next */
} playcount_redis;

/* --- nodes.c --- */

/* Know which node has which slot. 0: *why says what is wrong. */
int playcount_nodes_map(playcount_redis *redis, apr_pool_t *p, const char **why);

/* The node with this name, known or new; -1 when there are too many. */
int playcount_nodes_find(playcount_redis *redis, const char *name);

/* An open connection to it: authenticated, of a node that evicts nothing, with the
 * script loaded. NULL: *why. */
redisContext *playcount_nodes_connect(playcount_redis *redis, int node,
                                      apr_pool_t *p, const char **why);

/* redis_tls.c: the option; and on a connection that was just made, 0 if it fails,
 * as its errstr says. */
const char *playcount_redis_read_tls(playcount_handoff *handoff, const char *value,
                                     apr_pool_t *p);
int playcount_redis_start_tls(const playcount_redis *redis, redisContext *c);

/* After any error of a connection it is not used again. */
void playcount_nodes_close(playcount_redis *redis, int node);
void playcount_nodes_close_all(playcount_redis *redis);

/* A command with the connection's own error handling: NULL and *why when it failed
 * or was answered by an error. Free the reply. */
redisReply *playcount_nodes_ask(playcount_redis *redis, int node, apr_pool_t *p,
                                const char **why, int argc, const char **argv,
                                const size_t *lengths);

/* --- talk.c --- */

/* Carry a round out. The round knows what is not answered in the end; *why says the
 * first reason. */
void playcount_redis_talk(playcount_redis *redis, const playcount_handoff *handoff,
                          playcount_round *round, apr_pool_t *p, const char **why);

/* All servers must agree on the layout. 0: *why. */
int playcount_redis_agree(playcount_redis *redis, const playcount_handoff *handoff,
                          apr_pool_t *p, const char **why);

/* So many replicas have what was sent. 0: *why. */
int playcount_redis_wait(playcount_redis *redis, apr_pool_t *p, const char **why);

/* Delete what is left of earlier epochs, some tags at a time. */
void playcount_redis_clean(playcount_redis *redis, const playcount_handoff *handoff,
                           apr_pool_t *p);

extern const playcount_cluster_layout playcount_redis_layout;

/* handoff/send.lua and read.lua */
extern const char playcount_redis_script[], playcount_redis_read_script[];

/* --- redis_read.c --- */

/* The log of a tag, as the answer of send.lua that asked for it has it. */
void playcount_redis_note_changes(playcount_redis *redis, uint32_t tag,
                                  const redisReply *answer, uint64_t writer);

/* Read what is known to have changed, some of it at a time, and say in the zone how
 * far that is. */
void playcount_redis_read(playcount_redis *redis, playcount_handoff *handoff,
                          apr_pool_t *p);

#endif

/* The protocol between a zone and a cluster, without any input or output: what to
 * send next, and what an answer means. docs/cluster.md draws it; send.lua is the
 * script that it talks to; redis*.c carry it over connections, t/cluster/simulate.c
 * over a simulated network that loses, doubles and forgets.
 *
 * A *round* goes once over all tags. For each tag it has a *turn*: one request
 * after the other, the next one when the answer to the last is there. Turns know
 * nothing of each other and may go on side by side.
 *
 *     round = playcount_round_begin(...)
 *     do
 *         while a turn has a request (playcount_round_request)
 *             send it; playcount_round_answer, or playcount_round_lost without one
 *     while (playcount_round_more(round))
 *     playcount_round_end(round)
 *
 * Fences. In each tag a writer has a fence: the number of the last batch whose
 * songs the tag has in full. A request names the fence that it expects and the one
 * it leaves behind; if another one is there, it changes nothing, and the answer
 * names that one. Each piece of a batch of more than one has a fence of its own. So
 * whatever the cluster forgets, it forgets the fence with it, and is told all own
 * counts of that tag.
 */
#ifndef PLAYCOUNT_HANDOFF_CLUSTER_H
#define PLAYCOUNT_HANDOFF_CLUSTER_H

#include "apr_pools.h"

#include "shm/zone/batches.h"
#include "shm/zone/writer.h"

/* --- where a song is --- */

#define PLAYCOUNT_CLUSTER_VERSION 1
#define PLAYCOUNT_CLUSTER_TAGS 1024  /* evenly over the 16,384 slots */
#define PLAYCOUNT_CLUSTER_BUCKETS 16 /* hashes of a tag */

#define PLAYCOUNT_PIECE 400 /* songs of one request */

/* All servers of a cluster must have the same tags and buckets. */
typedef struct {
    uint32_t tags, buckets;
    uint32_t piece; /* songs of one request, up to PLAYCOUNT_PIECE */
} playcount_cluster_layout;

typedef struct {
    uint16_t tag, bucket;
} playcount_cluster_place;

playcount_cluster_place
playcount_cluster_find(const playcount_cluster_layout *layout, const char *id,
                       apr_size_t length);

/* The slot of Redis Cluster that a key with {hash tag} or without is in. */
uint16_t playcount_cluster_slot(const char *key, apr_size_t length);

/* The strings that stand for tags: number i is in slot 16 * i. The same everywhere.
 */
typedef char playcount_cluster_tag[8];
void playcount_cluster_name_tags(playcount_cluster_tag *tags);

/* --- requests and answers --- */

#define PLAYCOUNT_FENCE_MAX 64

typedef struct {
    uint16_t bucket;
    apr_size_t length;
    uint64_t count; /* the writer's own, absolutely */
    char id[PLAYCOUNT_ID_MAX];
} playcount_told;

/* One call of the script. `expect` is a fence, "" for none, "*" for any. `next` is
 * the fence it leaves, "" for the one that was there. */
typedef struct {
    uint16_t tag;
    uint64_t epoch;
    uint64_t writer; /* whose counts they are ... */
    uint64_t
        fence; /* ... and whose fence it is: see writer.h for when they differ */
    char expect[PLAYCOUNT_FENCE_MAX], next[PLAYCOUNT_FENCE_MAX];
    playcount_told *songs; /* by bucket */
    apr_size_t n;
    int counts; /* ask how many songs this writer has told of in the tag */
} playcount_telling;

typedef enum {
    PLAYCOUNT_ANSWER_OK,
    PLAYCOUNT_ANSWER_FENCE, /* another fence is there */
    PLAYCOUNT_ANSWER_EPOCH  /* the cluster is in a later epoch */
} playcount_answer_e;

typedef struct {
    playcount_answer_e is;
    char fence[PLAYCOUNT_FENCE_MAX]; /* that was there; cut off if it is longer */
    uint64_t epoch;  /* with PLAYCOUNT_ANSWER_EPOCH: that of the cluster */
    uint64_t larger; /* songs of which this writer had told more before */
    uint64_t songs;  /* of this writer in the tag now, if it was asked for */
} playcount_script_answer;

/* --- fences --- */

typedef enum {
    PLAYCOUNT_FENCE_HERE,   /* the tag has all up to the last acknowledged batch */
    PLAYCOUNT_FENCE_DONE,   /* and the present one */
    PLAYCOUNT_FENCE_LOST,   /* it has forgotten some: tell it all */
    PLAYCOUNT_FENCE_FOREIGN /* not set here: another server has this number */
} playcount_fence_e;

playcount_fence_e playcount_fence_judge(const char *there, uint64_t expected,
                                        uint64_t number);

/* --- a round --- */

typedef enum {
    PLAYCOUNT_ROUND_PROBE, /* which epoch is the cluster in? */
    PLAYCOUNT_ROUND_PROOF, /* does it know more of us than we do? */
    PLAYCOUNT_ROUND_BATCH, /* a batch */
    PLAYCOUNT_ROUND_TOUCH  /* no batch: has it forgotten anything? */
} playcount_round_kind;

typedef enum {
    PLAYCOUNT_ROUND_DONE,    /* the batch is delivered */
    PLAYCOUNT_ROUND_GO_ON,   /* a step is made: begin another round */
    PLAYCOUNT_ROUND_FOREIGN, /* another server delivers under our number */
    PLAYCOUNT_ROUND_FAILED   /* not all answers came, or the zone's lock or disk
                                failed */
} playcount_round_e;

typedef struct playcount_round playcount_round;

/* What is to be done next for this zone, with the batch that is open, or NULL for
 * whichever is: tags that have got it already hold its number, and would look
 * foreign to a round that does not know of it. NULL when the zone's lock or disk
 * fails. The round lives in the pool. */
playcount_round *playcount_round_begin(playcount_zone *zone,
                                       const playcount_cluster_layout *layout,
                                       const playcount_batch *batch,
                                       apr_pool_t *pool);

playcount_round_kind playcount_round_is(const playcount_round *round);

/* The next request of this tag's turn, 0 when it has none now. Until the answer is
 * in, the same one comes again. */
int playcount_round_request(playcount_round *round, uint32_t tag,
                            playcount_telling *request);

/* Its answer came; or it will never come, and may have been carried out or not,
 * even later. A turn that has lost too many is given up. */
void playcount_round_answer(playcount_round *round, uint32_t tag,
                            const playcount_script_answer *answer);
void playcount_round_lost(playcount_round *round, uint32_t tag);

/* Tags that must be told everything have requests now: 1 if there are any. */
int playcount_round_more(playcount_round *round);

/* The end: makes the step in the zone that follows from the answers. */
playcount_round_e playcount_round_end(playcount_round *round);

/* For logs and figures. */
uint64_t playcount_round_told(const playcount_round *round); /* songs sent */
uint32_t playcount_round_lost_tags(const playcount_round *round);

#endif

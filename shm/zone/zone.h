/* A zone: songs and their counts, in memory that many processes share.
 *
 * A zone is made in zeroed memory of playcount_zone_bytes() with
 * playcount_zone_format(), or in a file with playcount_file_open() (file.h);
 * each process then works through a handle from playcount_zone_attach().
 *
 * Ids are 1-255 bytes; what bytes they may be is the caller's business. Counts
 * go from 0 to PLAYCOUNT_MAX and stop there.
 *
 * Concurrency: any function marked [any] may be called at any time by any
 * thread of any process that shares the zone. Those marked [lock] take the
 * zone's lock for the time of a structural change, and first repair what a
 * process that died with the lock left behind. Everything else is lock-free: it
 * never waits, and a process that dies midway leaves nothing to repair.
 *
 * Errors are apr_status_t; APR_ENOSPC means that the zone is full, APR_TIMEUP that
 * a process has held the lock for 2 s without going on (it is stopped, or frozen).
 * An error of the lock itself is passed on. On any error nothing has been counted.
 */
#ifndef PLAYCOUNT_SHM_ZONE_H
#define PLAYCOUNT_SHM_ZONE_H

#include <stdint.h>

#include "apr_errno.h"
#include "apr_global_mutex.h"
#include "apr_pools.h"

#define PLAYCOUNT_ID_MAX 255
#define PLAYCOUNT_MAX INT64_MAX
#define PLAYCOUNT_BATCH_MAX 65536 /* plays in one playcount_zone_add_many() */
#define PLAYCOUNT_SONGS_MAX 100000000ULL
#define PLAYCOUNT_KEYS_MAX 100000000ULL
#define PLAYCOUNT_WHY_MAX 255 /* bytes of why plays are not handed over */

typedef struct playcount_zone playcount_zone;

typedef struct {
    uint64_t songs; /* how many fit, exactly: 1 to PLAYCOUNT_SONGS_MAX */
    uint64_t keys;  /* how many idempotency keys are remembered; 0: none */
} playcount_zone_size;

/* Bytes of address space for such a zone. Memory is taken only as it is used. */
uint64_t playcount_zone_bytes(const playcount_zone_size *size);

/* Make an empty zone in zeroed memory, before any process attaches to it. */
apr_status_t playcount_zone_format(void *memory, const playcount_zone_size *size);

/* A handle on the zone in this memory, allocated from the pool. The memory and
 * the lock must outlive it. A NULL lock is for a zone that only one thread uses. */
playcount_zone *playcount_zone_attach(apr_pool_t *pool, void *memory,
                                      apr_global_mutex_t *lock);

/* [any] 1 once a page of the zone's file could not be read or written (failed.h).
 * What any function said or returned before this did is meaningless then. */
int playcount_zone_failed(const playcount_zone *zone);

/* [any] The count of a song, 0 for one that is not there. */
uint64_t playcount_zone_get(playcount_zone *zone, const char *id,
                            apr_size_t length);

/* [any] A song will be asked for or played soon: fetch what is known of it into the
 * processor's cache, first its place in the index, then, a while later, its slot.
 * Changes nothing. The first one returns the id's hash, as it has it. */
uint64_t playcount_zone_prefetch(const playcount_zone *zone, const char *id,
                                 apr_size_t length);
void playcount_zone_prefetch_slot(const playcount_zone *zone, uint64_t hash);

/* [any] The count of a song whose hash (playcount_zone_hash()) is known. */
uint64_t playcount_zone_get_hashed(playcount_zone *zone, const char *id,
                                   apr_size_t length, uint64_t hash);

/* [any] [lock] The same as playcount_zone_add(), below, with the hash known. */
apr_status_t playcount_zone_add_hashed(playcount_zone *zone, const char *id,
                                       apr_size_t length, uint64_t hash,
                                       uint64_t by, uint64_t *count);

/* [any] [lock] The same without waiting for the lock: APR_EBUSY if it is needed and
 * taken; nothing is counted. For a thread that serves many. */
apr_status_t playcount_zone_add_at_once(playcount_zone *zone, const char *id,
                                        apr_size_t length, uint64_t hash,
                                        uint64_t by, uint64_t *count);

/* [any] Add `by` (1 to PLAYCOUNT_MAX) plays to a song; *count is the new count,
 * a different one for each of many concurrent adds. Lock-free for a song that
 * is there; [lock] for the first play of a song. */
apr_status_t playcount_zone_add(playcount_zone *zone, const char *id,
                                apr_size_t length, uint64_t by, uint64_t *count);

typedef struct {
    const char *id; /* in: the song */
    uint64_t by;    /* in: its plays, 1 to PLAYCOUNT_MAX */
    uint64_t count; /* out: its new count */
    uint64_t hash;  /* playcount_zone_hash() of the id */
    uint32_t place; /* used by the zone */
    uint8_t length; /* in: bytes of the id */
} playcount_play;

/* The right to answer an idempotency key: see keys.h. */
typedef struct {
    uint64_t number;      /* of the claim; 0 is none */
    uint64_t fingerprint; /* the hash of the request, to be kept with the answer */
} playcount_claim;

/* [any] The hash of an id: 64 bits, the same as long as the zone lives. */
uint64_t playcount_zone_hash(const playcount_zone *zone, const char *id,
                             apr_size_t length);

/* [any] [lock] Add many at once: all of it counts or none of it, no matter what
 * dies when. The ids must differ from one another, n is 1 to PLAYCOUNT_BATCH_MAX,
 * the hashes are given. `claim` is what playcount_key_claim() (keys.h) gave, or
 * NULL without a key: with one, the answer is kept under the key in the same step;
 * APR_EBUSY if the claim has been lost. */
apr_status_t playcount_zone_add_many(playcount_zone *zone, playcount_play *plays,
                                     apr_size_t n, const playcount_claim *claim);

/* [any] [lock] Forget all songs. Adds that run at the same time fall before or
 * after it; a batch that is open for handoff stays whole. */
apr_status_t playcount_zone_clear(playcount_zone *zone);

/* [any] [lock] Forget one song; *count is the count it had. Plays that come at the
 * same time fall before or after it: they are in *count, or they are the first
 * plays of a new song. Plays of it that are to be handed over are so with the next
 * batches; until the last of them is acknowledged, its place is not free. Then it
 * is for another song, which is listed there once the zone has no place left at the
 * end. Its answers under idempotency keys stay. APR_NOTFOUND  there is no such song
 *   APR_EBUSY     nothing is changed: the song was forgotten before, and plays from
 *                 before that are still to be handed over; or this is so of 256
 *                 others. Take a batch, acknowledge it, try again.
 *   APR_ENOTIMPL  the zone belongs to a cluster, which keeps the highest count
 *                 that it was told of each song */
apr_status_t playcount_zone_forget(playcount_zone *zone, const char *id,
                                   apr_size_t length, uint64_t *count);

/* Tell a handle that plays are handed over, also before the first batch. */
void playcount_zone_set_handed_over(playcount_zone *zone);

/* A place in the listing: the songs in the order of their first play. A song that
 * got the place of a forgotten one in a full zone stands where that one stood. */
typedef struct {
    uint64_t epoch, first, used, next;
} playcount_cursor;

typedef struct {
    uint64_t count;
    apr_size_t length;
    char id[PLAYCOUNT_ID_MAX];
} playcount_song;

/* [any] The beginning of the listing; it ends with the songs of this moment. */
void playcount_zone_begin(playcount_zone *zone, playcount_cursor *cursor);

/* [any] The same, starting after this song; 0 if there is no such song. */
int playcount_zone_begin_after(playcount_zone *zone, playcount_cursor *cursor,
                               const char *id, apr_size_t length);

/* [any] The next song, 0 at the end. When the zone was cleared meanwhile the
 * listing ends. */
int playcount_zone_next(playcount_zone *zone, playcount_cursor *cursor,
                        playcount_song *song);

/* [any] The same with the count of this zone alone, when totals are shown
 * (writer.h). */
int playcount_zone_next_local(playcount_zone *zone, playcount_cursor *cursor,
                              playcount_song *song);

/* [any] Visit the n songs with the highest counts, highest first (equal ones in the
 * order of their first play). Reads the whole zone; takes 16 bytes of memory for
 * each of the n meanwhile. */
typedef void playcount_visit(void *context, const playcount_song *song);
void playcount_zone_top(playcount_zone *zone, apr_size_t n, playcount_visit *visit,
                        void *context);

typedef struct {
    uint64_t songs;    /* present */
    uint64_t capacity; /* at most */
    uint64_t plays;    /* sum of all counts, stops at PLAYCOUNT_MAX */
    uint64_t others;   /* in a cluster: of what other servers have */
    uint64_t bytes;    /* of memory that the songs present take */
    uint64_t identity; /* random number made with the zone */
} playcount_zone_use;

/* [any] How full the zone is. Reads the whole zone for `plays`. */
void playcount_zone_usage(playcount_zone *zone, playcount_zone_use *use);

/* [any] 1 for the first caller of a minute, at the time `now` (seconds since 1970),
 * which may then log that the zone is full. */
int playcount_zone_say_full(playcount_zone *zone, uint64_t now);

/* In a new process: its number is known to the others when it holds the lock. */
void playcount_zone_set_process(playcount_zone *zone);

/* [any] The process that holds the lock, 0 if none does. */
uint64_t playcount_zone_holder(const playcount_zone *zone);

/* [any] Like playcount_zone_say_full(), for a lock that is frozen. */
int playcount_zone_say_frozen(playcount_zone *zone, uint64_t now);

/* The random number made with the zone. */
uint64_t playcount_zone_identity(const playcount_zone *zone);

/* [any] [lock] Repair what a process that died with the lock left behind; cheap
 * when there is nothing to do. */
apr_status_t playcount_zone_repair(playcount_zone *zone);

#endif

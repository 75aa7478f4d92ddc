/* What is known of listeners: who has had enough of which song in this window, and
 * who has had some of it. In memory that all processes share, or in a file that is
 * mapped.
 *
 *     counted    a number of 64 bits for each listener who has enough; per UTC day
 *     open       what the others have got so far: the union of byte intervals
 *     files      how much of a file is enough, so that it is measured once
 *
 * A listener is known by a number (media/rules/listener.h), made under a random key
 * that belongs to the UTC day on which its window began. The keys of two days are
 * kept; when a third begins, the older key is overwritten, and with that what was
 * kept under it means nothing any more. No address, no User-Agent and no name of a
 * song is here.
 *
 * One delivery:
 *
 *     playcount_media_deliver()
 *         -> PLAYED: the listener is counted from now on; add the play to the zone,
 *            and if it refuses, playcount_media_take_back()
 *         -> OPEN, AGAIN, FULL
 *
 * The listener is in `counted` before the play is in the zone. So whatever happens,
 * a play is never there twice; a process that is killed between the two, a few
 * instructions, loses that one play. The other order would count twice.
 *
 * Concurrency: everything but format, open and attach may be called at any time, by
 * any thread of any process. `counted` and `files` have no lock. `open` has one
 * lock for each few hundred listeners, held for less than a microsecond: a process
 * that dies with it is noticed and its change is finished or undone; for one that
 * is stopped with it the others wait 200 ms, and then do without: FULL.
 *
 * Nothing is evicted. If there is no room the answer is FULL, and the log of the
 * server still has what is needed to count.
 */
#ifndef PLAYCOUNT_SHM_MEDIA_H
#define PLAYCOUNT_SHM_MEDIA_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "apr_errno.h"
#include "apr_pools.h"

#include "media/rules/address.h"
#include "media/rules/intervals.h"
#include "media/rules/measure.h"
#include "media/rules/verdict.h"
#include "media/rules/window.h"

#define PLAYCOUNT_MEDIA_DOWNLOADS_MAX 100000000ULL
#define PLAYCOUNT_MEDIA_OPEN_MAX 100000000ULL

typedef struct playcount_media playcount_media;

typedef struct {
    uint64_t downloads; /* listeners counted a day */
    uint64_t open;      /* listeners who have some, and not enough */
} playcount_media_shape;

/* Bytes of memory for that. */
uint64_t playcount_media_bytes(const playcount_media_shape *shape);

/* Make empty tables in zeroed memory that begins on a page. */
void playcount_media_format(void *memory, const playcount_media_shape *shape);

/* Is there what playcount_media_format() made for this shape? */
int playcount_media_fits(const void *memory, const playcount_media_shape *shape);

/* No process uses the memory, and some may have died in it, or the power failed:
 * make the locks anew, and drop what cannot be. */
void playcount_media_recover(void *memory);

/* A handle, from the pool; the memory must outlive it. */
playcount_media *playcount_media_attach(apr_pool_t *pool, void *memory);

/* The memory is a file: if a page of it cannot be read or written any more, the
 * mark is set, and every delivery is FULL (shm/fault/fault.h). The mark must be in
 * memory that all processes share, and outlive the pool. */
int playcount_media_failed(const playcount_media *media);
void playcount_media_guard(playcount_media *media, uint64_t bytes,
                           _Atomic uint32_t *failed, apr_pool_t *pool);

typedef struct {
    playcount_window_e window;
    int64_t start; /* of the request, in seconds since 1970 */
    const char *song;
    size_t song_n;
    const playcount_address *address;
    const char *agent;
    size_t agent_n;
    uint64_t need;                 /* bytes that are enough */
    const playcount_interval *got; /* what was written of what counts */
    size_t n;
    /* The numbers that the listener has on the day of the request, and on the one
     * before: two words of a caller's who asks more than once about the same song,
     * address, User-Agent and day; they are computed once. Zeros at first. NULL:
     * nobody asks again. */
    uint64_t *numbers;
} playcount_media_got;

/* What came of it; for playcount_media_take_back() too. */
typedef struct {
    playcount_verdict_e verdict;
    unsigned place;    /* of the generation that knows the listener */
    int64_t day;       /* on which its window began */
    uint64_t listener; /* its number on that day */
    uint64_t covered;  /* how much it has got now */
    int kept;          /* what it has got is in the table of open downloads */
    const char *why;   /* of FULL, a few words for the log */
} playcount_media_result;

/* [any] Add what was delivered to what the listener has. */
void playcount_media_deliver(playcount_media *media, const playcount_media_got *got,
                             playcount_media_result *result);

/* [any] The play was refused by the zone: the listener is not counted, what it has
 * got is still known if it was before. */
void playcount_media_take_back(playcount_media *media,
                               const playcount_media_result *result);

/* [any] The play is in the zone: what is known of the listener's intervals goes. */
void playcount_media_done(playcount_media *media,
                          const playcount_media_result *result);

/* [any] Would a delivery at `start` be AGAIN? Changes nothing. */
int playcount_media_is_counted(playcount_media *media,
                               const playcount_media_got *got);

/* [any] With such a delivery, how many bytes would still be missing? 0: it would be
 * PLAYED or AGAIN (or FULL). UINT64_MAX: that cannot be said. Changes nothing. */
uint64_t playcount_media_missing(playcount_media *media,
                                 const playcount_media_got *got);

/* [any] Once in a while, by one process: make room of what is too old. `day` is
 * today.
 */
void playcount_media_sweep(playcount_media *media, int64_t day);

/* [any] A file that was measured, known by a number (of device, inode, size, time
 * and the rule); 0: it is not known. */
int playcount_media_find_file(playcount_media *media, uint64_t number,
                              playcount_measured *measured);
void playcount_media_keep_file(playcount_media *media, uint64_t number,
                               const playcount_measured *measured);

/* [any] Count a verdict. */
void playcount_media_count(playcount_media *media, playcount_verdict_e verdict);

/* [any] 1 for the first caller of a minute, at the time `now` (seconds since 1970).
 */
int playcount_media_say_full(playcount_media *media, uint64_t now);

typedef struct {
    playcount_media_shape shape;
    uint64_t verdicts[PLAYCOUNT_VERDICTS];
    uint64_t counted; /* today */
    uint64_t open;    /* now */
    uint64_t bytes;   /* of the memory */
} playcount_media_use;

/* [any] What is in it. Reads the numbers of all open downloads. */
void playcount_media_usage(playcount_media *media, playcount_media_use *use);

#endif

/* Handoff: the plays since the last batch, taken out under a number.
 *
 * Counts are never reset to take them. A batch is the difference of two marks:
 * what every song's count was when this batch was taken, and when the last one
 * was. Acknowledging a batch moves one number. So a batch that is open reads the
 * same however often, whatever is killed, until it is acknowledged, and nothing
 * can fall between a read and a reset.
 *
 * Numbers are milliseconds since 1970 at the taking, or one more than the last:
 * they grow, and are not used again even when an older state of a file comes
 * back. Each batch also tells the number before it. A consumer that keeps the
 * last number it has, in one transaction with the counts, can tell:
 *
 *   last >= number     this batch is in: acknowledge it
 *   last == previous   it is not in: add it
 *   between the two    the zone is older than the consumer's memory of it. If
 *                      the batch holds the file as it was opened (at_open), all
 *                      of it is in: the last batch that the consumer has was
 *                      taken later than that state of the file was.
 *
 * Usually at most one batch is open. When a file is opened, what it holds is
 * taken at once (playcount_batch_take_at_open), even behind one that is open.
 */
#ifndef PLAYCOUNT_SHM_HANDOFF_H
#define PLAYCOUNT_SHM_HANDOFF_H

#include "shm/zone.h"

typedef struct {
    uint64_t number;
    uint64_t previous; /* the number before this one, 0 for none */
    uint64_t songs;    /* how many songs have plays in it */
    uint64_t plays;    /* how many plays */
    uint64_t time;     /* when it was taken, seconds since 1970 */
    int at_open;       /* holds the file as it was opened */
    uint64_t sequence; /* used by the zone */
} playcount_batch;

/* [any] The open batch (the older of two). APR_NOTFOUND if there is none. For a
 * zone in a file it waits until the batch is on the disk. */
apr_status_t playcount_batch_get(playcount_zone *zone, playcount_batch *batch);

/* [any] [lock, in short pieces] The open batch, or a new one if none is open.
 * APR_NOTFOUND if there are no plays to hand over. Two callers get the same one.
 * Waits for the disk like playcount_batch_get(). */
apr_status_t playcount_batch_take(playcount_zone *zone, playcount_batch *batch);

/* Take all that a file holds, right after opening it, before anybody counts.
 * APR_SUCCESS also when there is nothing to take. */
apr_status_t playcount_batch_take_at_open(playcount_zone *zone);

/* [any] [lock] The consumer has this batch. APR_SUCCESS too when it is the last
 * one that was acknowledged; APR_EMISMATCH for any other number. */
apr_status_t playcount_batch_acknowledge(playcount_zone *zone, uint64_t number);

/* [any] [lock] The consumer has this batch and more, up to the number `last`,
 * which the zone has forgotten: acknowledge, and go on from there. */
apr_status_t playcount_batch_overtaken(playcount_zone *zone, uint64_t number,
                                       uint64_t last);

/* A place in a batch. */
typedef struct {
    uint64_t sequence, epoch, first, used, next;
    uint64_t before; /* slots that the batch before covers too */
} playcount_batch_cursor;

/* [any] The songs of an open batch, in the order of their first plays;
 * song->count is the number of plays to hand over. */
void playcount_batch_begin(playcount_zone *zone, const playcount_batch *batch,
                           playcount_batch_cursor *cursor);

/* [any] The next one, 0 at the end, -1 if the batch is no longer open. */
int playcount_batch_next(playcount_zone *zone, playcount_batch_cursor *cursor,
                         playcount_song *song);

typedef struct {
    uint64_t batches;     /* acknowledged so far */
    uint64_t open;        /* 0, 1 or 2 */
    uint64_t number;      /* of the oldest open one, 0 if there is none */
    uint64_t plays;       /* in the open ones */
    uint64_t handed_time; /* every play before this second is handed over */
} playcount_handoff_use;

/* [any] [lock] For those who watch. */
apr_status_t playcount_handoff_usage(playcount_zone *zone,
                                     playcount_handoff_use *use);

#endif

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
 * back. Each batch also carries the number before it. A consumer that keeps the
 * last number it has, in one transaction with the counts, can tell from the two
 * whether a batch is in: playcount_batch_verdict().
 *
 * Usually at most one batch is open. When a file is opened, what it holds is
 * taken at once (playcount_batch_take_at_open), even behind one that is open. So
 * plays from before the opening and plays from after it never share a batch. When
 * the file turns out to be an older state of the zone than the consumer knows (a
 * backup, a disk that lost its last writes), the consumer has all of the former:
 * its last batch was taken later than that state was.
 */
#ifndef PLAYCOUNT_SHM_BATCHES_H
#define PLAYCOUNT_SHM_BATCHES_H

#include "shm/zone/zone.h"

typedef struct {
    uint64_t number;
    uint64_t previous; /* the number before this one, 0 for none */
    uint64_t songs;    /* how many songs have plays in it */
    uint64_t plays;    /* how many plays */
    uint64_t time;     /* when it was taken, seconds since 1970 */
    int at_open;       /* holds the file as it was opened */
    uint64_t since;    /* all its plays came after this opening, as a number */
    uint64_t opened;   /* the last opening before it was taken, as a number */
    uint64_t now_open; /* the last opening of the file, as a number */
    uint64_t sequence; /* used by the zone */
} playcount_batch;

typedef enum {
    PLAYCOUNT_BATCH_ADD,    /* it is not in: add it, and keep its number */
    PLAYCOUNT_BATCH_IS_IN,  /* it is in: acknowledge it */
    PLAYCOUNT_BATCH_SKIP,   /* its plays are in under another number: add nothing,
                               but keep its number, and acknowledge it */
    PLAYCOUNT_BATCH_FOREIGN /* this zone never gave the last number: another zone is
                               delivered under the same name */
} playcount_batch_verdict_e;

/* [any] What a consumer whose last number is `last` (0 if it has none) must do:
 *
 *   last == number      it is in
 *   last <= previous    it is not in. If not equal, the consumer has forgotten
 *                       batches that were acknowledged.
 *   otherwise           the file came back older than the consumer knows it, so
 *                       the last number must predate the last opening; then
 *     last > number       it is in: it was open in the older state already
 *     last <= since       it is not in: its plays came after an opening, and the
 *                         last number predates it
 *     last <= opened      if it holds the file as it was opened, all its plays are
 *                         in: the last batch was taken later than that state was
 *     otherwise           no such number was ever given: foreign
 */
playcount_batch_verdict_e playcount_batch_verdict(const playcount_batch *batch,
                                                  uint64_t last);

/* [any] The open batch (the older of two). APR_NOTFOUND if there is none. For a
 * zone in a file it waits until the batch is on the disk. */
apr_status_t playcount_batch_get(playcount_zone *zone, playcount_batch *batch);

/* [any] [lock, in short pieces] The open batch, or a new one if none is open.
 * APR_NOTFOUND if there are no plays to hand over. Two callers get the same one.
 * Waits for the disk like playcount_batch_get(). */
apr_status_t playcount_batch_take(playcount_zone *zone, playcount_batch *batch);

/* Take all that a file holds, right after opening it, before anything is counted.
 * APR_SUCCESS also when there is nothing to take. */
apr_status_t playcount_batch_take_at_open(playcount_zone *zone);

/* [any] [lock] The consumer has this batch. APR_SUCCESS too when it is the last
 * one that was acknowledged; APR_EMISMATCH for any other number. */
apr_status_t playcount_batch_acknowledge(playcount_zone *zone, uint64_t number);

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
    uint64_t handed_time; /* every play before this second is handed over; when
                             none ever was, when the oldest open batch was taken,
                             0 without one */
    int waiting;          /* 1 if none is open, some were, and there are plays
                             that no batch has held */
    uint64_t failures;    /* deliveries that failed */
    uint64_t failing;     /* 0: the last delivery succeeded */
    uint64_t refused_songs, refused_plays; /* kept aside by the consumer */
    char why[PLAYCOUNT_WHY_MAX + 1]; /* while failing: the reason; "" if there is
                                        none. No control characters, but it need
                                        not be UTF-8 */
} playcount_handoff_use;

/* [any] For monitoring; always APR_SUCCESS. */
apr_status_t playcount_handoff_usage(playcount_zone *zone,
                                     playcount_handoff_use *use);

/* [any] A delivery has ended: `failing` is 0 if it succeeded, otherwise any number
 * that stands for the reason. Returns the previous one. */
uint64_t playcount_handoff_report(playcount_zone *zone, uint64_t failing);

/* [any] The reason in words, to be shown; before it is reported. */
void playcount_handoff_explain(playcount_zone *zone, const char *why);

/* [any] So many songs, with so many plays, are kept aside by the consumer because
 * it could not add them; only kept to be shown. */
void playcount_handoff_refused(playcount_zone *zone, uint64_t songs,
                               uint64_t plays);

/* [any] 1 when there are such songs. */
int playcount_handoff_has_refused(const playcount_zone *zone);

#endif

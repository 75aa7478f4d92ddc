/* The series: what came in each interval of the last hour, per route, in
 * memory that is fixed and small.
 *
 * A ring of slots, one per interval, all of one size: PLAYCOUNT_SERIES_BYTES, or
 * more for more than 148 routes. A slot holds the records of all routes that had
 * requests in it; memory that no record needed yet is not touched:
 *
 *     version   odd while it is written, even when it is whole; 0 never used
 *     start     microseconds since 1970; length of the interval in µs
 *     bits      how fine its histograms are: 2^bits steps per octave
 *     used      bytes of records
 *     record    varints: route, then the non-zero request cells as count and
 *               (cell gap, number) pairs, then for each figure its sum, lowest,
 *               highest, and its non-zero buckets as count and (gap, number)
 *
 * The writer takes the finest `bits` (6 .. 0) with which all records fit. So
 * a few busy routes keep the full precision of 0.8 %, and many busy ones cost
 * precision, not memory or intervals. A quantile read back from a slot is
 * within 1/2^(bits+1) of the value: 0.8, 1.6, 3.1, 6.3, 12.5, 25, 50 %. If not
 * even bits=0 fits, the routes that come last keep their counts and sums only, for
 * which there is always room: that takes some 60 bytes, and there are 96 a route.
 *
 * One writer at a time (the holder of a watchdog); a writer killed half-way
 * leaves an odd version that readers skip and the next lap overwrites. Readers
 * copy a slot and compare its version before and after (a seqlock; the words
 * are atomic, so there is no data race).
 */
#ifndef PLAYCOUNT_SHM_SERIES_H
#define PLAYCOUNT_SHM_SERIES_H

#include "shm/figures/figures.h"

#define PLAYCOUNT_SERIES_BYTES 14208 /* of records in a slot, at least */
#define PLAYCOUNT_SERIES_ROUTE_BYTES 96

typedef struct {
    _Atomic uint64_t version;
    _Atomic uint64_t start;
    _Atomic uint64_t length;
    _Atomic uint64_t bits;
    _Atomic uint64_t used;
    _Atomic uint64_t record[];
} playcount_series_slot;

typedef struct {
    uint64_t slots;          /* like the next, written once, at the start */
    uint64_t bytes;          /* of records in a slot, a multiple of 8 */
    _Atomic uint64_t next;   /* intervals written so far; writer only */
    _Atomic uint64_t slot[]; /* playcount_series_slot, one behind the other */
} playcount_series;

/* For so many routes. */
size_t playcount_series_size(unsigned slots, unsigned routes);

/* In zeroed memory. */
void playcount_series_init(playcount_series *series, unsigned slots,
                           unsigned routes);

/* One route's part of an interval: for the writer. */
typedef struct {
    unsigned route;
    const playcount_totals *totals;
} playcount_series_entry;

/* Append an interval of `n` routes (n may be 0: nothing happened). One caller
 * at a time. */
void playcount_series_append(playcount_series *series, uint64_t start,
                             uint64_t length, const playcount_series_entry *entry,
                             unsigned n);

/* A slot's private copy. */
typedef struct {
    uint64_t number; /* of the interval, since the memory was made */
    uint64_t start, length;
    unsigned bits;
    size_t used, room;
    unsigned char record[]; /* [room] */
} playcount_interval;

/* One with room for any interval of this series, to be freed with free(); NULL
 * without memory. */
playcount_interval *playcount_interval_new(const playcount_series *series);

/* The numbers of the intervals that can still be read: first .. end-1. */
void playcount_series_range(const playcount_series *series, uint64_t *first,
                            uint64_t *end);

/* Copy interval `number`; 0 when it is gone, being written or was left half
 * written. Any thread of any process, any time; never waits. */
int playcount_series_read(const playcount_series *series, uint64_t number,
                          playcount_interval *copy);

/* Walk the routes of an interval. `at` starts as 0. Returns 0 at the end (or
 * at anything that is no record), else sets *route, and adds the record to
 * *sum (see playcount_totals_add) unless that is NULL. */
int playcount_interval_next(const playcount_interval *interval, size_t *at,
                            unsigned *route, playcount_totals *sum);

#endif

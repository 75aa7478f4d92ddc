/* Log-linear histograms: how often which value, to within 1 %.
 *
 * Values are whole numbers from 0 up (microseconds, bytes, blocks). The first
 * 128 buckets hold one value each; from there every octave [2^k, 2^(k+1)) is
 * cut into 64 buckets of equal width 2^(k-6):
 *
 *     bucket   0 .. 127      one value each, exact
 *     bucket 128 .. 191      [128, 256)  2 wide
 *     bucket 192 .. 255      [256, 512)  4 wide
 *     ...
 *
 * A value is read back as the middle of its bucket, which is at most half a
 * width away: an error of at most 1/128 = 0.78 % of the value. What lies above
 * the last bucket is counted in it. The idea is HdrHistogram's (Gil Tene).
 *
 * These functions compute; they hold no state and are safe anywhere. Memory
 * and atomics are the caller's: see figures.h.
 */
#ifndef PLAYCOUNT_SHM_HISTOGRAM_H
#define PLAYCOUNT_SHM_HISTOGRAM_H

#include <stdint.h>

#define PLAYCOUNT_HISTOGRAM_STEP_BITS 6
#define PLAYCOUNT_HISTOGRAM_STEPS (1u << PLAYCOUNT_HISTOGRAM_STEP_BITS)

/* How many buckets hold the values below 2^bits (bits >= 7). */
#define PLAYCOUNT_HISTOGRAM_BUCKETS(bits)                                          \
    (((bits)-PLAYCOUNT_HISTOGRAM_STEP_BITS + 1) * PLAYCOUNT_HISTOGRAM_STEPS)

/* The bucket of a value, at most `buckets - 1`. */
static inline unsigned playcount_histogram_index(uint64_t value, unsigned buckets)
{
    unsigned index;

    if (value < 2 * PLAYCOUNT_HISTOGRAM_STEPS) {
        index = (unsigned)value;
    }
    else {
        unsigned shift =
            63 - (unsigned)__builtin_clzll(value) - PLAYCOUNT_HISTOGRAM_STEP_BITS;

        index = shift * PLAYCOUNT_HISTOGRAM_STEPS + (unsigned)(value >> shift);
    }
    return index < buckets ? index : buckets - 1;
}

/* The lowest, the highest and the middle value of a bucket. */
uint64_t playcount_histogram_low(unsigned index);
uint64_t playcount_histogram_high(unsigned index);
uint64_t playcount_histogram_middle(unsigned index);

/* Coarser buckets, for the series: the steps of an octave joined until there
 * are 2^bits of them (bits <= 6). A coarse bucket is named by the first fine
 * one in it; its middle is the fine bucket that stands for all of them. Read
 * back so, a value is at most 1/2^(bits+1), and half a fine bucket, wrong. */
unsigned playcount_histogram_coarse(unsigned index, unsigned bits);
unsigned playcount_histogram_coarse_middle(unsigned coarse, unsigned bits);

/* The sum of all buckets. */
uint64_t playcount_histogram_count(const uint64_t *bucket, unsigned buckets);

/* The quantile by nearest rank: the middle of the bucket that holds the
 * ceil(q * count)-th smallest value, 0 < q <= 1. 0 if nothing was counted. */
uint64_t playcount_histogram_quantile(const uint64_t *bucket, unsigned buckets,
                                      uint64_t count, double q);

/* How many values are at most `limit`, counted in whole buckets: one whose
 * middle is at most the limit counts. */
uint64_t playcount_histogram_at_most(const uint64_t *bucket, unsigned buckets,
                                     uint64_t limit);

#endif

/* Log-linear histograms: see histogram.h. */

#include "shm/figures/histogram.h"

#include <math.h>

#define STEPS PLAYCOUNT_HISTOGRAM_STEPS
#define STEP_BITS PLAYCOUNT_HISTOGRAM_STEP_BITS

/* Buckets of the first two "octaves" are one value wide; shift 0. */
static unsigned shift_of(unsigned index)
{
    return index < 2 * STEPS ? 0 : index / STEPS - 1;
}

uint64_t playcount_histogram_low(unsigned index)
{
    unsigned shift = shift_of(index);

    return (uint64_t)(index - shift * STEPS) << shift;
}

uint64_t playcount_histogram_high(unsigned index)
{
    return playcount_histogram_low(index) + ((UINT64_C(1) << shift_of(index)) - 1);
}

uint64_t playcount_histogram_middle(unsigned index)
{
    uint64_t low = playcount_histogram_low(index);

    return low + (playcount_histogram_high(index) - low) / 2;
}

/* With b < 6 bits, the steps of an octave are joined 2^(6-b) at a time. The
 * buckets below the first full octave (0..63) are joined the same way only as
 * far as that keeps the error: value v < 64 lies in octave floor(log2 v), so
 * it may be rounded to multiples of 2^(floor(log2 v) - b). */
static unsigned joined(unsigned index, unsigned bits)
{
    if (index >= STEPS) {
        return STEP_BITS - bits;
    }
    if (index < 2) {
        return 0;
    }

    unsigned octave = 31 - (unsigned)__builtin_clz(index);

    return octave > bits ? octave - bits : 0;
}

unsigned playcount_histogram_coarse(unsigned index, unsigned bits)
{
    unsigned shift = joined(index, bits);

    return (index >> shift) << shift;
}

unsigned playcount_histogram_coarse_middle(unsigned coarse, unsigned bits)
{
    return coarse + ((1u << joined(coarse, bits)) >> 1);
}

uint64_t playcount_histogram_count(const uint64_t *bucket, unsigned buckets)
{
    uint64_t count = 0;

    for (unsigned i = 0; i < buckets; i++) {
        count += bucket[i];
    }
    return count;
}

uint64_t playcount_histogram_quantile(const uint64_t *bucket, unsigned buckets,
                                      uint64_t count, double q)
{
    uint64_t rank = (uint64_t)ceil(q * (double)count);
    uint64_t seen = 0;

    if (!count) {
        return 0;
    }
    if (rank < 1) {
        rank = 1;
    }
    for (unsigned i = 0; i < buckets; i++) {
        seen += bucket[i];
        if (seen >= rank) {
            return playcount_histogram_middle(i);
        }
    }
    return playcount_histogram_middle(buckets - 1);
}

uint64_t playcount_histogram_at_most(const uint64_t *bucket, unsigned buckets,
                                     uint64_t limit)
{
    uint64_t count = 0;

    for (unsigned i = 0; i < buckets && playcount_histogram_middle(i) <= limit;
         i++) {
        count += bucket[i];
    }
    return count;
}

/* A histogram of microseconds: log-linear, 64 steps to each power of two, so a
 * value is known to 1.6 %; after HdrHistogram (G. Tene). From 0 to 2^40 us (12
 * days); more is counted as that. One thread at a time. */
#ifndef PLAYCOUNT_COMMAND_HISTOGRAM_H
#define PLAYCOUNT_COMMAND_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_STEPS = 64, HISTOGRAM_CELLS = HISTOGRAM_STEPS * 36 };

/* All zero is an empty one. */
typedef struct {
    uint64_t cells[HISTOGRAM_CELLS];
    uint64_t n, max;
} histogram;

void histogram_add(histogram *h, uint64_t us);

/* Add all values of another. */
void histogram_merge(histogram *to, const histogram *from);

/* The value below which the share q (0 to 1) of all values is: the upper end of its
 * cell, and never above the highest value. 0 when there are none. */
uint64_t histogram_quantile(const histogram *h, double q);

#endif

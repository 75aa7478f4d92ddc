/* What reading the series for the live JSON has in common: inside the room only. */
#ifndef PLAYCOUNT_METRICS_LIVE_READ_H
#define PLAYCOUNT_METRICS_LIVE_READ_H

#include "metrics/live_series.h"

/* Text that grows. */
void playcount_text_put(playcount_text *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Add an interval's records of `route` (-1: of all) to the sum. */
void playcount_live_add_up(const playcount_interval *interval, int route,
                           playcount_totals *sum);

/* The next interval that can be read and starts at `from` or later, from number *at
 * on; 0: none before `end`. */
int playcount_live_next(uint64_t *at, uint64_t end, uint64_t from,
                        playcount_interval *interval);

/* The newest interval that can be read; 0: there is none. */
int playcount_live_newest(playcount_interval *interval);

#endif

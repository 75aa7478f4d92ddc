/* For how long a listener's next download is still the same one.
 *
 * The UTC day of the request's start: the unions of each day are independent of
 * each other and of the order of requests, so a log gives the same counts in any
 * order. Or 24 hours from the first touch: the first request that gets bytes begins
 * a window, the first one 24 hours later or more begins the next.
 *
 * Source: IAB Podcast Measurement Technical Guidelines 2.3, 5.5.1: the calendar
 * window, and the "first touch" rolling window.
 */
#ifndef PLAYCOUNT_MEDIA_RULES_WINDOW_H
#define PLAYCOUNT_MEDIA_RULES_WINDOW_H

#include <stdint.h>

typedef enum { PLAYCOUNT_WINDOW_DAY, PLAYCOUNT_WINDOW_ROLLING } playcount_window_e;

#define PLAYCOUNT_WINDOW_SECONDS 86400

/* The UTC day of a moment in seconds since 1970: days since then. */
static inline int64_t playcount_window_day(int64_t seconds)
{
    return seconds / PLAYCOUNT_WINDOW_SECONDS -
           (seconds % PLAYCOUNT_WINDOW_SECONDS < 0);
}

/* Is a request that started at `now` in the window that the one at `first` began?
 */
static inline int playcount_window_same(playcount_window_e window, int64_t first,
                                        int64_t now)
{
    if (window == PLAYCOUNT_WINDOW_DAY) {
        return playcount_window_day(first) == playcount_window_day(now);
    }
    return now - first < PLAYCOUNT_WINDOW_SECONDS;
}

#endif

/* All routes at one moment, for what shows them: inside the room only. */
#ifndef PLAYCOUNT_METRICS_SNAPSHOT_H
#define PLAYCOUNT_METRICS_SNAPSHOT_H

#include "metrics/metrics.h"

typedef struct {
    unsigned number;
    char name[PLAYCOUNT_LABEL_MAX + 1];
    uint32_t in_flight;
    uint64_t created;         /* when it was first known, µs since 1970 */
    playcount_totals *life;   /* since then */
    playcount_totals *recent; /* in the last minutes; NULL: nothing, or not asked */
} playcount_route_view;

typedef struct {
    unsigned count;
    playcount_route_view *route; /* [count], only routes that are in use */
    uint32_t in_flight;
    playcount_totals *life; /* all routes together */
    playcount_totals *recent;
    unsigned minutes;          /* what `recent` spans */
    unsigned recent_bits;      /* the coarsest of its intervals */
    unsigned recent_intervals; /* how many it has */
    uint64_t recent_us;        /* their length together */
} playcount_snapshot;

/* Copies; no process waits. With `minutes`, also the series of so many minutes.
 * NULL without memory. The memory goes with the pool. */
playcount_snapshot *playcount_snapshot_take(apr_pool_t *p, unsigned minutes);

/* The same of all routes that have a name, used or not, without the series. */
playcount_snapshot *playcount_snapshot_known(apr_pool_t *p);

/* The name of a route by number, "?" if it has none yet. */
const char *playcount_snapshot_name(const playcount_snapshot *snap,
                                    unsigned number);

#endif

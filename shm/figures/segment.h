/* The metrics' shared memory: one segment, of a size fixed at start-up.
 *
 *     header     shape; totals of the senders; state of the series
 *     routes     names                             routes.h
 *     inflight   a row per child                   inflight.h
 *     slow       the last slow requests            slow.h
 *     events     starts, restarts, killed children  events.h
 *     series     the last hour, interval by interval   series.h
 *     figures    per route, and one for "other"    figures.h
 *     trays      what is not among the figures yet, per thread     trays.h
 *     marks      per route: what the series has taken
 *     marks      per route: what statsd has been sent (if there is statsd)
 *
 * Made by the parent, inherited by every child, kept across graceful restarts.
 */
#ifndef PLAYCOUNT_SHM_SEGMENT_H
#define PLAYCOUNT_SHM_SEGMENT_H

#include "shm/figures/events.h"
#include "shm/figures/figures.h"
#include "shm/figures/inflight.h"
#include "shm/figures/routes.h"
#include "shm/figures/series.h"
#include "shm/figures/slow.h"
#include "shm/figures/trays.h"

/* Part of the key under which the memory is kept: raise it when any layout
 * changes. */
#define PLAYCOUNT_SEGMENT_VERSION 6

typedef struct {
    uint32_t routes;    /* besides "other" */
    uint32_t children;  /* rows for requests in flight */
    uint32_t intervals; /* slots of the series */
    uint32_t trays;     /* for so many threads */
    uint32_t statsd;    /* 1: with marks for statsd */
} playcount_segment_shape;

typedef struct {
    playcount_segment_shape shape;
    uint64_t started;                  /* µs since 1970 */
    _Atomic uint64_t interval_started; /* of the interval under way; its writer */
    _Atomic uint64_t statsd_datagrams; /* sent */
    _Atomic uint64_t statsd_failures;  /* datagrams the system refused */
    _Atomic uint64_t statsd_dropped;   /* raw values for which no room was left */
    _Atomic uint64_t statsd_shared;    /* requests that shared values with others */
    _Atomic uint64_t statsd_said; /* 1: logged that it is not reached; set by the
                                     process that finds that or its end */
} playcount_segment_header;

/* Where the parts lie in this process. */
typedef struct {
    playcount_segment_header *header;
    playcount_routes *routes;
    playcount_inflight *inflight;
    playcount_slow *slow;
    playcount_events *events;
    playcount_series *series;
    playcount_figures *figures; /* [routes + 1] */
    playcount_trays *trays;
    playcount_mark *series_marks; /* [routes + 1] */
    playcount_mark *statsd_marks; /* [routes + 1] or NULL */
    unsigned count;               /* routes + 1 */
    size_t size;
} playcount_segment;

size_t playcount_segment_size(const playcount_segment_shape *shape);

/* Find the parts in memory of that size. */
void playcount_segment_map(playcount_segment *seg, void *memory,
                           const playcount_segment_shape *shape);

/* Before figures are read: what the trays hold is added to them. Any thread of any
 * process. */
static inline void playcount_segment_gather(const playcount_segment *seg)
{
    playcount_trays_empty(seg->trays, seg->figures);
}

/* Write what zeroed memory lacks: once, before any child lives. */
void playcount_segment_init(playcount_segment *seg,
                            const playcount_segment_shape *shape,
                            const uint64_t key[2], uint64_t now);

#endif

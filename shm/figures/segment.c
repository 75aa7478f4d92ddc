/* The metrics' shared memory: see segment.h. */

#include "shm/figures/segment.h"

static size_t align(size_t n)
{
    return (n + 63) & ~(size_t)63;
}

/* The next part: where it starts, and the end moved past it. */
static char *part(char *base, size_t *end, size_t size)
{
    char *start = base + *end;

    *end += align(size);
    return start;
}

static void lay_out(playcount_segment *seg, char *base,
                    const playcount_segment_shape *shape)
{
    unsigned count = shape->routes + 1;
    size_t end = 0;

    seg->count = count;
    seg->header = (void *)part(base, &end, sizeof(*seg->header));
    seg->routes = (void *)part(base, &end, playcount_routes_size(shape->routes));
    seg->inflight =
        (void *)part(base, &end, playcount_inflight_size(shape->children, count));
    seg->slow = (void *)part(base, &end, sizeof(*seg->slow));
    seg->events = (void *)part(base, &end, sizeof(*seg->events));
    seg->series = (void *)part(
        base, &end, playcount_series_size(shape->intervals, shape->routes));
    seg->figures = (void *)part(base, &end, count * sizeof(*seg->figures));
    seg->trays = (void *)part(base, &end, playcount_trays_size(shape->trays));
    seg->series_marks = (void *)part(base, &end, count * sizeof(playcount_mark));
    seg->statsd_marks =
        shape->statsd ? (void *)part(base, &end, count * sizeof(playcount_mark))
                      : NULL;
    seg->size = end;
}

size_t playcount_segment_size(const playcount_segment_shape *shape)
{
    static char nowhere[1];
    playcount_segment seg;

    lay_out(&seg, nowhere, shape);
    return seg.size + 63; /* room to start at a cache line */
}

void playcount_segment_map(playcount_segment *seg, void *memory,
                           const playcount_segment_shape *shape)
{
    lay_out(seg, (char *)align((size_t)memory), shape);
}

void playcount_segment_init(playcount_segment *seg,
                            const playcount_segment_shape *shape,
                            const uint64_t key[2], uint64_t now)
{
    seg->header->shape = *shape;
    seg->header->started = now;
    atomic_store_explicit(&seg->header->interval_started, now,
                          memory_order_relaxed);
    playcount_routes_init(seg->routes, shape->routes, key);
    playcount_inflight_init(seg->inflight, shape->children, seg->count);
    playcount_trays_init(seg->trays, shape->trays);
    playcount_series_init(seg->series, shape->intervals, shape->routes);
}

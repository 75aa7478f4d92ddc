/* Requests in flight, right even after a child was killed.
 *
 *     row 0            shared by all children for whom no row was left
 *     row 1 .. rows    pid (negative once it ends in good order), then a count per
 *                      route
 *
 * Each child counts in a row of its own. The parent, which httpd tells of
 * every child that ends however it ends, empties the row of that child; so
 * what a killed child had in flight goes with it. A row's counts are added to
 * and taken from by the threads of one process, atomically.
 */
#ifndef PLAYCOUNT_SHM_INFLIGHT_H
#define PLAYCOUNT_SHM_INFLIGHT_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint32_t rows;   /* besides row 0 */
    uint32_t routes; /* with "other" */
    _Atomic int32_t cell[];
} playcount_inflight;

size_t playcount_inflight_size(unsigned rows, unsigned routes);

/* In zeroed memory. */
void playcount_inflight_init(playcount_inflight *in, unsigned rows,
                             unsigned routes);

/* A child's row, claimed for its pid; row 0 if none is left. */
_Atomic int32_t *playcount_inflight_claim(playcount_inflight *in, int32_t pid);

/* The child says that it ends in good order; at its end, in the row that it
 * claimed. */
void playcount_inflight_leave(_Atomic int32_t *row);

/* Empty and free the row of a process that has ended. Parent only. 1 if it had a
 * row and has not said that it ends: it was killed, or crashed. */
int playcount_inflight_release(playcount_inflight *in, int32_t pid);

/* How many requests of a route are in flight. Any thread of any process. */
uint32_t playcount_inflight_count(const playcount_inflight *in, unsigned route);

/* Count a request of a route in and out, in a row that was claimed. */
static inline void playcount_inflight_add(_Atomic int32_t *row, unsigned route,
                                          int n)
{
    atomic_fetch_add_explicit(&row[1 + route], n, memory_order_relaxed);
}

#endif

/* What is kept of the requests of one route: how many by method, status class
 * and outcome, and for five figures a histogram with sum, lowest and highest.
 *
 * In shared memory it is a playcount_figures, 76 kB, written by every process
 * and thread with relaxed atomic adds: each word is a count of its own, and a
 * reader that sees one request's adds half done is off by that request. Only
 * the count of requests is added with release order, after all else, so a reader
 * that sees a request counted sees its figures too.
 *
 *     offset   field      written
 *          0   sum        add                      one line for all five, so
 *         64   highest    raised, seldom           that a request costs few
 *        128   lowest     raised, seldom           cache misses
 *        192   requests   add, release
 *       1664   bucket     add; five histograms one after another
 *
 * A playcount_totals is the same in plain words, private to the code that works
 * with it: a copy, a difference of two moments, a sum over routes or intervals.
 */
#ifndef PLAYCOUNT_SHM_FIGURES_H
#define PLAYCOUNT_SHM_FIGURES_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "shm/figures/histogram.h"

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "64-bit atomics must be lock-free");

typedef enum {
    PLAYCOUNT_REQUEST_TIME, /* µs */
    PLAYCOUNT_APPLICATION_TIME,
    PLAYCOUNT_OUTPUT_TIME,
    PLAYCOUNT_OUTPUT_BLOCKS,
    PLAYCOUNT_OUTPUT_LENGTH, /* bytes */
    PLAYCOUNT_FIGURES
} playcount_figure_e;

typedef enum {
    PLAYCOUNT_METHOD_GET,
    PLAYCOUNT_METHOD_HEAD,
    PLAYCOUNT_METHOD_POST,
    PLAYCOUNT_METHOD_PUT,
    PLAYCOUNT_METHOD_DELETE,
    PLAYCOUNT_METHOD_PATCH,
    PLAYCOUNT_METHOD_OPTIONS,
    PLAYCOUNT_METHOD_CONNECT,
    PLAYCOUNT_METHOD_OTHER,
    PLAYCOUNT_METHODS
} playcount_method_e;

/* Status classes 1xx to 5xx are 0 to 4, anything else 5. */
#define PLAYCOUNT_CLASSES 6

typedef enum {
    PLAYCOUNT_COMPLETE,
    PLAYCOUNT_ABORTED, /* the client went away */
    PLAYCOUNT_ERROR,   /* status 5xx, or broken off by the server */
    PLAYCOUNT_OUTCOMES
} playcount_outcome_e;

#define PLAYCOUNT_CELLS (PLAYCOUNT_METHODS * PLAYCOUNT_CLASSES * PLAYCOUNT_OUTCOMES)

/* Times and blocks up to 2^32 (71 minutes, in µs), lengths up to 2^44 bytes. */
#define PLAYCOUNT_SHORT_BUCKETS PLAYCOUNT_HISTOGRAM_BUCKETS(32)
#define PLAYCOUNT_LENGTH_BUCKETS PLAYCOUNT_HISTOGRAM_BUCKETS(44)
#define PLAYCOUNT_BUCKETS                                                          \
    ((PLAYCOUNT_FIGURES - 1) * PLAYCOUNT_SHORT_BUCKETS + PLAYCOUNT_LENGTH_BUCKETS)

typedef struct {
    _Alignas(64) _Atomic uint64_t sum[PLAYCOUNT_FIGURES];
    _Alignas(64) _Atomic uint64_t highest[PLAYCOUNT_FIGURES];
    _Alignas(64) _Atomic uint64_t lowest[PLAYCOUNT_FIGURES]; /* UINT64_MAX - lowest,
                                                                0: none yet */
    _Alignas(64) _Atomic uint64_t requests[PLAYCOUNT_CELLS];
    _Alignas(64) _Atomic uint64_t bucket[PLAYCOUNT_BUCKETS];
} playcount_figures;

typedef struct {
    uint64_t sum[PLAYCOUNT_FIGURES];
    uint64_t highest[PLAYCOUNT_FIGURES];
    uint64_t lowest[PLAYCOUNT_FIGURES];
    uint64_t requests[PLAYCOUNT_CELLS];
    uint64_t bucket[PLAYCOUNT_BUCKETS];
} playcount_totals;

/* Where a figure's histogram lies in `bucket`, and how long it is. */
static inline unsigned playcount_first_bucket(playcount_figure_e figure)
{
    return (unsigned)figure * PLAYCOUNT_SHORT_BUCKETS;
}

static inline unsigned playcount_bucket_count(playcount_figure_e figure)
{
    return figure == PLAYCOUNT_OUTPUT_LENGTH ? PLAYCOUNT_LENGTH_BUCKETS
                                             : PLAYCOUNT_SHORT_BUCKETS;
}

static inline unsigned playcount_cell(playcount_method_e method,
                                      unsigned status_class,
                                      playcount_outcome_e outcome)
{
    return ((unsigned)method * PLAYCOUNT_CLASSES + status_class) *
               PLAYCOUNT_OUTCOMES +
           (unsigned)outcome;
}

/* The names used in every output: "request_time" ...; "GET" ... "other";
 * "1xx" ... "5xx", "other"; "complete", "aborted", "error". */
extern const char *const playcount_figure_names[PLAYCOUNT_FIGURES];
extern const char *const playcount_method_names[PLAYCOUNT_METHODS];
extern const char *const playcount_class_names[PLAYCOUNT_CLASSES];
extern const char *const playcount_outcome_names[PLAYCOUNT_OUTCOMES];

/* Count one request. Any thread of any process. No lock, no system call. */
void playcount_figures_add(playcount_figures *figures, unsigned cell,
                           const uint64_t value[PLAYCOUNT_FIGURES]);

/* The same in two steps, for n requests at once (n > 0): their values of each
 * figure, and when all of these are there, the requests. */
void playcount_figures_add_values(playcount_figures *figures, playcount_figure_e f,
                                  const uint64_t *value, unsigned n);
void playcount_figures_add_requests(playcount_figures *figures, unsigned cell,
                                    unsigned n);

/* A copy of the moment. Any thread of any process. */
void playcount_figures_read(const playcount_figures *figures,
                            playcount_totals *copy);

/* Working with copies. */
void playcount_totals_add(playcount_totals *sum, const playcount_totals *more);
uint64_t playcount_totals_requests(const playcount_totals *t);
uint64_t playcount_totals_outcome(const playcount_totals *t, playcount_outcome_e o);
uint64_t playcount_totals_method(const playcount_totals *t, playcount_method_e m);
uint64_t playcount_totals_class(const playcount_totals *t, unsigned status_class);

/* A figure in short. `count` is what its histogram holds. All values are in
 * the figure's unit; the quantiles are within 0.78 %, the rest is exact. */
typedef struct {
    uint64_t count, sum, lowest, highest;
    double average;
    uint64_t median, p95, p99, p999;
} playcount_summary;

void playcount_totals_summary(const playcount_totals *t, playcount_figure_e figure,
                              playcount_summary *summary);

/* What has been taken from a route so far: the low 32 bits of each of its counts,
 * which is enough for differences below two thousand million. In shared memory, so
 * that another process can go on where one was killed. A word only moves forward,
 * by compare and exchange: of two that take at once, as may happen while a graceful
 * restart goes on, each count goes to one. */
typedef struct {
    _Atomic uint64_t sum[PLAYCOUNT_FIGURES];
    _Atomic uint32_t requests[PLAYCOUNT_CELLS];
    _Atomic uint32_t bucket[PLAYCOUNT_BUCKETS];
} playcount_mark;

/* What has come since the mark, and the mark moved. Returns how many requests
 * that is; with 0, `since` is not written. The lowest and highest of `since`
 * are its outermost buckets' middles, within the lowest and highest ever. */
uint64_t playcount_mark_take(playcount_mark *mark, const playcount_figures *figures,
                             playcount_totals *since);

/* How many requests that would take, about: others may come meanwhile. */
uint64_t playcount_mark_waiting(const playcount_mark *mark,
                                const playcount_figures *figures);

#endif

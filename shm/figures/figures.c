/* What is kept of the requests of one route: see figures.h. */

#include "shm/figures/figures.h"

#include <string.h>

const char *const playcount_figure_names[PLAYCOUNT_FIGURES] = {
    "request_time", "application_time", "output_time", "output_blocks",
    "output_length"};

const char *const playcount_method_names[PLAYCOUNT_METHODS] = {
    "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "other"};

const char *const playcount_class_names[PLAYCOUNT_CLASSES] = {
    "1xx", "2xx", "3xx", "4xx", "5xx", "other"};

const char *const playcount_outcome_names[PLAYCOUNT_OUTCOMES] = {
    "complete", "aborted", "error"};

static void raise_to(_Atomic uint64_t *word, uint64_t value)
{
    uint64_t old = atomic_load_explicit(word, memory_order_relaxed);

    while (old < value &&
           !atomic_compare_exchange_weak_explicit(
               word, &old, value, memory_order_relaxed, memory_order_relaxed)) {
    }
}

static void add(_Atomic uint64_t *word, uint64_t n)
{
    atomic_fetch_add_explicit(word, n, memory_order_relaxed);
}

void playcount_figures_add_values(playcount_figures *figures, playcount_figure_e f,
                                  const uint64_t *value, unsigned n)
{
    _Atomic uint64_t *bucket = &figures->bucket[playcount_first_bucket(f)];
    unsigned buckets = playcount_bucket_count(f), equal = 0;
    unsigned last = playcount_histogram_index(value[0], buckets);
    uint64_t sum = 0, highest = 0, lowest = UINT64_MAX;

    for (unsigned i = 0; i < n; i++) {
        unsigned at;

        sum += value[i];
        if (i && value[i] == value[i - 1]) {
            equal++;
            continue;
        }
        at = playcount_histogram_index(value[i], buckets);
        if (at != last) {
            add(&bucket[last], equal);
            last = at;
            equal = 0;
        }
        equal++;
        highest = value[i] > highest ? value[i] : highest;
        lowest = value[i] < lowest ? value[i] : lowest;
    }
    add(&bucket[last], equal);
    add(&figures->sum[f], sum);
    raise_to(&figures->highest[f], highest);
    raise_to(&figures->lowest[f], UINT64_MAX - lowest);
}

void playcount_figures_add_requests(playcount_figures *figures, unsigned cell,
                                    unsigned n)
{
    atomic_fetch_add_explicit(&figures->requests[cell], n, memory_order_release);
}

void playcount_figures_add(playcount_figures *figures, unsigned cell,
                           const uint64_t value[PLAYCOUNT_FIGURES])
{
    for (int f = 0; f < PLAYCOUNT_FIGURES; f++) {
        playcount_figures_add_values(figures, f, &value[f], 1);
    }
    playcount_figures_add_requests(figures, cell, 1);
}

void playcount_figures_read(const playcount_figures *figures,
                            playcount_totals *copy)
{
    for (unsigned i = 0; i < PLAYCOUNT_CELLS; i++) {
        copy->requests[i] =
            atomic_load_explicit(&figures->requests[i], memory_order_acquire);
    }
    for (unsigned i = 0; i < PLAYCOUNT_BUCKETS; i++) {
        copy->bucket[i] =
            atomic_load_explicit(&figures->bucket[i], memory_order_relaxed);
    }
    for (int f = 0; f < PLAYCOUNT_FIGURES; f++) {
        uint64_t lowest =
            atomic_load_explicit(&figures->lowest[f], memory_order_relaxed);

        copy->sum[f] = atomic_load_explicit(&figures->sum[f], memory_order_relaxed);
        copy->highest[f] =
            atomic_load_explicit(&figures->highest[f], memory_order_relaxed);
        copy->lowest[f] = lowest ? UINT64_MAX - lowest : 0;
    }
}

void playcount_totals_add(playcount_totals *sum, const playcount_totals *more)
{
    if (!playcount_totals_requests(more)) {
        return;
    }

    int first = !playcount_totals_requests(sum);

    for (int f = 0; f < PLAYCOUNT_FIGURES; f++) {
        sum->sum[f] += more->sum[f];
        if (first || more->lowest[f] < sum->lowest[f]) {
            sum->lowest[f] = more->lowest[f];
        }
        if (first || more->highest[f] > sum->highest[f]) {
            sum->highest[f] = more->highest[f];
        }
    }
    for (unsigned i = 0; i < PLAYCOUNT_CELLS; i++) {
        sum->requests[i] += more->requests[i];
    }
    for (unsigned i = 0; i < PLAYCOUNT_BUCKETS; i++) {
        sum->bucket[i] += more->bucket[i];
    }
}

uint64_t playcount_totals_requests(const playcount_totals *t)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < PLAYCOUNT_CELLS; i++) {
        n += t->requests[i];
    }
    return n;
}

uint64_t playcount_totals_outcome(const playcount_totals *t, playcount_outcome_e o)
{
    uint64_t n = 0;

    for (unsigned i = o; i < PLAYCOUNT_CELLS; i += PLAYCOUNT_OUTCOMES) {
        n += t->requests[i];
    }
    return n;
}

uint64_t playcount_totals_method(const playcount_totals *t, playcount_method_e m)
{
    const uint64_t *first = &t->requests[playcount_cell(m, 0, 0)];
    uint64_t n = 0;

    for (unsigned i = 0; i < PLAYCOUNT_CLASSES * PLAYCOUNT_OUTCOMES; i++) {
        n += first[i];
    }
    return n;
}

uint64_t playcount_totals_class(const playcount_totals *t, unsigned status_class)
{
    uint64_t n = 0;

    for (int m = 0; m < PLAYCOUNT_METHODS; m++) {
        for (int o = 0; o < PLAYCOUNT_OUTCOMES; o++) {
            n += t->requests[playcount_cell(m, status_class, o)];
        }
    }
    return n;
}

/* A bucket's middle can lie beyond what was ever seen; the extremes are exact. */
static uint64_t quantile(const playcount_totals *t, playcount_figure_e f,
                         uint64_t count, double q)
{
    uint64_t v = playcount_histogram_quantile(t->bucket + playcount_first_bucket(f),
                                              playcount_bucket_count(f), count, q);

    if (v > t->highest[f]) {
        return t->highest[f];
    }
    return v < t->lowest[f] ? t->lowest[f] : v;
}

void playcount_totals_summary(const playcount_totals *t, playcount_figure_e f,
                              playcount_summary *s)
{
    uint64_t n = playcount_histogram_count(t->bucket + playcount_first_bucket(f),
                                           playcount_bucket_count(f));

    s->count = n;
    s->sum = t->sum[f];
    s->lowest = t->lowest[f];
    s->highest = t->highest[f];
    s->average = n ? (double)t->sum[f] / (double)n : 0;
    s->median = quantile(t, f, n, 0.5);
    s->p95 = quantile(t, f, n, 0.95);
    s->p99 = quantile(t, f, n, 0.99);
    s->p999 = quantile(t, f, n, 0.999);
}

/* Lowest and highest of a difference, from its outermost buckets. */
static void find_extremes(const playcount_figures *figures, playcount_totals *t,
                          playcount_figure_e f)
{
    const uint64_t *bucket = t->bucket + playcount_first_bucket(f);
    uint64_t ever =
        atomic_load_explicit(&figures->highest[f], memory_order_relaxed);
    int first = -1, last = -1;

    for (unsigned i = 0; i < playcount_bucket_count(f); i++) {
        if (bucket[i]) {
            first = first < 0 ? (int)i : first;
            last = (int)i;
        }
    }
    t->lowest[f] = first < 0 ? 0 : playcount_histogram_middle((unsigned)first);
    t->highest[f] = last < 0 ? 0 : playcount_histogram_middle((unsigned)last);
    if (t->highest[f] > ever) {
        t->highest[f] = ever;
    }
    if (t->lowest[f] > t->highest[f]) {
        t->lowest[f] = t->highest[f];
    }
}

/* Moves a word of a mark forward to what is there now; by how much. */
static uint32_t take(_Atomic uint32_t *mark, const _Atomic uint64_t *word)
{
    uint32_t now = (uint32_t)atomic_load_explicit(word, memory_order_relaxed);
    uint32_t old = atomic_load_explicit(mark, memory_order_relaxed);

    while ((int32_t)(now - old) > 0) {
        if (atomic_compare_exchange_weak_explicit(
                mark, &old, now, memory_order_relaxed, memory_order_relaxed)) {
            return now - old;
        }
    }
    return 0;
}

static uint64_t take_sum(_Atomic uint64_t *mark, const _Atomic uint64_t *word)
{
    uint64_t now = atomic_load_explicit(word, memory_order_relaxed);
    uint64_t old = atomic_load_explicit(mark, memory_order_relaxed);

    while ((int64_t)(now - old) > 0) {
        if (atomic_compare_exchange_weak_explicit(
                mark, &old, now, memory_order_relaxed, memory_order_relaxed)) {
            return now - old;
        }
    }
    return 0;
}

uint64_t playcount_mark_waiting(const playcount_mark *mark,
                                const playcount_figures *figures)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < PLAYCOUNT_CELLS; i++) {
        uint32_t now = (uint32_t)atomic_load_explicit(&figures->requests[i],
                                                      memory_order_relaxed);
        uint32_t old =
            atomic_load_explicit(&mark->requests[i], memory_order_relaxed);

        n += (int32_t)(now - old) > 0 ? now - old : 0;
    }
    return n;
}

static int has_grown(const playcount_mark *mark, const playcount_figures *figures)
{
    for (unsigned i = 0; i < PLAYCOUNT_CELLS; i++) {
        uint64_t now =
            atomic_load_explicit(&figures->requests[i], memory_order_relaxed);

        if ((uint32_t)now !=
            atomic_load_explicit(&mark->requests[i], memory_order_relaxed)) {
            return 1;
        }
    }
    return 0;
}

uint64_t playcount_mark_take(playcount_mark *mark, const playcount_figures *figures,
                             playcount_totals *since)
{
    uint64_t grown = 0;

    if (!has_grown(mark, figures)) {
        return 0;
    }
    for (unsigned i = 0; i < PLAYCOUNT_CELLS; i++) {
        since->requests[i] = take(&mark->requests[i], &figures->requests[i]);
        grown += since->requests[i];
    }
    if (!grown) {
        return 0;
    }
    /* A request that was seen counted has its figures there. */
    atomic_thread_fence(memory_order_acquire);
    for (unsigned i = 0; i < PLAYCOUNT_BUCKETS; i++) {
        since->bucket[i] = take(&mark->bucket[i], &figures->bucket[i]);
    }
    for (int f = 0; f < PLAYCOUNT_FIGURES; f++) {
        since->sum[f] = take_sum(&mark->sum[f], &figures->sum[f]);
        find_extremes(figures, since, f);
    }
    return grown;
}

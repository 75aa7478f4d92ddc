/* The series: an hour of intervals in fixed memory, exact while it is roomy,
 * coarser as it fills, readable while it is written and after a writer died. */

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shm/figures/series.h"
#include "fixture.h"

enum { SLOTS = 8, ROUTES = 65 };

static playcount_series *series;

static playcount_totals *totals_of(uint64_t first, uint64_t step, int n)
{
    playcount_figures *f = aligned_alloc(64, sizeof(*f));
    playcount_totals *t = calloc(1, sizeof(*t));

    memset(f, 0, sizeof(*f));
    for (int i = 0; i < n; i++) {
        uint64_t v = first + step * (uint64_t)i;
        uint64_t value[PLAYCOUNT_FIGURES] = {v, v, v, 1, v * 100};

        playcount_figures_add(f, playcount_cell(0, 1, 0), value);
    }
    playcount_figures_read(f, t);
    free(f);
    return t;
}

static int read_route(uint64_t number, unsigned wanted, playcount_totals *sum)
{
    playcount_interval *interval = playcount_interval_new(series);
    unsigned route;
    size_t at = 0;
    int found = 0;

    if (playcount_series_read(series, number, interval)) {
        for (;;) {
            playcount_totals *one = calloc(1, sizeof(*one));
            int more = playcount_interval_next(interval, &at, &route, one);

            if (more && route == wanted) {
                playcount_totals_add(sum, one);
                found = 1 + (int)interval->bits;
            }
            free(one);
            if (!more) {
                break;
            }
        }
    }
    free(interval);
    return found;
}

static void test_exact(void)
{
    playcount_totals *t = totals_of(1000, 7, 500), *back = calloc(1, sizeof(*back));
    playcount_series_entry entry = {5, t};
    uint64_t first, end;

    playcount_series_append(series, 111, 222, &entry, 1);
    playcount_series_range(series, &first, &end);
    is(end, 1, "one interval is there");
    is((uint64_t)read_route(0, 5, back), 7, "at full precision");
    ok(!memcmp(t, back, sizeof(*t)), "and it is what was put in");
    is((uint64_t)read_route(0, 4, back), 0, "no other route is in it");
    free(t);
    free(back);
}

static void test_many(unsigned routes, int n, uint64_t step)
{
    playcount_series_entry *entry = malloc(routes * sizeof(*entry));
    playcount_totals *t = totals_of(50, step, n), *back = calloc(1, sizeof(*back));
    playcount_summary was, now;
    unsigned bits, whole = 0;
    uint64_t first, end;

    for (unsigned i = 0; i < routes; i++) {
        entry[i].route = i;
        entry[i].totals = t;
    }
    playcount_series_append(series, 1, 2, entry, routes);
    playcount_series_range(series, &first, &end);
    bits = (unsigned)read_route(end - 1, 0, back) - 1;
    playcount_totals_summary(t, PLAYCOUNT_REQUEST_TIME, &was);
    playcount_totals_summary(back, PLAYCOUNT_REQUEST_TIME, &now);

    double error = (double)now.p95 / (double)was.p95 - 1;

    ok(bits <= 6 && error <= 1.0 / (2u << bits) + 0.02 &&
           error >= -1.0 / (2u << bits) - 0.02,
       "%u busy routes: 95 %% is off by %.1f %%, %u steps per octave", routes,
       100 * error, 1u << bits);
    ok(now.sum == was.sum && now.lowest == was.lowest && now.highest == was.highest,
       "%u busy routes: sums and extremes stay exact", routes);
    for (unsigned i = 0; i < routes; i++) {
        memset(back, 0, sizeof(*back));
        read_route(end - 1, i, back);
        whole += playcount_totals_requests(back) == (uint64_t)n;
    }
    is(whole, routes, "and every route is there with all its requests");
    free(entry);
    free(t);
    free(back);
}

static void test_ring(void)
{
    playcount_totals *t = totals_of(10, 1, 10), *back = calloc(1, sizeof(*back));
    playcount_series_entry entry = {1, t};
    uint64_t first, end;

    for (int i = 0; i < 3 * SLOTS; i++) {
        playcount_series_append(series, 0, 0, &entry, 1);
    }
    playcount_series_range(series, &first, &end);
    is(end - first, SLOTS, "the ring keeps as many intervals as it has slots");
    ok(read_route(first, 1, back) > 0, "the oldest can be read");
    is((uint64_t)read_route(first - 1, 1, back), 0, "the one before it is gone");

    /* A writer that died after it had begun on a slot. */
    size_t words = (sizeof(playcount_series_slot) + series->bytes) / 8;
    atomic_store(&series->slot[(end % SLOTS) * words], 2 * end + 1);
    is((uint64_t)read_route(end - SLOTS, 1, back), 0,
       "a half-written interval is skipped");
    ok(read_route(end - 1, 1, back) > 0, "the others can be read");
    playcount_series_append(series, 0, 0, &entry, 1);
    ok(read_route(end, 1, back) > 0, "and the next writer goes on");
    free(t);
    free(back);
}

static _Atomic int stop;

static void *write_on(void *unused)
{
    playcount_totals *t = totals_of(1000, 13, 300);
    playcount_series_entry entry = {0, t};

    for (unsigned i = 0; !atomic_load(&stop); i++) {
        entry.route = i % 60;
        playcount_series_append(series, i, i, &entry, 1);
    }
    free(t);
    return unused;
}

/* Every interval that can be read is whole. */
static void test_concurrent(void)
{
    playcount_interval *interval = playcount_interval_new(series);
    playcount_totals *sum = malloc(sizeof(*sum));
    uint64_t first, end, whole = 0, torn = 0;
    pthread_t writer;

    pthread_create(&writer, NULL, write_on, NULL);
    while (whole < 2000) {
        playcount_series_range(series, &first, &end);
        for (uint64_t i = first; i < end; i++) {
            unsigned route;
            size_t at = 0;

            if (!playcount_series_read(series, i, interval) ||
                interval->length != interval->start) {
                continue;
            }
            memset(sum, 0, sizeof(*sum));
            if (playcount_interval_next(interval, &at, &route, sum) &&
                (playcount_totals_requests(sum) == 300 ||
                 playcount_totals_requests(sum) == 10)) {
                whole++;
            }
            else {
                torn++;
            }
        }
    }
    atomic_store(&stop, 1);
    pthread_join(writer, NULL);
    is(torn, 0, "thousands of readings beside a writer, none torn");
    free(interval);
    free(sum);
}

/* Any bytes in a slot are read without harm. */
static void test_garbage(void)
{
    playcount_interval *interval = playcount_interval_new(series);
    playcount_totals *sum = malloc(sizeof(*sum));
    uint64_t rounds = 0;

    srand(1);
    for (int i = 0; i < 20000; i++) {
        unsigned route;
        size_t at = 0;

        interval->bits = (unsigned)rand() % 9;
        interval->used = (size_t)rand() % interval->room;
        for (size_t j = 0; j < 200; j++) {
            interval->record[j] = (unsigned char)(rand() >> (rand() % 8));
        }
        memset(sum, 0, sizeof(*sum));
        while (playcount_interval_next(interval, &at, &route, sum) &&
               rounds < 1000000) {
            rounds++;
        }
    }
    ok(rounds < 1000000, "garbage ends the walk");
    free(interval);
    free(sum);
}

static playcount_series *new_series(unsigned routes)
{
    void *memory = mmap(NULL, playcount_series_size(SLOTS, routes),
                        PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    playcount_series_init(memory, SLOTS, routes);
    return memory;
}

int main(void)
{
    series = new_series(1000);
    test_many(1000, 1000, 987);
    series = new_series(ROUTES);
    test_exact();
    test_many(3, 2000, 17);
    test_many(20, 2000, 170);
    test_many(65, 5000, 1700);
    test_ring();
    test_concurrent();
    test_garbage();
    return done_testing();
}

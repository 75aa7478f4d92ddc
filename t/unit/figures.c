/* What is kept per route: exact counts and sums under concurrent writers in
 * several processes, and differences that lose nothing. */

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shm/figures/figures.h"
#include "fixture.h"

static playcount_figures *figures;

static void *hammer(void *data)
{
    uint64_t n = (uint64_t)(uintptr_t)data;

    for (uint64_t i = 1; i <= n; i++) {
        uint64_t value[PLAYCOUNT_FIGURES] = {i, i, i, 3, 1000 + i};

        playcount_figures_add(
            figures, playcount_cell(i % PLAYCOUNT_METHODS, i % 5, i % 3), value);
    }
    return NULL;
}

static void check_total(const playcount_totals *t, uint64_t threads, uint64_t n,
                        const char *who)
{
    playcount_summary time, blocks, length;
    uint64_t by_method = 0, by_class = 0, by_outcome = 0;

    for (int i = 0; i < PLAYCOUNT_METHODS; i++) {
        by_method += playcount_totals_method(t, i);
    }
    for (unsigned i = 0; i < PLAYCOUNT_CLASSES; i++) {
        by_class += playcount_totals_class(t, i);
    }
    for (int i = 0; i < PLAYCOUNT_OUTCOMES; i++) {
        by_outcome += playcount_totals_outcome(t, i);
    }
    playcount_totals_summary(t, PLAYCOUNT_REQUEST_TIME, &time);
    playcount_totals_summary(t, PLAYCOUNT_OUTPUT_BLOCKS, &blocks);
    playcount_totals_summary(t, PLAYCOUNT_OUTPUT_LENGTH, &length);
    ok(playcount_totals_requests(t) == threads * n && time.count == threads * n,
       "%s: every request is there once", who);
    ok(by_method == threads * n && by_class == threads * n &&
           by_outcome == threads * n,
       "%s: by method, by status and by outcome", who);
    ok(time.sum == threads * n * (n + 1) / 2 && blocks.sum == threads * n * 3,
       "%s: sums are exact", who);
    ok(time.lowest == 1 && time.highest == n && length.highest == 1000 + n,
       "%s: lowest and highest are exact", who);
    ok(blocks.median == 3 && blocks.p999 == 3, "%s: small values are exact", who);
}

int main(void)
{
    enum { PROCESSES = 3, THREADS = 2, N = 30000 };
    playcount_totals *t = calloc(1, sizeof(*t)), *sum = calloc(1, sizeof(*sum));
    playcount_totals *since = calloc(1, sizeof(*since));
    playcount_mark *mark = calloc(1, sizeof(*mark));
    uint64_t taken = 0;
    int running = PROCESSES;

    figures = mmap(NULL, sizeof(*figures), PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int p = 0; p < PROCESSES; p++) {
        if (test_fork() == 0) {
            pthread_t thread[THREADS];

            for (int i = 0; i < THREADS; i++) {
                pthread_create(&thread[i], NULL, hammer, (void *)(uintptr_t)N);
            }
            for (int i = 0; i < THREADS; i++) {
                pthread_join(thread[i], NULL);
            }
            _exit(0);
        }
    }
    /* Differences are taken all the while. */
    while (running) {
        running -= waitpid(-1, NULL, WNOHANG) > 0;
        if (playcount_mark_take(mark, figures, since)) {
            taken += playcount_totals_requests(since);
            for (unsigned i = 0; i < PLAYCOUNT_BUCKETS; i++) {
                sum->bucket[i] += since->bucket[i];
            }
            for (int f = 0; f < PLAYCOUNT_FIGURES; f++) {
                sum->sum[f] += since->sum[f];
            }
        }
    }
    if (playcount_mark_take(mark, figures, since)) {
        taken += playcount_totals_requests(since);
        for (unsigned i = 0; i < PLAYCOUNT_BUCKETS; i++) {
            sum->bucket[i] += since->bucket[i];
        }
    }
    playcount_figures_read(figures, t);
    check_total(t, PROCESSES * THREADS, N, "several processes");
    is(taken, PROCESSES * THREADS * N, "differences add up to the whole");
    ok(!memcmp(sum->bucket, t->bucket, sizeof(t->bucket)), "bucket by bucket");
    is(playcount_mark_take(mark, figures, since), 0, "then there is nothing new");

    memset(sum, 0, sizeof(*sum));
    playcount_totals_add(sum, t);
    playcount_totals_add(sum, t);
    is(playcount_totals_requests(sum), 2 * PROCESSES * THREADS * N,
       "totals can be added");
    is(sum->lowest[PLAYCOUNT_REQUEST_TIME], 1, "with the lowest");
    ok(sizeof(playcount_figures) < 80000, "a route takes less than 80 kB");
    return done_testing();
}

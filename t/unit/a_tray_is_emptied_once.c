/* Requests that lie in trays are added to the figures once, whoever empties them
 * and however often, while several threads write them; a killed process leaves them
 * to the parent. */

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shm/figures/trays.h"
#include "fixture.h"

enum { ROUTES = 3, TRAYS = 8, PROCESSES = 3, THREADS = 3, N = 40000 };

static playcount_figures *figures;
static playcount_trays *trays;

static void *shared(size_t size)
{
    return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
                0);
}

static void count(playcount_tray *tray, uint64_t i)
{
    uint64_t value[PLAYCOUNT_FIGURES] = {i, i / 2, i / 4, 1, 1000 + i};

    if (!tray || !playcount_tray_add(tray, figures, i % ROUTES, i % PLAYCOUNT_CELLS,
                                     value)) {
        playcount_figures_add(&figures[i % ROUTES], i % PLAYCOUNT_CELLS, value);
    }
}

static void *work(void *tray)
{
    for (uint64_t i = 1; i <= N; i++) {
        count(tray, i);
    }
    return NULL;
}

static void work_in_threads(void)
{
    playcount_tray *tray = playcount_tray_claim(trays, (int32_t)getpid());
    pthread_t thread[THREADS];

    for (int i = 0; i < THREADS; i++) {
        pthread_create(&thread[i], NULL, work, tray);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
    }
    playcount_tray_give_back(tray, figures);
}

/* What all routes have, and whether it hangs together. */
static uint64_t read_all(uint64_t sum[PLAYCOUNT_FIGURES], int *whole)
{
    playcount_totals *t = calloc(1, sizeof(*t)), *all = calloc(1, sizeof(*all));
    uint64_t n;

    for (unsigned r = 0; r < ROUTES; r++) {
        playcount_figures_read(&figures[r], t);
        playcount_totals_add(all, t);
    }
    n = playcount_totals_requests(all);
    *whole = 1;
    for (int f = 0; f < PLAYCOUNT_FIGURES; f++) {
        playcount_summary s;

        playcount_totals_summary(all, f, &s);
        *whole &= s.count >= n;
        sum[f] = s.sum;
    }
    free(t);
    free(all);
    return n;
}

static void test_together(void)
{
    const uint64_t each = (uint64_t)PROCESSES * THREADS;
    uint64_t sum[PLAYCOUNT_FIGURES], last = 0, n;
    int running = PROCESSES, back = 0, torn = 0, whole;

    for (int p = 0; p < PROCESSES; p++) {
        if (test_fork() == 0) {
            work_in_threads();
            _exit(0);
        }
    }
    while (running) {
        running -= waitpid(-1, NULL, WNOHANG) > 0;
        playcount_trays_empty(trays, figures);
        n = read_all(sum, &whole);
        back += n < last;
        torn += !whole;
        last = n;
    }
    n = read_all(sum, &whole);
    is(n, each * N, "every request is there once");
    is(sum[PLAYCOUNT_REQUEST_TIME], each * N * (N + 1) / 2, "with its values");
    is(sum[PLAYCOUNT_OUTPUT_LENGTH], each * (N * 1000 + N * (N + 1) / 2),
       "all of them");
    is(sum[PLAYCOUNT_OUTPUT_BLOCKS], each * N, "and no others");
    is(back, 0, "no number goes back");
    is(torn, 0, "who sees a request sees its values");
}

static void test_at_once(void)
{
    uint64_t sum[PLAYCOUNT_FIGURES], before, after;
    playcount_tray *tray = playcount_tray_claim(trays, (int32_t)getpid());
    int whole;

    before = read_all(sum, &whole);
    count(tray, 7);
    is(read_all(sum, &whole), before, "a request lies in its tray");
    playcount_trays_empty(trays, figures);
    is(read_all(sum, &whole), before + 1, "until the trays are emptied");
    count(tray, UINT64_C(1) << 40);
    after = read_all(sum, &whole);
    is(after, before + 2, "one that is too long for a tray is added at once");
    playcount_tray_give_back(tray, figures);
    is(read_all(sum, &whole), after, "an empty tray adds nothing");
}

/* Killed at any moment: the parent's turn. What lies in its trays is not lost, and
 * the trays are free again, also one that a thread was just writing to. */
static void test_killed(void)
{
    uint64_t sum[PLAYCOUNT_FIGURES];
    uint64_t before, after;
    int whole, to_parent[2];
    uint64_t value[PLAYCOUNT_FIGURES] = {1, 1, 1, 1, 1};
    playcount_tray *tray;
    pid_t child;
    char byte;

    before = read_all(sum, &whole);
    if (pipe(to_parent)) {
        return;
    }
    child = test_fork();
    if (child == 0) {
        for (int i = 0; i < TRAYS; i++) {
            tray = playcount_tray_claim(trays, (int32_t)getpid());

            for (uint64_t n = 1; n <= 5; n++) {
                count(tray, n);
            }
            atomic_store(&tray->writing, 1);
        }
        byte = playcount_tray_claim(trays, (int32_t)getpid()) ? 'y' : 'n';
        if (write(to_parent[1], &byte, 1) == 1) {
            pause();
        }
        _exit(1);
    }
    is(read(to_parent[0], &byte, 1), 1, "a process has claimed all trays");
    ok(byte == 'n', "and gets no more");
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    ok(!playcount_tray_claim(trays, (int32_t)getpid()), "they stay claimed");
    playcount_trays_release(trays, figures, child);
    after = read_all(sum, &whole);
    is(after, before + 5 * TRAYS, "what lay in them is added");
    tray = playcount_tray_claim(trays, (int32_t)getpid());
    ok(tray != NULL, "and they are free");
    ok(tray && playcount_tray_add(tray, figures, 0, 0, value), "to be written to");
    atomic_store(&tray->writing, 1);
    ok(!playcount_tray_add(tray, figures, 0, 0, value),
       "a second thread does not wait for the first");
}

int main(void)
{
    figures = shared(ROUTES * sizeof(*figures));
    trays = shared(playcount_trays_size(TRAYS));
    playcount_trays_init(trays, TRAYS);
    test_together();
    test_at_once();
    test_killed();
    return done_testing();
}

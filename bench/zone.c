/* zone: what it costs to count an existing song, without a server.
 *
 *     zone SONGS PROCESSES ROUNDS
 *
 * The processes add to random songs of a zone, and then, in the same order, to
 * an array of atomic counts: what is left of the work when a song is found by
 * its place. The order is drawn beforehand, so that drawing costs neither of
 * them. For each round a line: nanoseconds per add in the zone, in the zone when
 * the adds are chained (below), and both in the array.
 */
#include <inttypes.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "apr_general.h"
#include "apr_global_mutex.h"

#include "shm/zone/zone.h"

#define ID_LENGTH 16
#define ADDS 1000000 /* of each process, each way, in one round */
#define WAYS 4
#define FILL 10000 /* songs registered at once */

typedef struct {
    uint32_t place;
    char id[ID_LENGTH];
} step;

/* What the processes share besides the zone. */
typedef struct {
    atomic_int ready;
    atomic_int go;
    _Atomic uint64_t
        sum_ns[WAYS]; /* of all processes: zone, chained; array, chained */
} meeting;

static void give_up(const char *what)
{
    fprintf(stderr, "zone: %s\n", what);
    exit(1);
}

static void *shared(uint64_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (memory == MAP_FAILED) {
        give_up("no memory");
    }
    return memory;
}

static uint64_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void name(char *id, uint64_t song)
{
    memcpy(id, "song", 4);
    for (int d = ID_LENGTH - 1; d >= 4; d--) {
        id[d] = (char)('0' + song % 10);
        song /= 10;
    }
}

static void fill(playcount_zone *zone, uint64_t songs)
{
    static playcount_play plays[FILL];
    static char ids[FILL][ID_LENGTH];

    for (uint64_t first = 0; first < songs; first += FILL) {
        uint64_t n = songs - first < FILL ? songs - first : FILL;

        for (uint64_t i = 0; i < n; i++) {
            name(ids[i], first + i);
            plays[i] = (playcount_play){.id = ids[i], .length = ID_LENGTH, .by = 1};
            plays[i].hash = playcount_zone_hash(zone, ids[i], ID_LENGTH);
        }
        if (playcount_zone_add_many(zone, plays, n, NULL) != APR_SUCCESS) {
            give_up("the zone cannot be filled");
        }
    }
}

static step *draw(uint64_t songs, uint64_t seed)
{
    step *steps = malloc(ADDS * sizeof(*steps));
    uint64_t x = 88172645463325252u ^ (seed * 0x9e3779b97f4a7c15u);

    if (!steps) {
        give_up("no memory");
    }
    for (int i = 0; i < ADDS; i++) {
        x ^= x << 13; /* xorshift64: Marsaglia, "Xorshift RNGs", 2003 */
        x ^= x >> 7;
        x ^= x << 17;
        steps[i].place = (uint32_t)(((__uint128_t)x * songs) >> 64);
        name(steps[i].id, steps[i].place);
    }
    return steps;
}

/* With `chained` the next step is found with the count that the add before it
 * gave: each begins when the other is finished, as in a server, which does other
 * things between two plays. Without, the processor may work on several. */
static uint64_t add_to_zone(playcount_zone *zone, const step *steps, int chained)
{
    uint64_t begin = now(), count = 0;

    for (uint64_t i = 0; i < ADDS; i++) {
        const step *s = &steps[chained ? i + (count >> 63) : i];

        if (playcount_zone_add(zone, s->id, ID_LENGTH, 1, &count) != APR_SUCCESS) {
            give_up("an add failed");
        }
    }
    return now() - begin;
}

static uint64_t add_to_array(_Atomic uint64_t *array, const step *steps,
                             int chained)
{
    uint64_t begin = now(), count = 0;

    for (uint64_t i = 0; i < ADDS; i++) {
        const step *s = &steps[chained ? i + (count >> 63) : i];

        count =
            atomic_fetch_add_explicit(&array[s->place], 1, memory_order_relaxed);
    }
    return now() - begin;
}

/* All processes begin together, each on a core of its own if there are enough. */
static void meet(meeting *m, int processes, int turn)
{
    atomic_fetch_add(&m->ready, 1);
    while (atomic_load(&m->ready) < processes * turn) {
        sched_yield();
    }
}

static void work(playcount_zone *zone, _Atomic uint64_t *array, uint64_t songs,
                 int processes, int rounds, int number, meeting *m)
{
    step *steps = draw(songs, (uint64_t)number + 1);
    int turn = 0;

    for (int round = -1; round < rounds; round++) { /* the first one warms up */
        for (int way = 0; way < WAYS; way++) {
            int chained = way & 1;

            meet(m, processes, ++turn);
            atomic_fetch_add(&m->sum_ns[way],
                             way < 2 ? add_to_zone(zone, steps, chained)
                                     : add_to_array(array, steps, chained));
        }
        meet(m, processes, ++turn);
        for (int way = 0; number == 0 && way < WAYS; way++) {
            double sum = (double)atomic_exchange(&m->sum_ns[way], 0);

            if (round >= 0) {
                printf("%.3f%c", sum / ADDS / processes,
                       way + 1 < WAYS ? ' ' : '\n');
            }
        }
        fflush(stdout);
    }
    free(steps);
}

static void pin(int number)
{
    cpu_set_t may, one;
    int seen = 0;

    sched_getaffinity(0, sizeof(may), &may);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, &may) && seen++ == number % CPU_COUNT(&may)) {
            CPU_ZERO(&one);
            CPU_SET(cpu, &one);
            sched_setaffinity(0, sizeof(one), &one);
            return;
        }
    }
}

int main(int argc, char **argv)
{
    uint64_t songs = argc == 4 ? strtoull(argv[1], NULL, 10) : 0;
    int processes = argc == 4 ? atoi(argv[2]) : 0,
        rounds = argc == 4 ? atoi(argv[3]) : 0;
    playcount_zone_size size = {.songs = songs};
    apr_global_mutex_t *lock;
    apr_pool_t *pool;

    if (!songs || songs > UINT32_MAX || processes < 1 || rounds < 1) {
        fprintf(stderr, "usage: zone SONGS PROCESSES ROUNDS\n");
        return 2;
    }
    apr_initialize();
    apr_pool_create(&pool, NULL);
    if (apr_global_mutex_create(&lock, NULL, APR_LOCK_PROC_PTHREAD, pool)) {
        give_up("no lock");
    }

    void *memory = shared(playcount_zone_bytes(&size));
    _Atomic uint64_t *array = shared(songs * sizeof(*array));
    meeting *m = shared(sizeof(*m));

    if (playcount_zone_format(memory, &size) != APR_SUCCESS) {
        give_up("no zone");
    }
    playcount_zone *zone = playcount_zone_attach(pool, memory, lock);

    fill(zone, songs);
    for (int number = 1; number < processes; number++) {
        if (fork() == 0) {
            pin(number);
            work(zone, array, songs, processes, rounds, number, m);
            _exit(0);
        }
    }
    pin(0);
    work(zone, array, songs, processes, rounds, 0, m);
    while (wait(NULL) > 0) {
        /* all of them */
    }
    return 0;
}

/* Values that one process computes and all read: what comes out is what was put in,
 * whole, under its key, or nothing, whoever is killed or stopped while writing. */

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "apr_general.h"

#include "shm/figures/board.h"
#include "t/tap.h"

enum { KEY = 16, VALUE = 4096, SECOND = 1000000, THREADS = 3 };

static playcount_board board = {.key = KEY, .value = VALUE};
static atomic_int running;
static atomic_uint torn, found;
static unsigned rounds = 20000;

typedef struct {
    uint64_t a, b;
} name;

static name key_of(uint64_t n)
{
    return (name){n, ~n};
}

static void put(uint64_t n, uint64_t now, const void *value, size_t bytes)
{
    name key = key_of(n);
    playcount_board_facts facts = {.made = now, .cost = n, .stamp = 7};

    playcount_board_write(&board, &key, now, value, bytes, &facts);
}

/* The value of key n as a string; NULL: none. */
static const char *value_of(uint64_t n, uint64_t now, apr_pool_t *pool)
{
    name key = key_of(n);
    playcount_board_facts facts;
    size_t bytes;
    const char *value =
        playcount_board_read(&board, &key, now, pool, &bytes, &facts);

    return value && facts.cost == n && facts.stamp == 7 &&
                   bytes == strlen(value) + 1
               ? value
               : NULL;
}

static int says(const char *value, const char *text)
{
    return value && strcmp(value, text) == 0;
}

static void test_one(apr_pool_t *pool)
{
    static char large[VALUE + 1];
    uint64_t now = 100 * (uint64_t)SECOND;

    ok(!value_of(1, now, pool), "nothing is there");
    put(1, now, "one", 4);
    put(2, now, "another", 8);
    ok(says(value_of(1, now, pool), "one") &&
           says(value_of(2, now, pool), "another"),
       "each value under its key");
    put(1, now + 1, "newer", 6);
    ok(says(value_of(1, now, pool), "newer"), "a newer one takes its place");
    put(3, now, large, sizeof(large));
    ok(!value_of(3, now, pool), "what is too long is not kept");
}

static void test_room(apr_pool_t *pool)
{
    uint64_t now = 200 * (uint64_t)SECOND;
    int there = 0;

    value_of(1, now, pool); /* is wanted */
    for (uint64_t n = 10; n < 10 + PLAYCOUNT_BOARD_SLOTS - 1; n++) {
        put(n, now + n, "x", 2);
    }
    for (uint64_t n = 10; n < 10 + PLAYCOUNT_BOARD_SLOTS - 1; n++) {
        there += says(value_of(n, now + 100, pool), "x");
    }
    is((uint64_t)there, PLAYCOUNT_BOARD_SLOTS - 1, "as many as there is room for");
    ok(says(value_of(1, now + 100, pool), "newer"), "and one that somebody wants");
    ok(!value_of(2, now + 100, pool), "not one that nobody has wanted for longest");
}

static void test_look(apr_pool_t *pool)
{
    uint64_t now = 300 * (uint64_t)SECOND, wanted = 0;
    playcount_board_facts facts;
    name key;
    int seen = 0;

    value_of(1, now, pool);
    for (unsigned i = 0; i < PLAYCOUNT_BOARD_SLOTS; i++) {
        if (playcount_board_look(&board, i, &key, &facts, &wanted) && key.a == 1) {
            seen += wanted == now && facts.cost == 1;
        }
    }
    is((uint64_t)seen, 1, "the keeper sees when it was wanted");
}

/* The slot of key 1: its version is the first word. */
static _Atomic uint64_t *slot_of_one(void)
{
    size_t words = playcount_board_size(KEY, VALUE) / PLAYCOUNT_BOARD_SLOTS / 8;

    for (unsigned i = 0; i < PLAYCOUNT_BOARD_SLOTS; i++) {
        if (board.memory[i * words + 3] == 1) {
            return &board.memory[i * words];
        }
    }
    return NULL;
}

static void test_killed(apr_pool_t *pool)
{
    uint64_t now = 400 * (uint64_t)SECOND;
    _Atomic uint64_t *slot = slot_of_one();

    put(1, now, "before", 7);
    slot[0]++; /* a writer begins, and is killed */
    ok(!value_of(1, now + 1, pool), "what is half written is not read");
    put(1, now + 1, "too early", 10);
    ok(!value_of(1, now + 1, pool), "nobody else writes there yet");
    put(1, now + 11 * SECOND, "after", 6);
    ok(says(value_of(1, now, pool), "after"), "ten seconds later another does");
    slot[3 + 2 + 3 + 1]++; /* one that was only stopped goes on */
    ok(!value_of(1, now, pool), "a mixture of two is not read");
    put(1, now + 12 * SECOND, "good", 5);
    ok(says(value_of(1, now, pool), "good"), "until it is written again");
}

/* --- at the same time --- */

static void *writes(void *data)
{
    uint64_t words[VALUE / 8], n = (uint64_t)(uintptr_t)data;

    for (unsigned i = 0; i < rounds; i++) {
        size_t length = 1 + (i * 37 + n) % (VALUE / 8);

        for (size_t w = 0; w < length; w++) {
            words[w] = n << 32 | i;
        }
        put(1 + i % 2, 1 + i, words, length * 8);
        if (i % 16 == 0) {
            sched_yield();
        }
    }
    atomic_fetch_sub(&running, 1);
    return NULL;
}

static void *reads(void *data)
{
    apr_pool_t *pool = data;

    for (uint64_t i = 0; atomic_load(&running); i++) {
        name key = key_of(1 + i % 2);
        playcount_board_facts facts;
        size_t bytes;
        const uint64_t *words =
            playcount_board_read(&board, &key, 1, pool, &bytes, &facts);

        for (size_t w = 1; words && w < bytes / 8; w++) {
            atomic_fetch_add(&torn, words[w] != words[0]);
        }
        atomic_fetch_add(&torn, words && facts.cost != key.a);
        atomic_fetch_add(&found, words != NULL);
        if (i % 64 == 0) {
            apr_pool_clear(pool);
            sched_yield();
        }
    }
    return NULL;
}

static void test_together(apr_pool_t *pool)
{
    pthread_t writer[THREADS], reader[THREADS];

    atomic_store(&running, THREADS);
    for (uintptr_t i = 0; i < THREADS; i++) {
        apr_pool_t *own;

        apr_pool_create(&own, NULL);
        pthread_create(&writer[i], NULL, writes, (void *)i);
        pthread_create(&reader[i], NULL, reads, own);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(writer[i], NULL);
        pthread_join(reader[i], NULL);
    }
    (void)pool;
    ok(found > 0, "values are read while they are written");
    is(torn, 0, "each of them whole, and of its key");
}

int main(void)
{
    size_t size = playcount_board_size(KEY, VALUE);
    const char *fewer = getenv("PLAYCOUNT_ROUNDS");
    apr_pool_t *pool;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    rounds = fewer ? (unsigned)strtoul(fewer, NULL, 10) * 200 : rounds;
    board.memory =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    test_one(pool);
    test_room(pool);
    test_look(pool);
    test_killed(pool);
    test_together(pool);
    return done_testing();
}

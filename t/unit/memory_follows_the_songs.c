/* A zone takes memory for the songs that are there, at most 64 bytes for one with
 * an id of 16 bytes, handoffs included. PLAYCOUNT_SONGS is how many are tried. */

#include <sys/resource.h>
#include <unistd.h>

#include "fixture.h"

#include "shm/zone/batches.h"
#include "shm/zone/layout.h"

/* Bytes of the zone's memory that are really there. */
static uint64_t resident(const playcount_zone *z)
{
    uint64_t pages = z->head->at.end / (uint64_t)getpagesize(), n = 0;
    unsigned char *in = malloc(pages);

    if (mincore(z->head, pages * (uint64_t)getpagesize(), in) == 0) {
        for (uint64_t i = 0; i < pages; i++) {
            n += in[i] & 1;
        }
    }
    free(in);
    return n * (uint64_t)getpagesize();
}

static apr_size_t name(char *id, uint64_t i)
{
    return (apr_size_t)sprintf(id, "song%012" PRIu64, i);
}

int main(void)
{
    apr_pool_t *pool = test_pool();
    const char *wanted = getenv("PLAYCOUNT_SONGS");
    uint64_t songs = wanted ? strtoull(wanted, NULL, 10) : 1000000;
    playcount_zone *z = test_zone(pool, songs, 100000);
    uint64_t empty = resident(z), count, before;
    char id[32];
    playcount_batch b;
    int good = 1;

    printf("# %" PRIu64 " songs\n", songs);
    ok(empty < 1000000, "an empty zone takes next to nothing");
    for (uint64_t i = 0; i < songs / 100; i++) {
        playcount_zone_add(z, id, name(id, i), 1, &count);
    }
    /* The index is spread: each song may touch a page of it. */
    ok(resident(z) - empty <= songs / 100 * 64 + 6 * songs + 100000,
       "a hundredth of the songs takes the whole index at most, and its slots");
    for (uint64_t i = 0; i < songs; i++) {
        good &= playcount_zone_add(z, id, name(id, i), 2, &count) == APR_SUCCESS;
    }
    ok(good, "all songs fit");
    is(playcount_zone_add(z, "x", 1, 1, &count), APR_ENOSPC, "and no more");
    printf("# %.1f bytes a song\n", (double)resident(z) / (double)songs);
    ok(resident(z) <= songs * 64, "in 64 bytes each");
    good = 1;
    for (uint64_t i = 0; i < songs; i += 7) {
        good &= playcount_zone_get(z, id, name(id, i)) == (i < songs / 100 ? 3 : 2);
    }
    ok(good, "each has its count");
    is(playcount_batch_take(z, &b), APR_SUCCESS, "all are handed over");
    is(b.plays, songs * 2 + songs / 100, "with all plays");
    playcount_batch_acknowledge(z, b.number);
    printf("# %.1f bytes a song\n", (double)resident(z) / (double)songs);
    ok(resident(z) <= songs * 64, "in 64 bytes each");
    before = resident(z);
    playcount_zone_clear(z);
    for (uint64_t i = 0; i < songs / 100; i++) {
        playcount_zone_add(z, id, name(id, i * 3), 1, &count);
    }
    ok(resident(z) <= before, "clearing and counting again takes no more");
    return done_testing();
}

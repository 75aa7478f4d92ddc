/* An open batch keeps its songs, ids and counts whatever is cleared, registered
 * and acknowledged beside it; and when it is gone all room is free again. */

#include "fixture.h"

#include "shm/zone/batches.h"
#include "shm/zone/layout.h"

/* The batch as text: "a=1,b=2". */
static const char *batch_text(apr_pool_t *pool, playcount_zone *z,
                              const playcount_batch *b)
{
    playcount_batch_cursor c;
    playcount_song song;
    const char *all = "";

    playcount_batch_begin(z, b, &c);
    while (playcount_batch_next(z, &c, &song) == 1) {
        all = apr_psprintf(pool, "%s%s%.*s=%" PRIu64, all, *all ? "," : "",
                           (int)song.length, song.id, song.count);
    }
    return all;
}

static const char *long_id(apr_pool_t *pool, const char *name, int n)
{
    char *id = apr_palloc(pool, 256);

    memset(id, '.', 255);
    id[255] = 0;
    memcpy(id, name, strlen(name));
    memcpy(id + 10, apr_psprintf(pool, "%08d", n), 8);
    return id;
}

static int fill(apr_pool_t *pool, playcount_zone *z, const char *name, int most)
{
    int n = 0;

    while (n < most && add(z, long_id(pool, name, n), 1)) {
        n++;
    }
    return n;
}

/* The ids of an open batch stand in the ring of long ids that new songs use. */
static void long_ids_stay(apr_pool_t *pool)
{
    playcount_zone *z = test_zone(pool, 20, 0);
    playcount_batch b;
    const char *before;

    add(z, long_id(pool, "one", 0), 5);
    add(z, long_id(pool, "two", 0), 6);
    is(playcount_batch_take(z, &b), APR_SUCCESS, "a batch of two songs is taken");
    before = batch_text(pool, z, &b);
    fill(pool, z, "later", 18);
    for (int round = 0; round < 7; round++) {
        playcount_zone_clear(z);
        is(fill(pool, z, apr_psprintf(pool, "r%d", round), 100), 18,
           "after a clear all but the batch's slots can be used");
        ok(!strcmp(before, batch_text(pool, z, &b)), "the batch reads the same");
    }
    is(playcount_batch_acknowledge(z, b.number), APR_SUCCESS, "acknowledged");
    is(fill(pool, z, "more", 100), 2, "its slots are free again");
    playcount_zone_clear(z);
    is(fill(pool, z, "all", 100), 20, "and all of them after the next clear");
}

/* Ghosts of a batch that is gone must not come back with the next batch. */
static void ghosts_go(apr_pool_t *pool)
{
    playcount_zone *z = test_zone(pool, 10, 0);
    playcount_batch b;

    for (int round = 0; round < 5; round++) {
        for (int n = 0; n < 10; n++) {
            add(z, apr_psprintf(pool, "%d.%d", round, n), 1);
        }
        playcount_batch_take(z, &b);
        playcount_zone_clear(z);
        is(add(z, "none", 1), 0, "an open batch of all slots leaves none");
        playcount_batch_acknowledge(z, b.number);
        add(z, "x", 1);
        playcount_batch_take(z, &b);
        for (int n = 1; n < 10; n++) {
            is(add(z, apr_psprintf(pool, "y%d", n), 1), 1,
               "a new batch takes no room besides its songs");
        }
        playcount_zone_clear(z);
        ok(!strcmp(batch_text(pool, z, &b), "x=1"), "and stays open over a clear");
        ok(z->head->ghosts[word_epoch(zone_state(z)) & 1] <= z->songs,
           "no more ghosts than slots");
        playcount_batch_acknowledge(z, b.number);
        playcount_zone_clear(z);
    }
}

/* A taker that dies right after opening its batch. */
static void a_dead_takers_leavings(apr_pool_t *pool)
{
    playcount_zone *z = test_zone(pool, 10, 0);
    playcount_batch b;
    batch_record next;

    add(z, "a", 5);
    playcount_batch_take(z, &b);
    next = z->head->batches[b.sequence % 3];
    z->head->next = next; /* as it was at the store of `taken` */
    z->head->next.number = b.sequence;
    playcount_batch_acknowledge(z, b.number);
    add(z, "a", 2);
    add(z, "b", 1);
    is(playcount_batch_take(z, &b), APR_SUCCESS, "the next batch is taken");
    ok(!strcmp(batch_text(pool, z, &b), "a=2,b=1"),
       "and begins from the start, not where the dead one had been");
    is(b.plays, 3, "its sum is right");
}

int main(void)
{
    apr_pool_t *pool = test_pool();

    long_ids_stay(pool);
    ghosts_go(pool);
    a_dead_takers_leavings(pool);
    return done_testing();
}

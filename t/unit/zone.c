/* One process: what a zone promises about counts, order, capacity and clears. */

#include "fixture.h"

#include "shm/zone/layout.h"

static void counts(apr_pool_t *pool)
{
    playcount_zone *z = test_zone(pool, 4, 0);

    is(get(z, "a"), 0, "a song never played has no plays");
    ok(!strcmp(listing(pool, z), ""), "asking registers nothing");
    is(add(z, "a", 1), 1, "the first play registers");
    is(add(z, "a", 41), 42, "adds answer the new count");
    is(get(z, "a"), 42, "and it can be read");
    add(z, "c", 1);
    add(z, "b", 1);
    add(z, "c", 1);
    ok(!strcmp(listing(pool, z), "a=42,c=2,b=1"),
       "the order is that of first plays");
    is(add(z, "d", 1), 1, "as many songs fit as the zone was made for");
    is(add(z, "e", 1), 0, "and no more");
    is(add(z, "a", 1), 43, "those that are there go on counting");
    is(playcount_zone_clear(z), APR_SUCCESS, "the zone can be cleared");
    ok(!strcmp(listing(pool, z), ""), "then it is empty");
    is(get(z, "a"), 0, "no song has plays");
    add(z, "e", 1);
    add(z, "a", 1);
    add(z, "f", 1);
    is(add(z, "g", 1), 1, "and as many songs fit as before");
    is(add(z, "h", 1), 0, "and no more");
    ok(!strcmp(listing(pool, z), "e=1,a=1,f=1,g=1"), "the order is the new one");
}

static void long_ids(apr_pool_t *pool)
{
    playcount_zone *z = test_zone(pool, 100, 0);
    char id[256];
    int good = 1;

    for (int round = 0; round < 50; round++) {
        for (int n = 0; n < 100; n++) {
            int length = 1 + (n * 61 + round * 7) % 255;

            memset(id, 'x', sizeof(id));
            id[length] = 0;
            if (length >= 3) {
                memcpy(id, apr_psprintf(pool, "%02d.", n), 3);
            }
            good &= add(z, id, 1) > 0;
            good &= get(z, id) > 0;
        }
        playcount_zone_clear(z);
    }
    ok(good, "ids of every length come and go");

    good = 1;
    memset(id, 'y', 255);
    id[255] = 0;
    for (int n = 0; n < 100; n++) {
        memcpy(id, apr_psprintf(pool, "%03d", n), 3);
        good &= add(z, id, 1) == 1;
    }
    ok(good, "a zone full of the longest ids");
    memcpy(id, "100", 3);
    is(add(z, id, 1), 0, "is full");
}

static void the_top(apr_pool_t *pool)
{
    playcount_zone *z = test_zone(pool, 4, 8);
    const uint64_t wide = WORD_COUNT;
    const char *ids[] = {"a", "n"};
    uint64_t answers[2];

    is(add(z, "a", wide), wide, "a count fills its word");
    is(add(z, "a", 1), wide + 1, "and goes on beyond it");
    is(add(z, "a", 1), wide + 2, "one by one");
    is(get(z, "a"), wide + 2, "and can be read");
    is(add(z, "b", PLAYCOUNT_MAX - 1), PLAYCOUNT_MAX - 1,
       "a first play may be of any size");
    is(add(z, "b", 1), PLAYCOUNT_MAX, "up to the top");
    is(add(z, "b", 1), PLAYCOUNT_MAX, "where counts stop");
    is(add(z, "b", PLAYCOUNT_MAX), PLAYCOUNT_MAX, "whatever comes");
    is(add_many(z, ids, PLAYCOUNT_MAX, 2, NULL, answers), APR_SUCCESS,
       "also in batches");
    is(answers[0], PLAYCOUNT_MAX, "for a song that was wide");
    is(answers[1], PLAYCOUNT_MAX, "and for a new one");
    add(z, "c", wide - 1);
    add_many(z, (const char *[]){"c"}, 5, 1, NULL, answers);
    is(answers[0], wide + 4, "a batch widens a count");
    is(get(z, "c"), wide + 4, "which is then read whole");
    ok(!strcmp(listing(pool, z),
               apr_psprintf(pool,
                            "a=%" PRId64 ",b=%" PRId64 ",n=%" PRId64 ",c=%" PRIu64,
                            PLAYCOUNT_MAX, PLAYCOUNT_MAX, PLAYCOUNT_MAX, wide + 4)),
       "the listing has them all");
}

static void batches(apr_pool_t *pool)
{
    playcount_zone *z = test_zone(pool, 4, 0);
    const char *some[] = {"a", "b", "c"};
    const char *many[] = {"x", "a", "y", "b"};
    uint64_t answers[4];

    is(add_many(z, some, 2, 3, NULL, answers), APR_SUCCESS, "a batch counts");
    is(answers[0] + answers[1] + answers[2], 6, "and answers the new counts");
    is(add_many(z, many, 1, 4, NULL, answers), APR_ENOSPC,
       "too many new songs are refused");
    ok(!strcmp(listing(pool, z), "a=2,b=2,c=2"),
       "and nothing of the batch counted");
    is(add_many(z, many, 1, 2, NULL, answers), APR_SUCCESS,
       "old and new songs mix");
    ok(!strcmp(listing(pool, z), "a=3,b=2,c=2,x=1"), "in the order of first plays");
}

static apr_size_t kept;

static void keep(void *songs, const playcount_song *song)
{
    ((playcount_song *)songs)[kept++] = *song;
}

static void top(apr_pool_t *pool)
{
    playcount_zone *z = test_zone(pool, 1000, 0);
    playcount_song best[10];
    int good = 1;

    for (int i = 0; i < 1000; i++) {
        add(z, apr_psprintf(pool, "s%d", i), 1 + (uint64_t)(i * 7919 % 1000));
    }
    playcount_zone_top(z, 10, keep, best);
    is(kept, 10, "the ten highest");
    for (int i = 0; i < 10; i++) {
        good &= best[i].count == 1000 - (uint64_t)i;
    }
    ok(good, "in their order");
    kept = 0;
    playcount_zone_top(test_zone(pool, 5, 0), 10, keep, best);
    is(kept, 0, "none of none");
}

static void a_dying_writer(apr_pool_t *pool)
{
    playcount_zone *z = test_zone(pool, 8, 0);
    zone_header *head = z->head;

    add(z, "a", 5);
    add(z, "b", 5);

    z->journal[0] = (journal_entry){.by = 7, .place = 0};
    z->journal[1] = (journal_entry){.by = 9, .place = 1};
    head->op_entries = 2;
    head->op_used = 2;
    head->op = OP_PREPARE;
    z->slots[0].word |= WORD_FROZEN;
    is(get(z, "a"), 5, "a marked song reads as before");
    is(add(z, "a", 1), 6, "and counts");
    playcount_zone_repair(z);
    is(get(z, "a"), 6, "a batch whose writer died before it counted is undone");
    is(z->slots[0].word & WORD_FROZEN, 0, "and its marks are gone");

    head->op = OP_PREPARE;
    z->slots[0].word |= WORD_FROZEN;
    z->slots[1].word |= WORD_FROZEN;
    head->op = OP_COMMIT;
    add(z, "b", 1);
    playcount_zone_repair(z);
    is(get(z, "a"), 13, "one whose writer died after is finished");
    is(get(z, "b"), 15, "beside what others added");

    z->journal[0].count = z->journal[1].count = 0;
    z->slots[1].word |= WORD_FROZEN;
    head->op = OP_COMMIT;
    playcount_zone_repair(z);
    is(get(z, "a"), 13, "what it had added is not added again");
    is(get(z, "b"), 24, "what it had not is");
    is(z->journal[1].count, 24, "and its answer is noted");
}

int main(void)
{
    apr_pool_t *pool = test_pool();

    counts(pool);
    long_ids(pool);
    the_top(pool);
    batches(pool);
    top(pool);
    a_dying_writer(pool);
    return done_testing();
}

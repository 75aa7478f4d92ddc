/* What is known of listeners: a play is counted once, for any order and any number
 * of threads and processes; windows; full tables; what is erased. */

#include <pthread.h>
#include <sys/wait.h>

#include "t/unit/media.h"

static apr_pool_t *pool;

/* --- one after the other --- */

static void one_listener(playcount_media *m)
{
    media_listener a = {1, "/a.mp3", NOON, PLAYCOUNT_WINDOW_DAY};

    is(media_get(m, &a, 0, 400, 1000), PLAYCOUNT_VERDICT_OPEN, "some of it");
    is(media_get(m, &a, 0, 400, 1000), PLAYCOUNT_VERDICT_OPEN, "the same again");
    is(media_get(m, &a, 5000, 5599, 1000), PLAYCOUNT_VERDICT_OPEN,
       "one byte short");
    is(media_get(m, &a, 399, 401, 1000), PLAYCOUNT_VERDICT_PLAYED, "and that one");
    is(media_get(m, &a, 0, 9000, 1000), PLAYCOUNT_VERDICT_AGAIN, "all of it again");
    is(media_get(m, &(media_listener){2, "/a.mp3", NOON, PLAYCOUNT_WINDOW_DAY}, 0,
                 1000, 1000),
       PLAYCOUNT_VERDICT_PLAYED, "another listener, in one piece");
    is(media_get(m, &(media_listener){1, "/b.mp3", NOON, PLAYCOUNT_WINDOW_DAY}, 0,
                 1000, 1000),
       PLAYCOUNT_VERDICT_PLAYED, "another song");
}

static void what_is_missing(playcount_media *m)
{
    media_listener a = {1, "/m.mp3", NOON, PLAYCOUNT_WINDOW_DAY},
                   rolling = {2, "/m.mp3", NOON, PLAYCOUNT_WINDOW_ROLLING};

    is(media_missing(m, &a, 0, 400, 1000), 600, "of a day that nobody knows");
    is(media_get(m, &a, 0, 400, 1000), PLAYCOUNT_VERDICT_OPEN, "some of it");
    is(media_missing(m, &a, 0, 400, 1000), 600, "the same again adds nothing");
    is(media_missing(m, &a, 300, 700, 1000), 300, "what is new does");
    is(media_missing(m, &a, 5000, 5600, 1000), 0, "that would be enough");
    is(media_missing(m, &a, 5000, 5100, 450), 0, "and that, if less is needed");
    is(media_missing(m, &a, 5000, 5599, 1000), 1, "asking has changed nothing");
    is(playcount_open_count(m), 1, "and made nothing");
    is(media_get(m, &a, 400, 1000, 1000), PLAYCOUNT_VERDICT_PLAYED, "enough");
    is(media_missing(m, &a, 0, 1, 1000), 0, "whoever is counted misses nothing");

    is(media_get(m, &rolling, 0, 400, 1000), PLAYCOUNT_VERDICT_OPEN, "24 hours");
    rolling.start += DAY - 1;
    is(media_missing(m, &rolling, 400, 900, 1000), 100, "the next day still");
    rolling.start += 1;
    is(media_missing(m, &rolling, 400, 900, 1000), 500, "not any more");
}

/* Places are given back from the top; a kill can leave it too high, and memory of
 * before may not know it. */
static void where_they_end(playcount_media *m)
{
    media_listener l = {0, "/e.mp3", NOON, PLAYCOUNT_WINDOW_DAY};

    for (l.who = 0; l.who < 100; l.who++) {
        media_get(m, &l, 0, 400, 1000);
    }
    for (uint64_t s = 0; s < m->header->stripes; s++) {
        m->stripe[s].top = s % 2 ? PLAYCOUNT_STRIPE_PLACES : 0;
    }
    is(playcount_open_count(m), 100, "a hundred open downloads");
    for (l.who = 0; l.who < 100; l.who += 2) {
        is(media_get(m, &l, 400, 1000, 1000), PLAYCOUNT_VERDICT_PLAYED,
           "what they have got is found");
    }
    is(playcount_open_count(m), 50, "and forgotten once they are counted");
    for (l.who = 1; l.who < 100; l.who += 2) {
        media_get(m, &l, 400, 1000, 1000);
    }
    is(playcount_open_count(m), 0, "all are counted");
    for (uint64_t s = 0; s < m->header->stripes; s++) {
        ok(m->stripe[s].top <= 1, "nothing is looked for any more");
    }
}

static void refused_by_the_zone(playcount_media *m)
{
    media_listener a = {3, "/a.mp3", NOON, PLAYCOUNT_WINDOW_DAY};
    playcount_media_result result;

    media_get(m, &a, 0, 500, 1000);
    is(media_deliver(m, &a, 500, 1000, 1000, &result), PLAYCOUNT_VERDICT_PLAYED,
       "enough");
    playcount_media_take_back(m, &result);
    is(media_get(m, &a, 0, 1, 1000), PLAYCOUNT_VERDICT_PLAYED,
       "taken back, it counts with the next delivery");
    is(media_get(m, &a, 0, 1, 1000), PLAYCOUNT_VERDICT_AGAIN, "once");
}

/* A zone that is full refuses the same listeners again and again. */
static void refused_often(playcount_media *m)
{
    media_listener a = {3, "/a.mp3", NOON, PLAYCOUNT_WINDOW_DAY},
                   other = {4, "/a.mp3", NOON, PLAYCOUNT_WINDOW_DAY};
    playcount_media_result result;
    int n = 0;

    while (n < 3000 && media_deliver(m, &a, 0, 1000, 1000, &result) ==
                           PLAYCOUNT_VERDICT_PLAYED) {
        playcount_media_take_back(m, &result);
        n++;
    }
    is((uint64_t)n, 3000, "refused three times as often as there are places");
    is(media_get(m, &other, 0, 1000, 1000), PLAYCOUNT_VERDICT_PLAYED,
       "there is room for others");
    is(media_get(m, &a, 0, 1000, 1000), PLAYCOUNT_VERDICT_PLAYED,
       "and it counts when the zone has room");
    is(media_get(m, &a, 0, 1000, 1000), PLAYCOUNT_VERDICT_AGAIN, "once");
}

static void windows(playcount_media *m)
{
    static const int64_t at[] = {MONDAY + 22 * 3600, MONDAY + 27 * 3600,
                                 MONDAY + 46 * 3600 + 900,
                                 MONDAY + 71 * 3600 + 900};
    static const int day[] = {1, 1, 0, 1}, rolling[] = {1, 0, 1, 1};

    for (int i = 0; i < 4; i++) {
        media_listener by_day = {10, "/w.mp3", at[i], PLAYCOUNT_WINDOW_DAY},
                       by_hours = {11, "/w.mp3", at[i], PLAYCOUNT_WINDOW_ROLLING};

        is(media_get(m, &by_day, 0, 1000, 1000) == PLAYCOUNT_VERDICT_PLAYED,
           (uint64_t)day[i], "the UTC day");
        is(media_get(m, &by_hours, 0, 1000, 1000) == PLAYCOUNT_VERDICT_PLAYED,
           (uint64_t)rolling[i], "24 hours");
    }
}

static void rolling_over_midnight(playcount_media *m)
{
    media_listener a = {12, "/r.mp3", MONDAY + 23 * 3600, PLAYCOUNT_WINDOW_ROLLING};

    is(media_get(m, &a, 0, 400, 1000), PLAYCOUNT_VERDICT_OPEN, "before midnight");
    a.start += 7200;
    is(media_get(m, &a, 400, 1000, 1000), PLAYCOUNT_VERDICT_PLAYED, "and after it");
    a.start += 20 * 3600;
    is(media_get(m, &a, 0, 1000, 1000), PLAYCOUNT_VERDICT_AGAIN,
       "in the same window");
    a.start += 3 * 3600;
    is(media_get(m, &a, 0, 1000, 1000), PLAYCOUNT_VERDICT_PLAYED,
       "in the next one");
}

static void days(playcount_media *m)
{
    media_listener a = {20, "/d.mp3", NOON, PLAYCOUNT_WINDOW_DAY};
    playcount_day yesterday, day;
    uint64_t key[2];
    int places = 0;

    media_get(m, &a, 0, 1000, 1000);
    playcount_day_find(m, playcount_window_day(NOON), &yesterday);
    a.start += DAY;
    is(media_get(m, &a, 0, 1000, 1000), PLAYCOUNT_VERDICT_PLAYED, "the next day");
    a.start -= DAY;
    is(media_get(m, &a, 0, 1000, 1000), PLAYCOUNT_VERDICT_AGAIN,
       "the day before is known still");
    a.start += 2 * DAY;
    is(media_get(m, &a, 0, 1000, 1000), PLAYCOUNT_VERDICT_PLAYED, "the third day");
    a.start -= 2 * DAY;
    is(media_get(m, &a, 0, 1000, 1000), PLAYCOUNT_VERDICT_FULL,
       "the first is known no more");
    ok(!playcount_day_find(m, yesterday.day, &day), "it has no generation");
    memcpy(key, yesterday.key, sizeof(key));
    for (int i = 0; i < PLAYCOUNT_GENERATIONS; i++) {
        for (int w = 0; w < 2; w++) {
            places += atomic_load(&m->header->generation[i].key[w]) == key[w];
        }
    }
    is((uint64_t)places, 0, "and its key is nowhere");
    playcount_media_sweep(m, playcount_window_day(NOON) + 2);
    for (uint64_t i = 0; i < m->header->slots; i++) {
        places += atomic_load(&m->fp[yesterday.place][i]) != 0;
    }
    is((uint64_t)places, 0, "its listeners are gone after the sweep");
    is(playcount_open_count(m), 0, "no open download of an old day is left");
}

static void full(void)
{
    playcount_media_shape small = {50, 1};
    playcount_media *m = media_memory(pool, &small);
    uint64_t played = 0, refused = 0, open = 0, no_room = 0;

    for (uint64_t i = 0; i < 100; i++) {
        playcount_verdict_e v =
            media_get(m, &(media_listener){i, "/f.mp3", NOON, PLAYCOUNT_WINDOW_DAY},
                      0, 1000, 1000);

        played += v == PLAYCOUNT_VERDICT_PLAYED;
        refused += v == PLAYCOUNT_VERDICT_FULL;
    }
    is(played, 50, "as many are counted as downloads= says");
    is(refused, 50, "the others are refused");
    is(media_get(m, &(media_listener){7, "/f.mp3", NOON, PLAYCOUNT_WINDOW_DAY}, 0,
                 1000, 1000),
       PLAYCOUNT_VERDICT_AGAIN, "nobody was evicted");
    for (uint64_t i = 1000; i < 1000 + 2 * PLAYCOUNT_STRIPE_PLACES; i++) {
        playcount_verdict_e v =
            media_get(m, &(media_listener){i, "/f.mp3", NOON, PLAYCOUNT_WINDOW_DAY},
                      0, 10, 1000);

        open += v == PLAYCOUNT_VERDICT_OPEN;
        no_room += v == PLAYCOUNT_VERDICT_FULL;
    }
    ok(open >= 1 && open + no_room == 2 * PLAYCOUNT_STRIPE_PLACES,
       "open downloads are refused too: %d are known", (int)open);
    is(playcount_open_count(m), open, "and counted");
}

static void files(playcount_media *m)
{
    playcount_measured in = {100, 10, 90, 50, 1.5}, out;

    ok(!playcount_media_find_file(m, 77, &out), "an unknown file");
    playcount_media_keep_file(m, 77, &in);
    ok(playcount_media_find_file(m, 77, &out) && !memcmp(&in, &out, sizeof(in)),
       "a known one");
    playcount_media_keep_file(m, 77 + 2 * PLAYCOUNT_MEDIA_FILES, &in);
    ok(!playcount_media_find_file(m, 77, &out), "one in its place");
}

/* --- many at once --- */

#define LISTENERS 3000
#define PIECES 8

static _Atomic uint32_t *plays; /* of each listener, shared */

/* Deliver every listener's pieces, in an order of one's own. */
static void deliver_all(playcount_media *m, uint64_t order)
{
    for (uint64_t i = 0; i < LISTENERS * PIECES; i++) {
        uint64_t n = (i * 7919 + order * 104729) % (LISTENERS * PIECES),
                 listener = n / PIECES, piece = n % PIECES;
        media_listener a = {listener, "/t.mp3", NOON, PLAYCOUNT_WINDOW_DAY};
        playcount_media_result result;

        if (media_deliver(m, &a, piece * 100, piece * 100 + 100, 100 * PIECES,
                          &result) == PLAYCOUNT_VERDICT_PLAYED) {
            atomic_fetch_add(&plays[listener], 1);
            playcount_media_done(m, &result);
        }
    }
}

static playcount_media *shared;

static void *thread(void *order)
{
    deliver_all(shared, (uint64_t)(uintptr_t)order);
    return NULL;
}

static uint64_t listeners_with(uint32_t n)
{
    uint64_t count = 0;

    for (int i = 0; i < LISTENERS; i++) {
        count += atomic_load(&plays[i]) == n;
    }
    return count;
}

static void many_at_once(void)
{
    playcount_media_shape shape = {LISTENERS, LISTENERS};

    shared = media_memory(pool, &shape);
    for (int p = 0; p < 3; p++) {
        if (test_fork() == 0) {
            pthread_t t[3];

            for (int i = 0; i < 3; i++) {
                pthread_create(&t[i], NULL, thread, (void *)(uintptr_t)(p * 3 + i));
            }
            for (int i = 0; i < 3; i++) {
                pthread_join(t[i], NULL);
            }
            _exit(0);
        }
    }
    while (wait(NULL) > 0) {
    }
    is(listeners_with(1), LISTENERS,
       "each of many listeners counts once, by nine threads");
}

/* Children that deliver are killed; one more does all that is needed in the end.
 * What a child was about to write into `plays` when it was killed may be missing
 * there: so no listener counts twice, and all are counted. */
static void killed(void)
{
    playcount_media_shape shape = {2 * LISTENERS, LISTENERS};
    playcount_media_use use;

    shared = media_memory(pool, &shape);
    memset((void *)plays, 0, LISTENERS * sizeof(*plays));
    for (int round = 0; round < 40; round++) {
        pid_t child[2];

        for (int i = 0; i < 2; i++) {
            child[i] = test_fork();
            if (child[i] == 0) {
                for (;;) {
                    deliver_all(shared, (uint64_t)(round * 2 + i));
                }
            }
        }
        usleep(2000 + (useconds_t)(round * 997 % 5000));
        kill(child[0], SIGKILL);
        kill(child[1], SIGKILL);
        while (wait(NULL) > 0) {
        }
    }
    deliver_all(shared, 1);
    ok(listeners_with(0) + listeners_with(1) == LISTENERS,
       "80 kills, and nobody counts twice");
    ok(listeners_with(0) <= 80, "a kill costs one play at most");
    playcount_media_usage(shared, &use);
    ok(use.counted >= LISTENERS && use.counted <= LISTENERS + 80,
       "all are counted; a kill costs one place at most");
}

/* A child that holds all locks of open downloads and does not go on. */
static void frozen(playcount_media *m)
{
    media_listener counted = {30, "/z.mp3", NOON + 2 * DAY, PLAYCOUNT_WINDOW_DAY},
                   other = {31, "/z.mp3", NOON + 2 * DAY, PLAYCOUNT_WINDOW_DAY};
    int ready[2];
    char byte;
    pid_t child;

    media_get(m, &counted, 0, 1000, 1000);
    if (pipe(ready) != 0 || (child = test_fork()) < 0) {
        printf("# no child\n");
        exit(1);
    }
    if (child == 0) {
        for (uint64_t s = 0; s < m->header->stripes; s++) {
            playcount_media_lock_get(&m->stripe[s].lock);
        }
        _exit(write(ready[1], "x", 1) == 1 ? pause() : 1);
    }
    if (read(ready[0], &byte, 1) != 1) {
        printf("# the child has no locks\n");
        exit(1);
    }
    is(media_get(m, &counted, 0, 1000, 1000), PLAYCOUNT_VERDICT_AGAIN,
       "who is counted is known, whatever is locked");
    is(media_get(m, &other, 0, 1000, 1000), PLAYCOUNT_VERDICT_FULL,
       "nobody waits for a process that does not go on");
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    is(media_get(m, &other, 0, 1000, 1000), PLAYCOUNT_VERDICT_PLAYED,
       "when it has been killed its locks are free");
}

int main(void)
{
    playcount_media_shape shape = {1000, 1000};
    playcount_media *m;

    pool = test_pool();
    m = media_memory(pool, &shape);
    one_listener(m);
    what_is_missing(media_memory(pool, &shape));
    where_they_end(media_memory(pool, &shape));
    refused_by_the_zone(m);
    refused_often(media_memory(pool, &shape));
    files(m);
    days(m);
    frozen(m);
    windows(media_memory(pool, &shape));
    rolling_over_midnight(media_memory(pool, &shape));
    full();
    plays = media_shared(LISTENERS * sizeof(*plays));
    many_at_once();
    killed();
    return done_testing();
}

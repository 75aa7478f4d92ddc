/* Batches under load: players, clears of none, takers and consumers that are
 * killed at any moment. In the end what the consumer has is what was counted, each
 * play once; and a batch of a million songs is taken while plays go on. */

#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "file.h"

#define SONGS 500

/* What a consumer keeps, and changes in one transaction. */
typedef struct {
    uint64_t last;
    uint64_t plays[SONGS];
} consumer;

typedef struct {
    _Atomic int side;
    consumer sides[2];
    _Atomic uint64_t batches;
} database;

static apr_pool_t *pool;
static database *db;

static void play(playcount_zone *z, unsigned *seed)
{
    char id[40];
    uint64_t count;

    for (;;) {
        int song = rand_r(seed) % SONGS;

        playcount_zone_add(z, id,
                           (apr_size_t)sprintf(id, song % 4 ? "%d" : "%030d", song),
                           1 + (uint64_t)song % 7, &count);
    }
}

/* One batch, if there is one. 0 when it could not be what it says. */
static int hand_over(playcount_zone *z)
{
    const consumer *now = &db->sides[db->side];
    consumer *next = &db->sides[!db->side];
    playcount_batch b;
    playcount_batch_cursor c;
    playcount_song song;
    uint64_t plays = 0, songs = 0;
    int more;

    if (playcount_batch_take(z, &b) != APR_SUCCESS) {
        return 1;
    }
    if (playcount_batch_verdict(&b, now->last) == PLAYCOUNT_BATCH_ADD) {
        *next = *now;
        next->last = b.number;
        playcount_batch_begin(z, &b, &c);
        while ((more = playcount_batch_next(z, &c, &song)) == 1) {
            song.id[song.length] = 0;
            next->plays[strtoul(song.id, NULL, 10) % SONGS] += song.count;
            plays += song.count;
            songs++;
        }
        if (more < 0) {
            return 1; /* another consumer was quicker */
        }
        if (plays != b.plays || songs != b.songs) {
            return 0;
        }
        db->side = !db->side;
        db->batches++;
    }
    playcount_batch_acknowledge(z, b.number);
    return 1;
}

static int all_is_handed_over(playcount_zone *z)
{
    playcount_cursor c;
    playcount_song song;
    int good = 1;

    for (playcount_zone_begin(z, &c); playcount_zone_next(z, &c, &song);) {
        song.id[song.length] = 0;
        good &= db->sides[db->side].plays[strtoul(song.id, NULL, 10)] == song.count;
    }
    return good;
}

static pid_t player(playcount_zone *z, unsigned seed)
{
    pid_t child = test_fork();

    if (child == 0) {
        play(z, &seed);
    }
    return child;
}

static pid_t taker(playcount_zone *z)
{
    pid_t child = test_fork();

    if (child == 0) {
        while (hand_over(z)) {
        }
        _exit(3);
    }
    return child;
}

static void under_load(playcount_zone *z, const char *where, int kills)
{
    pid_t playing = player(z, (unsigned)kills), taking;
    int good = 1, status;
    playcount_handoff_use use;

    memset((void *)db, 0, sizeof(*db));
    for (int k = 0; k < kills; k++) {
        taking = taker(z);
        usleep((useconds_t)(rand() % 4000));
        kill(taking, SIGKILL);
        waitpid(taking, &status, 0);
        good &= !WIFEXITED(status);
        if (k % 5 == 0) {
            kill(playing, SIGKILL);
            waitpid(playing, NULL, 0);
            playing = player(z, (unsigned)k);
        }
    }
    kill(playing, SIGKILL);
    waitpid(playing, NULL, 0);
    ok(good, "%s: every batch is the sum of its songs", where);
    good = 1;
    do {
        good &= hand_over(z);
        playcount_handoff_usage(z, &use);
    } while (good && (use.open || !all_is_handed_over(z)) && use.batches < 1000000);
    printf("# %" PRIu64 " batches, %d kills\n", (uint64_t)db->batches, kills);
    ok(good && all_is_handed_over(z),
       "%s: in the end the consumer has every play once", where);
}

/* The whole server is killed, and the file opened again, with a batch open. */
static void through_kills_of_all(void)
{
    const char *path = apr_pstrdup(pool, test_path("handoff"));
    int good = 1;

    memset((void *)db, 0, sizeof(*db));
    for (int round = 0; round < 30; round++) {
        pid_t server = test_fork();
        opened o;

        if (server == 0) {
            unsigned seed = (unsigned)round;
            pid_t playing;

            o = open_zone(path, SONGS, 0);
            playcount_batch_take_at_open(o.zone);
            setpgid(0, 0);
            playing = player(o.zone, seed);
            while (playing && hand_over(o.zone)) {
            }
            _exit(3);
        }
        usleep((useconds_t)(2000 + rand() % 20000));
        while (kill(-server, SIGKILL) != 0) {
            usleep(500);
        }
        waitpid(server, NULL, 0);
        do { /* its player may hold the lock of the file for another moment */
            o = open_zone(path, SONGS, 0);
            if (o.rv != APR_SUCCESS) {
                close_zone(&o);
                usleep(500);
            }
        } while (!o.zone);
        good &= playcount_batch_take_at_open(o.zone) == APR_SUCCESS;
        for (int n = 0; n < 4; n++) {
            good &= hand_over(o.zone);
        }
        good &= all_is_handed_over(o.zone);
        close_zone(&o);
    }
    ok(good, "a server that is killed and started again hands over each play once");
}

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void a_million(void)
{
    const uint64_t songs = 1000000;
    playcount_zone *z = test_zone(pool, songs, 0);
    playcount_batch b;
    playcount_batch_cursor c;
    playcount_song song;
    char id[20];
    uint64_t count, plays = 0, n = 0, later = 0;
    double start, taken, read;
    int good = 1;

    for (uint64_t i = 0; i < songs; i++) {
        playcount_zone_add(z, id, (apr_size_t)sprintf(id, "song-%011" PRIu64, i),
                           i + 1, &count);
    }
    start = seconds();
    is(playcount_batch_take(z, &b), APR_SUCCESS,
       "a batch of a million songs is taken");
    taken = seconds();
    is(b.songs, songs, "with all of them");
    is(b.plays, songs * (songs + 1) / 2, "and all their plays");
    for (playcount_batch_begin(z, &b, &c); playcount_batch_next(z, &c, &song) == 1;
         n++) {
        good &= song.count == n + 1;
        plays += song.count;
        if (n % 1000 == 0) {
            playcount_zone_add(z, song.id, song.length, 1, &count);
            later++;
        }
    }
    read = seconds();
    printf("# taken in %.0f ms, read in %.0f ms\n", 1e3 * (taken - start),
           1e3 * (read - taken));
    ok(good && n == songs && plays == b.plays, "it reads as it was taken");
    playcount_batch_acknowledge(z, b.number);
    is(playcount_batch_take(z, &b), APR_SUCCESS, "the plays beside it");
    is(b.plays, later, "are in the next one");
    munmap(z->head, z->head->at.end);
}

int main(void)
{
    const char *rounds = getenv("PLAYCOUNT_ROUNDS");
    int n = rounds ? atoi(rounds) : 60;
    opened o;

    pool = test_pool();
    alarm(300 + (unsigned)n);
    db = mmap(NULL, sizeof(*db), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
              -1, 0);
    under_load(test_zone(pool, SONGS, 0), "in memory", n);
    o = open_zone(test_path("load"), SONGS, 0);
    under_load(o.zone, "in a file", n);
    close_zone(&o);
    through_kills_of_all();
    a_million();
    return done_testing();
}

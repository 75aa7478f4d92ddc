/* Processes of two threads hammer one zone, and are killed at random moments.
 * Without clears every play that was answered is in its song, once, under an
 * answer of its own; with clears no play is ever in another song. Batches are
 * there wholly or not at all, and no process hangs.
 *
 * PLAYCOUNT_ROUNDS says how long: the default takes some seconds. */

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

#include "shm/zone/layout.h"

#define WORKERS 3
#define THREADS 2
#define HOT 6
#define GROUP 10
#define SONGS 64
#define ANSWERS (1 << 20)

/* What one thread did; only it writes, and the parent between two rounds. */
typedef struct {
    _Atomic uint64_t rounds;
    _Atomic uint64_t hot[HOT];  /* plays acknowledged */
    _Atomic uint64_t batches;   /* acknowledged */
    _Atomic uint64_t last;      /* the last answer for its own song */
    _Atomic uint64_t last_done; /* clears that were over before that */
    _Atomic uint64_t maybe;     /* plays of its own song whose answer died */
    _Atomic uint64_t asking;    /* 1 while it waits for such an answer */
    _Atomic uint64_t wrong;     /* promises broken */
} worker;

typedef struct {
    _Atomic uint64_t clears_begun, clears_done;
    _Atomic uint64_t stop;
    uint64_t with_clears;
    worker workers[WORKERS][THREADS];
    _Atomic uint8_t answers[HOT][ANSWERS]; /* how often each was given */
} shared;

static shared *all;
static playcount_zone *zone;
static pid_t pids[WORKERS];

/* Every song has an amount of its own: a count that is no multiple of it holds a
 * play of another song. */
static uint64_t amount(const char *id, apr_size_t length)
{
    if (!all->with_clears && id[0] == 'h') {
        return 1;
    }
    return 1001 + 2 * (playcount_zone_hash(zone, id, length) % 5000);
}

static const char *own_id(char *id, int w, int t)
{
    sprintf(id, "p%d.%d", w, t);
    if (t) { /* a long one */
        memset(id + 4, '_', 100);
        id[104] = 0;
    }
    return id;
}

static void wrong(worker *me, const char *what, uint64_t got)
{
    me->wrong++;
    printf("# %s: %" PRIu64 "\n", what, got);
    fflush(stdout);
}

static void play_hot(worker *me, unsigned *seed)
{
    int i = rand_r(seed) % HOT;
    char id[8];
    uint64_t count = 0;

    sprintf(id, "h%d", i);
    if (playcount_zone_add(zone, id, 2, amount(id, 2), &count) != APR_SUCCESS) {
        return;
    }
    if (count % amount(id, 2)) {
        wrong(me, "an answer holds another song's play", count);
    }
    if (!all->with_clears && count < ANSWERS) {
        if (atomic_fetch_add(&all->answers[i][count], 1)) {
            wrong(me, "an answer was given twice", count);
        }
    }
    me->hot[i]++;
}

/* The song that only this thread plays: its answers go up one by one, and begin
 * again only with a clear. */
static void play_own(worker *me, int w, int t)
{
    char id[256];
    uint64_t done = all->clears_done, count = 0, by, n;
    apr_size_t length = strlen(own_id(id, w, t));

    by = amount(id, length);
    me->asking = 1;
    if (playcount_zone_add(zone, id, length, by, &count) == APR_SUCCESS) {
        int cleared = all->clears_begun > me->last_done;

        n = count / by;
        if (count % by || !((n > me->last && n <= me->last + 1 + me->maybe) ||
                            (cleared && n >= 1 && n <= 1 + me->maybe))) {
            wrong(me, "the only player's answer is not the next", n);
            printf("# last %" PRIu64 " maybe %" PRIu64 "\n", me->last, me->maybe);
        }
        me->last = n;
        me->last_done = done;
        me->maybe = 0;
    }
    me->asking = 0;
}

/* The songs of the group are played together only. */
static void play_group(worker *me)
{
    playcount_play plays[GROUP];
    char ids[GROUP][130];

    for (int i = 0; i < GROUP; i++) {
        sprintf(ids[i], i % 3 ? "g%d" : "g%0100d", i);
        plays[i].id = ids[i];
        plays[i].length = (uint8_t)strlen(ids[i]);
        plays[i].by = amount(ids[i], plays[i].length);
        plays[i].hash = playcount_zone_hash(zone, ids[i], plays[i].length);
    }
    if (playcount_zone_add_many(zone, plays, GROUP, NULL) == APR_SUCCESS) {
        me->batches++;
        for (int i = 0; i < GROUP; i++) {
            if (plays[i].count % plays[i].by) {
                wrong(me, "a batch's answer holds another song's play",
                      plays[i].count);
            }
        }
    }
}

static void look(worker *me, unsigned *seed)
{
    char id[8];
    uint64_t count;

    sprintf(id, "h%d", rand_r(seed) % HOT);
    count = get(zone, id);
    if (count % amount(id, 2)) {
        wrong(me, "a count holds another song's play", count);
    }
}

static void list(worker *me)
{
    playcount_cursor c;
    playcount_song song;

    for (playcount_zone_begin(zone, &c); playcount_zone_next(zone, &c, &song);) {
        if (!song.length || !song.count ||
            song.count % amount(song.id, song.length)) {
            wrong(me, "a listing mixes songs", song.count);
            printf("# %.*s\n", (int)song.length, song.id);
        }
    }
}

static void junk(unsigned *seed)
{
    char id[64];
    uint64_t count;
    apr_size_t length = (apr_size_t)sprintf(id, rand_r(seed) & 1 ? "j%d" : "j%050d",
                                            rand_r(seed) % 1000);

    playcount_zone_add(zone, id, length, amount(id, length), &count);
}

static void clear(void)
{
    all->clears_begun++;
    playcount_zone_clear(zone);
    all->clears_done++;
}

static void *work(void *argument)
{
    int w = (int)(intptr_t)argument / THREADS,
        t = (int)(intptr_t)argument % THREADS;
    worker *me = &all->workers[w][t];
    unsigned seed = (unsigned)(getpid() * THREADS + t);

    while (!all->stop) {
        int what = rand_r(&seed) % 100;

        if (what < 50) {
            play_hot(me, &seed);
        }
        else if (what < 65) {
            play_own(me, w, t);
        }
        else if (what < 75) {
            play_group(me);
        }
        else if (what < 88) {
            look(me, &seed);
        }
        else if (what < 95) {
            junk(&seed);
        }
        else {
            list(me);
        }
        if (all->with_clears && rand_r(&seed) % 500 == 0) {
            clear();
        }
        me->rounds++;
    }
    return NULL;
}

static void start(int w)
{
    fflush(stdout);
    pids[w] = test_fork();
    if (pids[w] == 0) {
        pthread_t other;

        pthread_create(&other, NULL, work, (void *)(intptr_t)(w * THREADS + 1));
        work((void *)(intptr_t)(w * THREADS));
        pthread_join(other, NULL);
        _exit(0);
    }
}

static void stop(int w)
{
    kill(pids[w], SIGKILL);
    waitpid(pids[w], NULL, 0);
    for (int t = 0; t < THREADS; t++) {
        worker *me = &all->workers[w][t];

        me->maybe += me->asking;
        me->asking = 0;
    }
}

static void waits_for_ever(int sig)
{
    static const char said[] = "not ok 1 - no process hangs\n1..1\n";

    if (write(1, said, sizeof(said) - 1) > 0) {
        for (int w = 0; w < WORKERS; w++) {
            kill(pids[w], SIGKILL);
        }
    }
    _exit(1);
}

/* Let all continue: one that hangs here hangs until the alarm. */
static void wait_for_progress(void)
{
    for (int w = 0; w < WORKERS; w++) {
        for (int t = 0; t < THREADS; t++) {
            uint64_t before = all->workers[w][t].rounds;

            while (all->workers[w][t].rounds == before) {
                usleep(200);
            }
        }
    }
}

/* One round: the number of kills. */
static uint64_t hammer(int kills)
{
    for (int w = 0; w < WORKERS; w++) {
        start(w);
    }
    for (int k = 0; k < kills; k++) {
        int w = rand() % WORKERS;

        usleep((useconds_t)(rand() % 3000));
        stop(w);
        start(w);
    }
    wait_for_progress();
    for (int w = 0; w < WORKERS; w++) {
        stop(w);
    }
    playcount_zone_repair(zone);
    return (uint64_t)kills + WORKERS;
}

/* After a round: all or none, and no play in another song. */
static int group_is_whole(void)
{
    uint64_t first = 0;

    for (int i = 0; i < GROUP; i++) {
        char id[130];
        uint64_t n;

        sprintf(id, i % 3 ? "g%d" : "g%0100d", i);
        n = get(zone, id) / amount(id, strlen(id));
        first = i ? first : n;
        if (n != first) {
            printf("# batches in song %d: %" PRIu64 ", in song 0: %" PRIu64 "\n", i,
                   n, first);
            return 0;
        }
    }
    return 1;
}

static uint64_t broken(void)
{
    uint64_t n = 0;

    list(&all->workers[0][0]);
    for (int w = 0; w < WORKERS; w++) {
        for (int t = 0; t < THREADS; t++) {
            n += all->workers[w][t].wrong;
        }
    }
    return n;
}

static void without_clears(int rounds)
{
    uint64_t lost = 0;
    int exact = 1, whole = 1, gapless = 1, batches = 1;

    for (int r = 0; r < rounds; r++) {
        uint64_t acked_batches = 0, n;

        lost += THREADS * hammer(20);
        whole &= group_is_whole();
        for (int i = 0; i < HOT; i++) {
            char id[3] = {'h', (char)('0' + i), 0};
            uint64_t acked = 0, count = get(zone, id), unanswered = 0;

            for (int w = 0; w < WORKERS * THREADS; w++) {
                acked += all->workers[w / THREADS][w % THREADS].hot[i];
            }
            exact &= acked <= count && count <= acked + lost;
            for (uint64_t a = 1; a <= count && a < ANSWERS; a++) {
                unanswered += !all->answers[i][a];
            }
            gapless &= unanswered <= lost;
            for (uint64_t a = count + 1; a < ANSWERS; a++) {
                gapless &= !all->answers[i][a];
            }
        }
        for (int w = 0; w < WORKERS * THREADS; w++) {
            acked_batches += all->workers[w / THREADS][w % THREADS].batches;
        }
        n = get(zone, "g1") / amount("g1", 2);
        batches &= acked_batches <= n && n <= acked_batches + lost;
    }
    printf("# %" PRIu64 " kills, %" PRIu64 " plays of the first song\n",
           lost / THREADS, get(zone, "h0"));
    ok(exact, "each count holds what was answered, and at most what died besides");
    ok(gapless, "the answers are different numbers without a gap");
    ok(whole, "batches count wholly or not at all");
    ok(batches, "and no answered one is missing");
    is(broken(), 0, "no promise was broken without clears");
}

static void with_clears(int rounds)
{
    int whole = 1;

    all->with_clears = 1;
    playcount_zone_clear(zone);
    for (int w = 0; w < WORKERS; w++) {
        memset((void *)all->workers[w], 0, sizeof(all->workers[w]));
    }
    for (int r = 0; r < rounds || !all->clears_done; r++) {
        hammer(20);
        whole &= group_is_whole();
    }
    printf("# %" PRIu64 " clears\n", (uint64_t)all->clears_done);
    ok(whole, "batches count wholly or not at all beside clears");
    is(broken(), 0,
       "no play is in another song, and counts restart only after a clear");
}

int main(void)
{
    apr_pool_t *pool = test_pool();
    const char *rounds = getenv("PLAYCOUNT_ROUNDS");
    int n = rounds ? atoi(rounds) : 60;

    signal(SIGALRM, waits_for_ever);
    alarm(300 + (unsigned)n);
    srand((unsigned)getpid());
    all = mmap(NULL, sizeof(*all), PROT_READ | PROT_WRITE,
               MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    zone = test_zone(pool, SONGS, 0);
    for (int w = 0; w < HOT; w++) { /* so that they fit for sure */
        add(zone, apr_psprintf(pool, "h%d", w), 1);
        atomic_fetch_add(&all->answers[w][1], 1);
        all->workers[0][0].hot[w] = 1;
    }
    play_group(&all->workers[0][0]);
    without_clears(n / 2);
    with_clears(n - n / 2);
    return done_testing();
}

/* A consumer that follows playcount_batch_verdict() has every play once: whatever
 * is killed between any two steps, however often, and also when an older copy of
 * the file comes back. Every play is of a song of its own, so that each can be
 * followed; what happens is drawn at random. */
#include <unistd.h>

#include "file.h"

#define TRIALS 40
#define STEPS 60
#define SONGS 1000

typedef struct {
    uint64_t last;
    uint8_t has[SONGS]; /* how often */
} consumer;

typedef struct {
    consumer db;
    uint8_t in_zone[SONGS]; /* plays that the file has */
    int next;               /* the next song to play */
    opened o;
    /* the older copy */
    char *copy;
    size_t copy_bytes;
    uint8_t in_copy[SONGS];
    int copy_is_hard; /* two batches open, and perhaps more behind them */
    int hard_too;     /* bring it back nevertheless */
    int stuck;        /* such a copy came back */
} world;

static unsigned draw(unsigned below)
{
    return (unsigned)rand() % below;
}

static void play(world *w)
{
    for (unsigned n = 1 + draw(4); n && w->next < SONGS; n--) {
        add(w->o.zone, apr_psprintf(w->o.pool, "song %d", w->next), 1);
        w->in_zone[w->next++] = 1;
    }
}

/* Take what is open, or a new batch. Numbers are milliseconds. */
static int take(world *w, playcount_batch *b)
{
    usleep(1100);
    return playcount_batch_take(w->o.zone, b) == APR_SUCCESS;
}

static void commit(world *w, const playcount_batch *b)
{
    playcount_batch_verdict_e verdict = playcount_batch_verdict(b, w->db.last);
    playcount_batch_cursor c;
    playcount_song song;

    if (verdict == PLAYCOUNT_BATCH_FOREIGN) {
        w->stuck = 1;
        return;
    }
    if (verdict == PLAYCOUNT_BATCH_ADD) {
        playcount_batch_begin(w->o.zone, b, &c);
        while (playcount_batch_next(w->o.zone, &c, &song) == 1) {
            song.id[song.length] = '\0';
            w->db.has[atoi(song.id + 5)] += (uint8_t)song.count;
        }
    }
    if (verdict != PLAYCOUNT_BATCH_IS_IN) {
        w->db.last = b->number;
    }
}

/* Each of the three steps may be the last. */
static void deliver(world *w)
{
    playcount_batch b;

    if (!take(w, &b) || !draw(4)) {
        return;
    }
    commit(w, &b);
    if (draw(4) && !w->stuck) {
        playcount_batch_acknowledge(w->o.zone, b.number);
    }
}

static void open_again(world *w, const char *path)
{
    usleep(1100);
    w->o = open_zone(path, SONGS, 0);
    playcount_batch_take_at_open(w->o.zone);
}

static void keep_copy(world *w, const char *path)
{
    playcount_handoff_use use;
    FILE *f = fopen(path, "rb");

    playcount_handoff_usage(w->o.zone, &use);
    w->copy_is_hard = use.open == 2;
    fseek(f, 0, SEEK_END);
    w->copy_bytes = (size_t)ftell(f);
    rewind(f);
    w->copy = realloc(w->copy, w->copy_bytes);
    if (fread(w->copy, 1, w->copy_bytes, f) != w->copy_bytes) {
        printf("# cannot read %s\n", path);
        exit(1);
    }
    fclose(f);
    memcpy(w->in_copy, w->in_zone, SONGS);
}

static void bring_back(world *w, const char *path)
{
    FILE *f;

    if (!w->copy || (w->copy_is_hard && !w->hard_too)) {
        return;
    }
    close_zone(&w->o);
    f = fopen(path, "wb");
    fwrite(w->copy, 1, w->copy_bytes, f);
    fclose(f);
    memcpy(w->in_zone, w->in_copy, SONGS);
    open_again(w, path);
}

static void crash(world *w, const char *path)
{
    close_zone(&w->o);
    open_again(w, path);
}

/* Every play that the file or the consumer has must be there once in the end;
 * one that went with the newer file and was not delivered may be gone. */
static int settle(world *w)
{
    playcount_batch b;

    while (!w->stuck && take(w, &b)) {
        commit(w, &b);
        playcount_batch_acknowledge(w->o.zone, b.number);
    }
    for (int i = 0; i < w->next; i++) {
        if (w->db.has[i] > 1 || (w->in_zone[i] && !w->db.has[i] && !w->stuck)) {
            printf("# song %d is there %d times\n", i, w->db.has[i]);
            return 0;
        }
    }
    return !w->stuck || w->hard_too;
}

static int trial(unsigned seed, int copies)
{
    const char *path = apr_pstrdup(test_pool(), test_path("zone"));
    world w = {0};
    int good;

    w.hard_too = copies == 2;
    srand(seed);
    unlink(path);
    open_again(&w, path);
    for (int step = 0; step < STEPS && !w.stuck; step++) {
        switch (draw(copies ? 10 : 8)) {
        case 0:
        case 1:
        case 2:
            play(&w);
            break;
        case 3:
        case 4:
        case 5:
            deliver(&w);
            break;
        case 6:
        case 7:
            crash(&w, path);
            break;
        case 8:
            keep_copy(&w, path);
            break;
        default:
            bring_back(&w, path);
        }
    }
    good = settle(&w);
    close_zone(&w.o);
    free(w.copy);
    return good;
}

static void all_trials(int copies, const char *what)
{
    unsigned bad = 0;

    for (unsigned seed = 1; seed <= TRIALS; seed++) {
        if (!trial(seed, copies)) {
            printf("# with seed %u\n", seed);
            bad++;
        }
    }
    is(bad, 0, what);
}

int main(void)
{
    all_trials(0, "killed between any two steps: every play is there once");
    all_trials(1, "older copies of the file come back: every play is there once");
    all_trials(2, "also copies with two open batches: then it may be stuck");
    return done_testing();
}

/* A process may be overtaken at any instruction: while it sleeps there, its song is
 * forgotten and another song of the same length gets the place. No count,
 * no id and no play may come from one song to the other.
 *
 * The operation runs one machine instruction at a time (step.h).
 * After each number of instructions there is a run in which it is overtaken just
 * there, in the handler of the trap, which does what another process would do. Runs
 * in which the operation holds the lock there are left out: nothing is forgotten
 * then. */

#include "fixture.h"
#include "step.h"

#ifdef __x86_64__

#include "shm/zone/batches.h"
#include "shm/zone/layout.h"

/* Both of 30 bytes: the second one's id is written over the first one's. */
#define LONG_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define LONG_Y "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"

typedef struct {
    const char *a, *y; /* the song that goes, and the one that comes */
    uint64_t count;    /* of the first one */
    int in_hole;       /* the first one stands in a hole itself */
    const char *name;
    int leaves; /* its plays have to be handed over first, which they are at once */
} songs;

static const songs kinds[] = {
    {"a", "y", 3, 0, "short ids", 0},
    {LONG_A, LONG_Y, 3, 0, "long ids", 0},
    {"a", "y", WORD_COUNT + 3, 0, "wide counts", 0},
    {LONG_A, LONG_Y, 3, 1, "songs in holes", 0},
    {"a", "y", 3, 0, "songs that leave", 1},
    {LONG_A, LONG_Y, WORD_COUNT + 3, 0, "wide songs that leave", 1},
};

/* What the operation found out. */
typedef struct {
    uint64_t count;
    uint64_t heard; /* songs listed */
    int wrong;
} findings;

static apr_global_mutex_t *lock;
static findings found;
static const songs *kind;

static void read_one(playcount_zone *z)
{
    found.count = get(z, kind->a);
    found.wrong = found.count && found.count != kind->count;
}

static void heard(void *context, const playcount_song *song)
{
    uint64_t count = song->count;
    int is_a =
        song->length == strlen(kind->a) && !memcmp(song->id, kind->a, song->length);
    int is_y =
        song->length == strlen(kind->y) && !memcmp(song->id, kind->y, song->length);
    int is_b = song->length == 1 && *song->id == 'b';

    found.heard++;
    found.wrong |=
        is_b ? count != 1 : !(is_a || is_y) || count != kind->count + is_y;
}

static void list(playcount_zone *z)
{
    playcount_cursor c;
    playcount_song song;

    for (playcount_zone_begin(z, &c); playcount_zone_next(z, &c, &song);) {
        heard(NULL, &song);
    }
    found.wrong |= found.heard < 1 || found.heard > 2;
}

static void list_top(playcount_zone *z)
{
    playcount_zone_top(z, 2, heard, NULL);
}

static void count_one(playcount_zone *z)
{
    found.count = add(z, kind->a, 1);
}

static void count_batch(playcount_zone *z)
{
    uint64_t counts[2];

    if (add_many(z, (const char *[]){kind->a, "b"}, 1, 2, NULL, counts) ==
        APR_SUCCESS) {
        found.count = counts[0];
    }
}

static const struct {
    const char *name;
    void (*run)(playcount_zone *);
    int counts;
    unsigned stride; /* at which of its instructions */
} operations[] = {
    {"reading", read_one, 0, 1},     {"listing", list, 0, 13},
    {"ranking", list_top, 0, 41},    {"counting", count_one, 1, 3},
    {"a batch", count_batch, 1, 67},
};

static void set_up(playcount_zone *z)
{
    uint64_t count;

    playcount_zone_clear(z);
    add(z, kind->in_hole ? "other" : kind->a, kind->count);
    add(z, "b", 1);
    if (kind->in_hole) {
        playcount_zone_forget(z, "other", 5, &count);
        add(z, kind->a, kind->count);
    }
    memset(&found, 0, sizeof(found));
}

/* Where the operation sleeps, and what happens there. */
static struct {
    playcount_zone *zone;
    uint64_t steps, at;
    uint64_t forgotten;
    uint64_t comes_with; /* plays of the song that comes */
    int overtaken;
} sleeper;

static void hand_over(playcount_zone *z)
{
    playcount_batch b;

    if (playcount_batch_take(z, &b) == APR_SUCCESS) {
        playcount_batch_acknowledge(z, b.number);
    }
}

static void trap(int signal_number, siginfo_t *info, void *context)
{
    (void)signal_number;
    (void)info;
    if (++sleeper.steps < sleeper.at) {
        return;
    }
    step_no_more(context);
    if (apr_global_mutex_trylock(lock) == APR_SUCCESS) {
        apr_global_mutex_unlock(lock);
        sleeper.overtaken = 1;
        playcount_zone_forget(sleeper.zone, kind->a, strlen(kind->a),
                              &sleeper.forgotten);
        if (kind->leaves) {
            hand_over(sleeper.zone);
        }
        add(sleeper.zone, kind->y, sleeper.comes_with);
    }
}

/* One run; 0 when the operation has no more instructions. */
static int overtake(playcount_zone *z, int what, uint64_t at, int *good)
{
    set_up(z);
    memset(&sleeper, 0, sizeof(sleeper));
    sleeper.zone = z;
    sleeper.at = at;
    /* The same word for one that counts, another count for one that reads. */
    sleeper.comes_with = kind->count + !operations[what].counts;
    step(1);
    operations[what].run(z);
    step(0);
    if (sleeper.steps < at) {
        return 0;
    }
    if (sleeper.overtaken &&
        (found.wrong || get(z, kind->y) != sleeper.comes_with ||
         (operations[what].counts &&
          sleeper.forgotten != kind->count + (found.count != 0)))) {
        printf("# after %d instructions: %" PRIu64 " %" PRIu64 " %" PRIu64 " %s\n",
               (int)at, found.count, sleeper.forgotten, get(z, kind->y),
               found.wrong ? "wrong" : "");
        *good = 0;
    }
    return 1;
}

int main(void)
{
    apr_pool_t *pool = test_pool();
    playcount_zone *z = test_zone(pool, 2, 0), *handed = test_zone(pool, 2, 0);

    int soak = getenv("PLAYCOUNT_SOAK") != NULL;

    alarm(soak ? 3600 : 900);
    step_handler(trap);
    playcount_zone_set_handed_over(handed);
    for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds); k++) {
        for (int o = 0; o < (int)(sizeof(operations) / sizeof(*operations)); o++) {
            uint64_t at = 1;
            int good = 1;

            kind = &kinds[k];
            z = kind->leaves ? handed : z;
            lock = z->lock;
            set_up(z);
            operations[o].run(
                z); /* once, so that the linker has found all it calls */
            while (good && overtake(z, o, at, &good)) {
                at += soak ? 1 : operations[o].stride;
            }
            ok(good, "%s, %s: overtaken after %d instructions", kind->name,
               operations[o].name, (int)at);
        }
    }
    return done_testing();
}

#endif

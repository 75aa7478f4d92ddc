/* A process may die at any instruction of any operation: the next one finds the
 * zone as it was before the operation or as it is after it, and all goes on.
 *
 * A child does the operation one machine instruction at a time (ptrace). Whenever
 * the memory of the zone has changed, it is copied: this is what a SIGKILL at this
 * instruction would leave. The copy is repaired and then compared, by all that can
 * be asked of it and by a series of further operations, with what the same
 * questions and operations give before and after the operation. The same copy
 * must be found sound as a file, with trust in it (killed server) and without
 * (power loss). Repairing is an operation too, and is stepped in the same way; and
 * a sample of the instructions is done with real kills.
 *
 * PLAYCOUNT_SOAK=1 steps the repair of every state, and kills for real more. */

#include <sys/ptrace.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

#include "fixture.h"

#include "shm/zone/batches.h"
#include "shm/zone/keys.h"
#include "shm/zone/layout.h"
#include "shm/zone/recover.h"
#include "shm/zone/ring.h"

#define NOW 1000
#define TTL 1000000
#define KEYS 4

typedef struct {
    const char *name;
    uint64_t songs;
    void (*set_up)(playcount_zone *);
    void (*run)(playcount_zone *);
    const char *keys; /* whose answers must be those before or after */
    int in_steps; /* others may go on between its steps: then only sums are sure */
} scenario;

static apr_pool_t *forever, *pool; /* the second is cleared again and again */
static int soak;

/* --- what the operations are made of ---------------------------------------- */

static char *long_name(const char *name)
{
    static char ids[8][256];
    static int next;
    char *id = ids[next++ % 8];

    memset(id, '-', 250);
    memcpy(id, name, strlen(name));
    id[250] = 0;
    return id;
}

static void claim(playcount_zone *z, const char *name, uint64_t now,
                  playcount_claim *c)
{
    playcount_key key = playcount_key_hash(z, name, strlen(name));

    c->number = 0;
    playcount_key_claim(z, &key, now, TTL, c);
}

/* A batch of n songs under a key, with the key's name as its fingerprint. */
static void keyed(playcount_zone *z, const char *name, const char **ids, uint64_t n)
{
    playcount_claim c;

    claim(z, name, NOW, &c);
    c.fingerprint = 7;
    if (c.number) {
        add_many(z, ids, 2, n, &c, NULL);
    }
}

static const char *abc[] = {"a", "b", "c"};

static void some(playcount_zone *z)
{
    add(z, "a", 1);
    add(z, long_name("l1"), 2);
    add(z, "b", 3);
    add(z, "w", WORD_COUNT + 10);
    add(z, "n", WORD_COUNT - 1);
    keyed(z, "k1", abc, 2);
}

static void some_handed(playcount_zone *z)
{
    playcount_batch b;

    some(z);
    playcount_batch_take(z, &b);
    playcount_batch_acknowledge(z, b.number);
    add(z, "a", 5);
    add(z, "w", 5);
}

static void open_one(playcount_zone *z)
{
    playcount_batch b;

    some_handed(z);
    playcount_batch_take(z, &b);
    add(z, "b", 1);
}

static void ghosts(playcount_zone *z)
{
    open_one(z);
    playcount_zone_clear(z);
    add(z, long_name("l2"), 5);
    add(z, "a", 6);
}

static void two_open(playcount_zone *z)
{
    open_one(z);
    playcount_batch_take_at_open(z);
}

static void around(playcount_zone *z)
{
    for (int round = 0; round < 5; round++) {
        ghosts(z);
        while (playcount_batch_is_open(z)) {
            playcount_batch b;

            playcount_batch_get(z, &b);
            playcount_batch_acknowledge(z, b.number);
        }
    }
    playcount_zone_clear(z);
    ghosts(z);
}

static void many_keys(playcount_zone *z)
{
    add(z, "a", 1);
    for (int i = 0; i < 6; i++) {
        char name[3] = {'k', (char)('0' + i), 0};

        keyed(z, name, abc, 2);
    }
}

static void claimed(playcount_zone *z)
{
    playcount_claim c;

    some(z);
    claim(z, "k2", NOW, &c);
}

/* The number of the last claim is known to be this. */
static playcount_claim last_claim(playcount_zone *z)
{
    return (playcount_claim){z->head->keys_end, 7};
}

static void register_short(playcount_zone *z)
{
    add(z, "new", 4);
}
static void register_long(playcount_zone *z)
{
    add(z, long_name("new"), 4);
}
static void register_wide(playcount_zone *z)
{
    add(z, "new", WORD_COUNT + 4);
}
static void add_narrow(playcount_zone *z)
{
    add(z, "b", 4);
}
static void add_widening(playcount_zone *z)
{
    add(z, "n", 4);
}
static void add_wide(playcount_zone *z)
{
    add(z, "w", 4);
}
static void clear(playcount_zone *z)
{
    playcount_zone_clear(z);
}
static void take(playcount_zone *z)
{
    playcount_batch b;

    playcount_batch_take(z, &b);
}
static void take_at_open(playcount_zone *z)
{
    playcount_batch_take_at_open(z);
}
static void acknowledge(playcount_zone *z)
{
    const batch_record *b = &z->head->batches[(z->head->acked + 1) % 3];

    playcount_batch_acknowledge(z, b->number);
}
static void batch_known(playcount_zone *z)
{
    add_many(z, (const char *[]){"b", "a", long_name("l1")}, 9, 3, NULL, NULL);
}
static void batch_all_sorts(playcount_zone *z)
{
    add_many(z, (const char *[]){"b", "x", "w", "n", long_name("l9"), "y"}, 9, 6,
             NULL, NULL);
}
static void batch_keyed(playcount_zone *z)
{
    playcount_claim c = last_claim(z);

    add_many(z, (const char *[]){"b", "x", "n"}, 9, 3, &c, NULL);
}
static void one_keyed(playcount_zone *z)
{
    playcount_claim c = last_claim(z);

    add_many(z, (const char *[]){"b"}, 9, 1, &c, NULL);
}
static void claim_new(playcount_zone *z)
{
    playcount_claim c;

    claim(z, "k9", NOW, &c);
}
static void claim_expired(playcount_zone *z)
{
    playcount_claim c;

    claim(z, "k2", NOW + TTL + 1, &c);
}
static void release(playcount_zone *z)
{
    playcount_claim c = last_claim(z);

    playcount_key_release(z, &c);
}

static void forget(playcount_zone *z, const char *id)
{
    uint64_t count;

    playcount_zone_forget(z, id, strlen(id), &count);
}

/* A full zone with three holes: of short ids, of a long one, of one that was put
 * into a hole itself; and songs in holes. */
static void holes(playcount_zone *z)
{
    some(z);
    add(z, long_name("l2"), 5);
    add(z, "x", 6);
    add(z, "y", 7);
    forget(z, "a");
    forget(z, long_name("l1"));
    add(z, long_name("in"), 8);
    add(z, "short", 9);
    forget(z, "y");
    forget(z, long_name("in"));
    forget(z, "b");
}

static void all_handed(playcount_zone *z)
{
    playcount_batch b;

    some_handed(z);
    playcount_batch_take(z, &b);
    playcount_batch_acknowledge(z, b.number);
}

/* Holes and songs in them, before and after a batch. */
static void holes_handed(playcount_zone *z)
{
    playcount_batch b;

    all_handed(z);
    forget(z, "a");
    forget(z, long_name("l1"));
    add(z, "x", 5);
    add(z, "y", 5);
    add(z, "new", 6);
    playcount_batch_take(z, &b);
    playcount_batch_acknowledge(z, b.number);
    forget(z, "w");
    add(z, "new", 6);
}

static void holes_ghosts(playcount_zone *z)
{
    playcount_batch b;

    holes_handed(z);
    playcount_batch_take(z, &b);
    playcount_zone_clear(z);
    add(z, long_name("l2"), 5);
}

/* Songs that left, one of them in a hole, before and after the last batch; one came
 * back. */
static void left(playcount_zone *z)
{
    holes_handed(z);
    forget(z, "new");
    forget(z, "b");
    add(z, "late", 2);
    forget(z, "late");
    add(z, "new", 3);
}

static void left_open(playcount_zone *z)
{
    playcount_batch b;

    left(z);
    playcount_batch_take(z, &b);
    forget(z, "n");
    add(z, "new", 1);
}

static void left_again(playcount_zone *z)
{
    playcount_batch b;

    left_open(z);
    playcount_batch_get(z, &b);
    playcount_batch_acknowledge(z, b.number);
    forget(z, "new");
    playcount_batch_take(z, &b);
}

static void forget_new(playcount_zone *z)
{
    forget(z, "new");
}
static void forget_short(playcount_zone *z)
{
    forget(z, "b");
}
static void forget_long(playcount_zone *z)
{
    forget(z, long_name("l1"));
}
static void forget_wide(playcount_zone *z)
{
    forget(z, "w");
}
static void forget_in_hole(playcount_zone *z)
{
    forget(z, "short");
}
static void add_in_hole(playcount_zone *z)
{
    add(z, "short", 4);
}
static void batch_in_holes(playcount_zone *z)
{
    add_many(z, (const char *[]){"short", "p", long_name("q"), "w", "r"}, 9, 5,
             NULL, NULL);
}

static const scenario scenarios[] = {
    {"the first play of a song", 8, some, register_short, "k1", 0},
    {"the first play of a song with a long id", 8, some, register_long, "k1", 0},
    {"a first play that is wide", 8, some, register_wide, "k1", 0},
    {"a first play behind an open batch", 16, ghosts, register_long, "k1", 0},
    {"a first play after many clears", 12, around, register_long, "", 0},
    {"a play", 8, some, add_narrow, "k1", 0},
    {"a play that widens its count", 8, some, add_widening, "k1", 0},
    {"a play of a wide count", 8, some, add_wide, "k1", 0},
    {"a batch of known songs", 8, some, batch_known, "k1", 0},
    {"a batch of all sorts of songs", 10, some, batch_all_sorts, "k1", 0},
    {"a batch behind an open handoff", 18, ghosts, batch_all_sorts, "k1", 0},
    {"a batch with a key", 10, claimed, batch_keyed, "k1 k2", 0},
    {"one play with a key", 10, claimed, one_keyed, "k1 k2", 0},
    {"a clear", 8, some, clear, "k1", 0},
    {"a clear of a nearly empty zone", 500, some, clear, "k1", 0},
    {"a clear with an open handoff", 12, open_one, clear, "k1", 0},
    {"a clear behind one", 18, ghosts, clear, "k1", 0},
    {"taking a handoff", 8, some, take, "k1", 1},
    {"taking the second handoff", 8, some_handed, take, "k1", 1},
    {"taking at the opening of a file", 8, open_one, take_at_open, "k1", 1},
    {"acknowledging", 8, open_one, acknowledge, "k1", 0},
    {"acknowledging the first of two", 8, two_open, acknowledge, "k1", 0},
    {"acknowledging after a clear", 16, ghosts, acknowledge, "k1", 0},
    {"claiming a key", 8, some, claim_new, "k1", 0},
    {"claiming a key in the oldest one's place", 8, many_keys, claim_new,
     "k3 k4 k5", 0},
    {"claiming a key again when its time is over", 8, claimed, claim_expired, "k1",
     0},
    {"giving a claim back", 8, claimed, release, "k1", 0},
    {"forgetting a song", 8, some, forget_short, "k1", 0},
    {"forgetting a song with a long id", 8, some, forget_long, "k1", 0},
    {"forgetting a wide song", 8, some, forget_wide, "k1", 0},
    {"forgetting a song in a hole", 8, holes, forget_in_hole, "k1", 0},
    {"forgetting a song that is handed over", 8, all_handed, forget_long, "k1", 0},
    {"forgetting one when others are not", 7, holes_handed, forget_short, "k1", 0},
    {"forgetting one that is not handed over", 8, some_handed, forget_wide, "k1",
     0},
    {"forgetting one of an open batch", 8, open_one, forget_short, "k1", 0},
    {"forgetting one with a long id of an open batch", 8, open_one, forget_long,
     "k1", 0},
    {"forgetting one in a hole that is not handed over", 7, holes_handed,
     forget_new, "k1", 0},
    {"forgetting one beside others that left", 12, left, forget_wide, "k1", 0},
    {"a first play beside songs that left", 12, left, register_long, "k1", 0},
    {"a batch beside songs that left", 14, left, batch_all_sorts, "k1", 0},
    {"taking a handoff of songs that left", 12, left, take, "k1", 1},
    {"acknowledging songs that left", 12, left_open, acknowledge, "k1", 0},
    {"acknowledging them in a full zone", 9, left_again, acknowledge, "k1", 0},
    {"a clear with songs that left", 12, left, clear, "k1", 0},
    {"a clear with them in an open batch", 20, left_open, clear, "k1", 0},
    {"a first play in a hole", 8, holes, register_short, "k1", 0},
    {"a first play with a long id in a hole", 8, holes, register_long, "k1", 0},
    {"a wide first play in a hole", 8, holes, register_wide, "k1", 0},
    {"a first play in a hole of a long id", 7, holes_handed, register_long, "k1",
     0},
    {"a play in a hole", 8, holes, add_in_hole, "k1", 0},
    {"a batch in holes", 8, holes, batch_in_holes, "k1", 0},
    {"a batch at the end and in holes", 9, holes, batch_in_holes, "k1", 0},
    {"a batch that the holes do not hold", 7, holes_handed, batch_all_sorts, "k1",
     0},
    {"a clear with holes", 8, holes, clear, "k1", 0},
    {"a clear of a nearly empty zone with holes", 500, holes, clear, "k1", 0},
    {"a clear with holes and an open handoff", 16, holes_ghosts, clear, "k1", 0},
    {"taking a handoff of holes", 7, holes_handed, take, "k1", 1},
};

/* --- all that can be asked of a zone ---------------------------------------- */

static const char *batches_text(playcount_zone *z)
{
    const char *all = "";
    uint64_t taken = z->head->taken;

    for (uint64_t q = z->head->acked + 1; q <= taken; q++) {
        playcount_batch b = {.sequence = q};
        const batch_record *r = &z->head->batches[q % 3];
        const batch_record *before = &z->head->batches[(q - 1) % 3];
        playcount_batch_cursor c;
        playcount_song song;
        uint64_t plays = 0;

        all = apr_psprintf(pool, "%s open:", all);
        for (playcount_batch_begin(z, &b, &c);
             playcount_batch_next(z, &c, &song) == 1;) {
            all = apr_psprintf(pool, "%s,%.*s=%" PRIu64, all, (int)song.length,
                               song.id, song.count);
            plays += song.count;
        }
        if (plays != r->plays || r->previous != (q > 1 ? before->number : 0) ||
            r->number <= r->previous) {
            all = apr_pstrcat(pool, all, " WRONG SUM OR NUMBER", NULL);
        }
    }
    return all;
}

static const char *keys_text(playcount_zone *z, const char *names)
{
    const char *all = "";

    for (; *names; names += names[2] ? 3 : 2) {
        playcount_key key = playcount_key_hash(z, names, 2);
        uint64_t counts[3] = {0};
        apr_status_t rv = APR_EMISMATCH;
        int n;

        for (n = 1; n <= 3 && rv == APR_EMISMATCH; n++) {
            rv = playcount_key_recall(z, &key, 7, counts, (apr_size_t)n);
        }
        all = apr_psprintf(pool, "%s %.2s:%d:%d:%" PRIu64 ",%" PRIu64 ",%" PRIu64,
                           all, names, rv, n, counts[0], counts[1], counts[2]);
    }
    return all;
}

static const char *describe(playcount_zone *z, const char *keys)
{
    playcount_cursor c;
    playcount_song song;
    const char *wrong = "";

    for (playcount_zone_begin(z, &c); playcount_zone_next(z, &c, &song);) {
        if (playcount_zone_get(z, song.id, song.length) != song.count) {
            wrong = "a song that is listed is not found";
        }
    }
    if (z->head->op != OP_NONE) {
        wrong = "not repaired";
    }
    return apr_pstrcat(pool, listing(pool, z), batches_text(z), keys_text(z, keys),
                       wrong, NULL);
}

static uint64_t fill(playcount_zone *z)
{
    uint64_t n = 0;

    while (add(z,
               n & 1 ? apr_psprintf(pool, "f%d", (int)n)
                     : long_name(apr_psprintf(pool, "f%d", (int)n)),
               1)) {
        n++;
    }
    return n;
}

/* Go on: everything that can be done, with its answers. */
static const char *go_on(playcount_zone *z, const scenario *s)
{
    const char *all;
    uint64_t counts[3] = {0}, plays = 0;
    playcount_batch b;
    playcount_claim c;

    add(z, "a", 1);
    add(z, long_name("more"), 1);
    add_many(z, (const char *[]){"b", "m"}, 3, 2, NULL, counts);
    all = apr_psprintf(pool, "%" PRIu64 "/%" PRIu64 "/%" PRIu64, get(z, "a"),
                       counts[0], counts[1]);
    claim(z, "k2", NOW + 400, &c);
    c.fingerprint = 7;
    if (c.number) {
        add_many(z, abc, 1, 2, &c, NULL);
    }
    all = apr_pstrcat(pool, all, keys_text(z, "k2"), NULL);
    while (playcount_batch_take(z, &b) == APR_SUCCESS) {
        const char *text = batches_text(z);

        if (!s->in_steps || strstr(text, "WRONG")) {
            all = apr_pstrcat(pool, all, text, NULL);
        }
        plays += b.plays;
        playcount_batch_acknowledge(z, b.number);
    }
    all = apr_psprintf(pool, "%s %" PRIu64 " handed over, %d fit, ", all, plays,
                       (int)fill(z));
    all = apr_pstrcat(pool, all, describe(z, ""), NULL);
    take(z);
    playcount_zone_clear(z);
    all = apr_psprintf(pool, "%s %d fit, %s", all, (int)fill(z), describe(z, ""));
    acknowledge(z);
    playcount_zone_clear(z);
    return apr_psprintf(pool, "%s %d fit", all, (int)fill(z));
}

/* --- memory, saved and put back --- */

typedef struct {
    uint64_t bytes;
    playcount_zone *zone;  /* where the operation runs, with a lock */
    playcount_zone *probe; /* where copies are looked at */
    uint32_t pages[600];   /* those that are ever written */
    uint64_t n;
} rig;

static void save(const rig *r, char *to)
{
    for (uint64_t i = 0; i < r->n; i++) {
        memcpy(to + i * ZONE_PAGE, (char *)r->zone->head + r->pages[i] * ZONE_PAGE,
               ZONE_PAGE);
    }
}

static void put(const rig *r, const playcount_zone *z, const char *from)
{
    if (z == r->probe) {
        madvise(z->head, r->bytes, MADV_DONTNEED);
    }
    else {
        memset(z->head, 0, r->bytes);
    }
    for (uint64_t i = 0; i < r->n; i++) {
        memcpy((char *)z->head + r->pages[i] * ZONE_PAGE, from + i * ZONE_PAGE,
               ZONE_PAGE);
    }
}

static int is_saved(const rig *r, const char *saved)
{
    for (uint64_t i = 0; i < r->n; i++) {
        if (memcmp(saved + i * ZONE_PAGE,
                   (char *)r->zone->head + r->pages[i] * ZONE_PAGE, ZONE_PAGE)) {
            return 0;
        }
    }
    return 1;
}

static void find_pages(rig *r)
{
    static const char zeros[ZONE_PAGE];
    const char *base = (char *)r->zone->head;

    r->n = 0;
    for (uint64_t p = 0; p < r->bytes / ZONE_PAGE && r->n < 600; p++) {
        if (memcmp(base + p * ZONE_PAGE, zeros, ZONE_PAGE)) {
            r->pages[r->n++] = (uint32_t)p;
        }
    }
}

/* --- judging a state --- */

enum { ASK, GO_ON, ADD_FIRST, AS_FILE, WAYS };

/* What a state says when it is repaired and asked in this way. */
static const char *answer(const rig *r, const scenario *s, const char *state,
                          int way)
{
    playcount_zone *z = r->probe;

    put(r, z, state);
    if (way == AS_FILE) {
        uint64_t songs;
        const char *wrong = playcount_recover_check(z, &songs);

        if (wrong || playcount_recover(z)) {
            return wrong ? wrong : "gaps";
        }
        return describe(z, s->keys);
    }
    if (way == ADD_FIRST) {
        add(z, "a", 1000);
    }
    playcount_zone_repair(z);
    return way == GO_ON ? go_on(z, s) : describe(z, s->keys);
}

typedef struct {
    char *state; /* its memory */
    const char *answers[WAYS];
} outcome;

static void judge_side(const rig *r, const scenario *s, outcome *side)
{
    for (int way = 0; way < WAYS; way++) {
        side->answers[way] = apr_pstrdup(forever, answer(r, s, side->state, way));
    }
}

/* Is this state one of the two, in every way? After a power loss each count may
 * be on either side. */
static int judge(const rig *r, const scenario *s, const outcome sides[2],
                 const char *state, int *after)
{
    int ways = s->in_steps ? 2 : WAYS;
    uint64_t songs;
    const char *wrong;

    for (int way = 0; way < WAYS; way++) {
        const char *got;
        int which;

        if (ways == 2 && way == ADD_FIRST) {
            continue;
        }
        apr_pool_clear(pool);
        got = answer(r, s, state, way);
        which = !strcmp(got, sides[1].answers[way]);
        if (!which && strcmp(got, sides[0].answers[way])) {
            printf("# way %d:\n# got    %s\n# before %s\n# after  %s\n", way, got,
                   sides[0].answers[way], sides[1].answers[way]);
            return 0;
        }
        if (strcmp(sides[0].answers[way], sides[1].answers[way])) {
            if (way == ASK && *after && !which) {
                printf("# went back: %s\n", got);
                return 0;
            }
            *after |= which;
        }
    }
    put(r, r->probe, state);
    playcount_recover_distrust(r->probe);
    wrong = playcount_recover_check(r->probe, &songs);
    playcount_recover(r->probe);
    if (wrong || strstr(describe(r->probe, ""), "not found")) {
        printf("# after a power loss: %s\n", wrong ? wrong : "not found");
        return 0;
    }
    return 1;
}

/* --- stepping --- */

static pid_t start(const rig *r, void (*run)(playcount_zone *))
{
    pid_t child = test_fork();

    if (child == 0) {
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        raise(SIGSTOP);
        run(r->zone);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    return child;
}

/* One instruction; 0 when the child is at its end. */
static int step(pid_t child)
{
    int status;

    return ptrace(PTRACE_SINGLESTEP, child, NULL, NULL) == 0 &&
           waitpid(child, &status, 0) == child && WIFSTOPPED(status);
}

static void repair(playcount_zone *z)
{
    playcount_zone_repair(z);
}

/* Step the repair of this state, and judge what it leaves where it changes. */
static int judge_repair(const rig *r, const scenario *s, const outcome sides[2],
                        const char *state)
{
    char *now = malloc(r->n * ZONE_PAGE);
    pid_t child;
    int good = 1, after = 0;

    put(r, r->zone, state);
    memcpy(now, state, r->n * ZONE_PAGE);
    child = start(r, repair);
    while (step(child)) {
        if (good && !is_saved(r, now)) {
            const char *got;

            save(r, now);
            apr_pool_clear(pool);
            got = answer(r, s, now, ASK);
            after |= !strcmp(got, sides[1].answers[ASK]);
            good = after ? !strcmp(got, sides[1].answers[ASK])
                         : !strcmp(got, sides[0].answers[ASK]);
            if (!good) {
                printf("# repair, killed: %s\n", got);
            }
        }
    }
    free(now);
    return good;
}

/* Kill for real after so many steps, and repair with the lock that died. */
static int judge_kill(const rig *r, const scenario *s, const outcome sides[2],
                      uint64_t steps)
{
    pid_t child;
    const char *got;

    put(r, r->zone, sides[0].state);
    child = start(r, s->run);
    while (steps-- > 0 && step(child)) {
    }
    kill(child, SIGKILL);
    while (waitpid(child, NULL, 0) == child) {
    }
    apr_pool_clear(pool);
    playcount_zone_repair(r->zone);
    got = describe(r->zone, s->keys);
    if (strcmp(got, sides[0].answers[ASK]) && strcmp(got, sides[1].answers[ASK])) {
        printf("# killed: %s\n", got);
        return 0;
    }
    got = go_on(r->zone, s);
    return !strcmp(got, sides[0].answers[GO_ON]) ||
           !strcmp(got, sides[1].answers[GO_ON]);
}

static playcount_zone *fresh(const scenario *s, uint64_t bytes, int flags,
                             apr_global_mutex_t *lock)
{
    playcount_zone_size size = {s->songs, KEYS};
    void *memory =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);

    playcount_zone_format(memory, &size);
    return playcount_zone_attach(forever, memory, lock);
}

static void run_scenario(const scenario *s, apr_global_mutex_t *lock)
{
    playcount_zone_size size = {s->songs, KEYS};
    rig r = {.bytes = playcount_zone_bytes(&size)};
    outcome sides[2];
    char *now, *all;
    uint64_t steps = 0, states = 0;
    int good = 1, repaired = 1, killed = 1, after = 0;
    pid_t child;

    r.zone = fresh(s, r.bytes, MAP_SHARED, lock);
    r.probe = fresh(s, r.bytes, MAP_PRIVATE, NULL);
    r.probe->seed = r.zone->seed;
    s->set_up(r.zone);
    all = malloc(r.bytes);
    memcpy(all, r.zone->head, r.bytes);
    s->run(r.zone);
    find_pages(&r);
    now = malloc(r.n * ZONE_PAGE);
    for (int i = 0; i < 2; i++) {
        sides[i].state = malloc(r.n * ZONE_PAGE);
    }
    save(&r, sides[1].state);
    memcpy(r.zone->head, all, r.bytes);
    free(all);
    save(&r, sides[0].state);
    for (int i = 0; i < 2; i++) {
        judge_side(&r, s, &sides[i]);
    }

    memcpy(now, sides[0].state, r.n * ZONE_PAGE);
    child = start(&r, s->run);
    for (; step(child); steps++) {
        if (!is_saved(&r, now)) {
            save(&r, now);
            states++;
            good = good && judge(&r, s, sides, now, &after);
        }
    }
    ok(good, "%s: as before or as after, at each of %d changes", s->name,
       (int)states);

    /* The states again, to step their repair: each from a start of its own. */
    for (uint64_t at = steps / 2, n = 0; n < (soak ? 400u : 4u); n++) {
        at = (at + steps * 61 / 100 + 1) % steps;
        put(&r, r.zone, sides[0].state);
        child = start(&r, s->run);
        for (uint64_t i = 0; i < at && step(child); i++) {
        }
        save(&r, now);
        kill(child, SIGKILL);
        while (waitpid(child, NULL, 0) == child) {
        }
        if (((zone_header *)now)->op != OP_NONE) {
            repaired = repaired && judge_repair(&r, s, sides, now);
        }
        killed = killed && judge_kill(&r, s, sides, at);
    }
    ok(repaired, "%s: also when the repairing process dies", s->name);
    ok(killed, "%s: also with real kills and the lock", s->name);
    munmap(r.zone->head, r.bytes);
    munmap(r.probe->head, r.bytes);
    free(now);
    free(sides[0].state);
    free(sides[1].state);
}

int main(int argc, char **argv)
{
    apr_global_mutex_t *lock;

    soak = getenv("PLAYCOUNT_SOAK") != NULL;
    forever = test_pool();
    apr_pool_create(&pool, forever);
    if (apr_global_mutex_create(&lock, NULL, APR_LOCK_PROC_PTHREAD, forever) !=
        APR_SUCCESS) {
        return 1;
    }
    alarm(soak ? 3600 : 900);
    for (size_t i = 0; i < sizeof(scenarios) / sizeof(*scenarios); i++) {
        if (argc < 2 || strstr(scenarios[i].name, argv[1])) {
            run_scenario(&scenarios[i], lock);
        }
    }
    return done_testing();
}

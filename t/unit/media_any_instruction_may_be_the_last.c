/* A process may die at any instruction of a delivery: what is known of listeners is
 * as it was before or as it is after it, and all goes on.
 *
 * A child delivers one machine instruction at a time (ptrace). Whenever the memory
 * has changed, it is copied, which is what a kill at this instruction leaves; the
 * copy is recovered as a file is that a killed server left, and asked. A sample of
 * the instructions is done with real kills: there the next one who wants the lock
 * repairs. PLAYCOUNT_SOAK=1 kills after each instruction that changed something. */

#include <sys/ptrace.h>
#include <sys/wait.h>

#include "t/unit/media.h"

#define NEED 1000
#define CHANGES 100

typedef struct {
    const char *name;
    void (*set_up)(playcount_media *);
    void (*run)(playcount_media *);
    const char *middle; /* a third state that is right; NULL: there is none */
} scenario;

static const media_listener alice = {1, "/a", NOON, PLAYCOUNT_WINDOW_DAY},
                            bob = {2, "/a", NOON, PLAYCOUNT_WINDOW_DAY},
                            tomorrow = {1, "/a", NOON + DAY, PLAYCOUNT_WINDOW_DAY};

static void nothing(playcount_media *m)
{
    media_get(m, &bob, 0, 100, NEED); /* the day is there */
}

static void some(playcount_media *m)
{
    nothing(m);
    media_get(m, &alice, 0, 300, NEED);
}

static void counted(playcount_media *m)
{
    some(m);
    media_get(m, &alice, 300, 1000, NEED);
}

static void three_days(playcount_media *m)
{
    media_listener l = alice;

    for (int i = 3; i > 0; i--) {
        l.start = NOON - i * DAY;
        media_get(m, &l, 0, 2000, NEED);
    }
    some(m);
}

static void begin_one(playcount_media *m)
{
    media_get(m, &alice, 0, 300, NEED);
}

static void add_some(playcount_media *m)
{
    media_get(m, &alice, 500, 700, NEED);
}

static void finish(playcount_media *m)
{
    media_get(m, &alice, 300, 1000, NEED);
}

static void all_at_once(playcount_media *m)
{
    media_get(m, &alice, 0, 1000, NEED);
}

static void next_day(playcount_media *m)
{
    media_get(m, &tomorrow, 0, 1000, NEED);
}

static void take_back(playcount_media *m)
{
    playcount_media_result result;

    if (media_deliver(m, &alice, 300, 1000, NEED, &result) ==
        PLAYCOUNT_VERDICT_PLAYED) {
        playcount_media_take_back(m, &result);
    }
}

static void sweep(playcount_media *m)
{
    playcount_media_sweep(m, playcount_window_day(NOON));
}

static const scenario scenarios[] = {
    {"the first bytes of a listener", nothing, begin_one, NULL},
    {"more of them", some, add_some, NULL},
    /* She has enough and is not counted: she is with her next bytes. */
    {"the last of them", some, finish,
     "alice 1000001, bob 100, tomorrow 0, then played, again, and played"},
    {"all at once", nothing, all_at_once, NULL},
    {"one who is counted already", counted, all_at_once, NULL},
    /* Counted, and the zone has not said yet that it has no room. */
    {"a play that the zone refuses", some, take_back,
     "alice 1000003, bob 100, tomorrow 0, then again, again, and played"},
    {"a new day", some, next_day, NULL},
    {"a third day", three_days, next_day, NULL},
    {"making room", three_days, sweep, NULL},
};

static apr_pool_t *pool;
static playcount_media *run, *probe;
static uint64_t bytes;

/* How much alice has got, as she counts as soon as the rest is there: asked on a
 * copy. */
static uint64_t has(playcount_media *m, const media_listener *l)
{
    playcount_media_result result;

    if (media_deliver(m, l, 100000, 100001, 1000000, &result) !=
        PLAYCOUNT_VERDICT_OPEN) {
        return 1000000 + result.verdict;
    }
    return result.covered - 1;
}

/* What a state says. `repaired` 0: whoever comes repairs. */
static const char *describe(const char *state, int recover)
{
    uint64_t a, b, c;
    playcount_verdict_e then[3];

    memcpy(probe->header, state, bytes);
    if (recover) {
        playcount_media_recover(probe->header);
    }
    a = has(probe, &alice);
    b = has(probe, &bob);
    c = has(probe, &tomorrow);
    memcpy(probe->header, state, bytes);
    if (recover) {
        playcount_media_recover(probe->header);
    }
    then[0] = media_get(probe, &alice, 0, 1000, NEED);
    then[1] = media_get(probe, &alice, 0, 1000, NEED);
    then[2] = media_get(probe, &tomorrow, 0, 1000, NEED);
    return apr_psprintf(pool,
                        "alice %" PRIu64 ", bob %" PRIu64 ", tomorrow %" PRIu64
                        ", then %s, %s, and %s",
                        a, b, c, playcount_verdict_name(then[0]),
                        playcount_verdict_name(then[1]),
                        playcount_verdict_name(then[2]));
}

static void set_up(const scenario *s, const playcount_media_shape *shape)
{
    memset(run->header, 0, bytes);
    playcount_media_format(run->header, shape);
    s->set_up(run);
}

/* A child that stops before it runs the scenario. */
static pid_t start(const scenario *s)
{
    int status;
    pid_t child = test_fork();

    if (child == 0) {
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        raise(SIGSTOP);
        s->run(run);
        _exit(0);
    }
    waitpid(child, &status, 0);
    return child;
}

static int step(pid_t child)
{
    int status;

    ptrace(PTRACE_SINGLESTEP, child, NULL, NULL);
    waitpid(child, &status, 0);
    return !WIFEXITED(status);
}

static void end(pid_t child)
{
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

static void judge(const scenario *s, const char *got, const char *before,
                  const char *after, uint64_t n, int *wrong)
{
    if (strcmp(got, before) && strcmp(got, after) &&
        (!s->middle || strcmp(got, s->middle)) && (*wrong)++ < 3) {
        printf("# %s, instruction %" PRIu64
               "\n# got    %s\n# before %s\n# after  %s\n",
               s->name, n, got, before, after);
    }
}

/* Kill a child after n instructions. The others go on at once, and the memory is
 * what it would be. */
static void kill_after(const scenario *s, const playcount_media_shape *shape,
                       uint64_t n, const char *before, const char *after,
                       int *wrong)
{
    char *left = malloc(bytes);
    playcount_media_result result;
    playcount_verdict_e verdict[3];
    pid_t child;

    set_up(s, shape);
    child = start(s);
    while (n-- && step(child)) {
    }
    end(child);
    memcpy(left, run->header, bytes);
    verdict[0] = media_deliver(run, &bob, 5000, 5100, 1000000, &result);
    verdict[1] = media_deliver(run, &alice, 200000, 200001, 1000000, &result);
    verdict[2] = media_deliver(run, &tomorrow, 0, 1, 1000000, &result);
    if ((verdict[0] != PLAYCOUNT_VERDICT_OPEN ||
         verdict[1] == PLAYCOUNT_VERDICT_FULL ||
         verdict[2] == PLAYCOUNT_VERDICT_FULL) &&
        (*wrong)++ < 3) {
        printf(
            "# %s: then %s, %s, %s\n", s->name, playcount_verdict_name(verdict[0]),
            playcount_verdict_name(verdict[1]), playcount_verdict_name(verdict[2]));
    }
    judge(s, describe(left, 1), before, after, n, wrong);
    free(left);
}

static void try(const scenario *s, const playcount_media_shape *shape)
{
    char *old = malloc(bytes);
    const char *before, *after;
    uint64_t steps = 0, change[CHANGES];
    int changes = 0, wrong = 0, kills = getenv("PLAYCOUNT_SOAK") ? CHANGES : 2;
    pid_t child;

    set_up(s, shape);
    before = describe((char *)run->header, 1);
    s->run(run);
    after = describe((char *)run->header, 1);
    set_up(s, shape);
    memcpy(old, run->header, bytes);
    for (child = start(s); step(child); steps++) {
        if (memcmp(old, run->header, bytes)) {
            memcpy(old, run->header, bytes);
            if (changes < CHANGES) {
                change[changes++] = steps + 1;
            }
            judge(s, describe(old, 1), before, after, steps, &wrong);
        }
    }
    ok(!wrong, "%s: %d states in %d instructions", s->name, changes, (int)steps);
    kills = kills < changes ? kills : changes;
    wrong = 0;
    for (int k = 0; k < kills; k++) {
        kill_after(s, shape, change[changes * (k + 1) / (kills + 1)], before, after,
                   &wrong);
    }
    ok(!wrong, "%s: killed at %d of them", s->name, kills);
    free(old);
}

int main(void)
{
    playcount_media_shape shape = {8, 1};

    pool = test_pool();
    bytes = playcount_media_bytes(&shape);
    run = media_memory(pool, &shape);
    probe = media_memory(pool, &shape);
    for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
        try(&scenarios[i], &shape);
    }
    return done_testing();
}

/* A delivery may be overtaken at any instruction by another one of the same
 * listener, by one that begins a new day, or by the sweep: whoever is first, it is
 * one play.
 *
 * The delivery runs one machine instruction at a time (step.h).
 * At each of them the process forks: the child, with a copy of the memory, does
 * just there what another process would do, and then goes on. Where the delivery
 * holds a lock that is left out: the other one waits then. In the end the listener
 * gets all of it once more, so that a play that was taken back is made up for. */

#include <sys/wait.h>

#include "t/unit/media.h"
#include "t/unit/step.h"

#ifdef __x86_64__

#define NEED 1000

typedef struct {
    const char *name;
    void (*before)(void);
    void (*run)(void);
    void (*other)(void);
} scenario;

static const media_listener alice = {1, "/a", NOON, PLAYCOUNT_WINDOW_DAY},
                            rolling = {1, "/a", NOON, PLAYCOUNT_WINDOW_ROLLING},
                            tomorrow = {1, "/a", NOON + DAY, PLAYCOUNT_WINDOW_DAY};

static playcount_media_shape shape = {8, 1};
static playcount_media *media;
static int plays; /* that the zone has of alice, today */

static void take(const media_listener *l, uint64_t begin, uint64_t end)
{
    playcount_media_result result;

    if (media_deliver(media, l, begin, end, NEED, &result) ==
        PLAYCOUNT_VERDICT_PLAYED) {
        plays += result.day == playcount_window_day(alice.start);
        playcount_media_done(media, &result);
    }
}

/* The zone has no room for the play. */
static void get_refused(void)
{
    playcount_media_result result;

    if (media_deliver(media, &alice, 0, 1000, NEED, &result) ==
        PLAYCOUNT_VERDICT_PLAYED) {
        playcount_media_take_back(media, &result);
    }
}

static void nothing(void)
{
}

static void today(void)
{
    media_get(media, &(media_listener){2, "/a", NOON, PLAYCOUNT_WINDOW_DAY}, 0, 1,
              NEED);
}

static void some(void)
{
    take(&alice, 0, 400);
}

static void three_days(void)
{
    media_listener l = {2, "/a", 0, PLAYCOUNT_WINDOW_DAY};

    for (int i = 2; i >= 0; i--) {
        l.start = NOON - i * DAY;
        media_get(media, &l, 0, 2000, NEED);
    }
}

static void all(void)
{
    take(&alice, 0, 1000);
}

static void all_rolling(void)
{
    take(&rolling, 0, 1000);
}

static void rest(void)
{
    take(&alice, 400, 1000);
}

static void all_tomorrow(void)
{
    take(&tomorrow, 0, 1000);
}

static void sweep(void)
{
    playcount_media_sweep(media, playcount_window_day(NOON));
}

static const scenario scenarios[] = {
    {"the first delivery of a table, by another first one", nothing, all, all},
    {"all at once, by the same", today, all, all},
    {"the rest, by the rest", some, rest, rest},
    {"the rest, by all", some, rest, all},
    {"the beginning, by the rest", today, some, rest},
    {"a rolling window, by the same", today, all_rolling, all_rolling},
    {"a play that is taken back, by another", today, get_refused, all},
    {"a play, by one that is taken back", today, all, get_refused},
    {"all at once, by a new day", today, all, all_tomorrow},
    {"all at once, by the sweep", three_days, all, sweep},
    {"the sweep, by a delivery", three_days, sweep, all},
    {"a new day, by a delivery of the old one", today, all_tomorrow, all},
};

/* As new, but for the files, which are not touched. */
static void set_up(const scenario *s)
{
    uint64_t bytes = playcount_media_bytes(&shape);
    char *memory = (char *)media->header, *rest_of_it = (char *)media->fp[0];

    memset(memory, 0, PLAYCOUNT_MEDIA_PAGE);
    memset(rest_of_it, 0, bytes - (uint64_t)(rest_of_it - memory));
    playcount_media_format(memory, &shape);
    plays = 0;
    s->before();
}

static struct {
    const scenario *scenario;
    uint64_t steps, stride, runs, wrong;
    int overtaken; /* this is the child, behind the instruction */
} sleeper;

static int is_locked(void)
{
    int locked = pthread_mutex_trylock(&media->header->lock) != 0;

    if (!locked) {
        pthread_mutex_unlock(&media->header->lock);
    }
    for (uint64_t s = 0; !locked && s < media->header->stripes; s++) {
        locked = pthread_mutex_trylock(&media->stripe[s].lock) != 0;
        if (!locked) {
            pthread_mutex_unlock(&media->stripe[s].lock);
        }
    }
    return locked;
}

static void trap(int signal_number, siginfo_t *info, void *context)
{
    int status;
    pid_t child;

    (void)signal_number;
    (void)info;
    if (sleeper.steps++ % sleeper.stride || is_locked()) {
        return;
    }
    child = test_fork();
    if (child == 0) {
        step_no_more(context);
        sleeper.overtaken = 1;
        sleeper.scenario->other();
        return;
    }
    sleeper.runs++;
    if (waitpid(child, &status, 0) != child || status) {
        sleeper.wrong++;
    }
}

static void run(const scenario *s)
{
    set_up(s);
    s->run(); /* once, so that the linker has found all it calls */
    set_up(s);
    sleeper.scenario = s;
    sleeper.steps = sleeper.runs = sleeper.wrong = 0;
    step(1);
    s->run();
    step(0);
    if (sleeper.overtaken) {
        all();
        all();
        if (plays != 1) {
            printf("# %s, after %d instructions: %d plays\n", s->name,
                   (int)sleeper.steps, plays);
            fflush(stdout);
        }
        _exit(plays != 1);
    }
}

int main(void)
{
    apr_pool_t *pool = test_pool();
    uint64_t bytes = playcount_media_bytes(&shape);
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED) {
        printf("# no memory\n");
        return 1;
    }
    alarm(300);
    step_handler(trap);
    playcount_media_format(memory, &shape);
    media = playcount_media_attach(pool, memory);
    sleeper.stride = getenv("PLAYCOUNT_SOAK") ? 1 : 5;
    for (size_t i = 0; i < sizeof(scenarios) / sizeof(*scenarios); i++) {
        fflush(stdout);
        run(&scenarios[i]);
        ok(sleeper.runs > 10 && !sleeper.wrong, "%s: at %d instructions",
           scenarios[i].name, (int)sleeper.runs);
    }
    return done_testing();
}

#endif

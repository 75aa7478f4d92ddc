/* A process is stopped while it has the lock (SIGSTOP): known songs count on, reads
 * go on, and what needs the lock is refused after a bounded time, most of it at
 * once. */

#include <pthread.h>
#include <sys/wait.h>

#include "apr_time.h"

#include "fixture.h"

#include "shm/zone/batches.h"
#include "shm/zone/lock.h"

#define THREADS 32

static playcount_zone *z;

/* A child that has the lock, and is stopped. */
static pid_t freeze(void)
{
    int status;
    pid_t child = test_fork();

    if (child == 0) {
        playcount_zone_set_process(z);
        playcount_zone_lock(z);
        raise(SIGSTOP);
        playcount_zone_unlock(z);
        _exit(0);
    }
    waitpid(child, &status, WUNTRACED);
    return child;
}

static apr_status_t try_new(const char *id)
{
    uint64_t count;

    return playcount_zone_add(z, id, strlen(id), 1, &count);
}

static int seconds_of(apr_time_t since)
{
    return (int)apr_time_sec(apr_time_now() - since);
}

typedef struct {
    pthread_t thread;
    apr_status_t rv;
    apr_time_t took;
} attempt;

static void *work(void *data)
{
    attempt *a = data;
    apr_time_t begin = apr_time_now();

    a->rv = try_new("new");
    a->took = apr_time_now() - begin;
    return NULL;
}

static void many_threads(void)
{
    attempt all[THREADS];
    int refused = 0, at_once = 0;

    for (int i = 0; i < THREADS; i++) {
        pthread_create(&all[i].thread, NULL, work, &all[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(all[i].thread, NULL);
        refused += APR_STATUS_IS_TIMEUP(all[i].rv);
        at_once += all[i].took < apr_time_from_sec(1);
    }
    is(refused, THREADS, "all of many threads are refused");
    ok(at_once >= THREADS - 8, "nearly all of them without waiting: %d", at_once);
}

int main(void)
{
    apr_pool_t *pool = test_pool();
    playcount_batch batch;
    playcount_handoff_use use;
    apr_time_t begin;
    uint64_t count;
    pid_t child;

    alarm(120);
    z = test_zone(pool, 10, 0);
    add(z, "known", 1);
    playcount_batch_take(z, &batch);
    is(playcount_zone_holder(z), 0, "nobody has the lock");
    child = freeze();

    is(playcount_zone_holder(z), (uint64_t)child, "it is known who has the lock");
    is(add(z, "known", 1), 2, "a known song counts");
    is(get(z, "known"), 2, "it can be read");
    is(playcount_batch_get(z, &batch), APR_SUCCESS, "so can a batch");
    playcount_handoff_usage(z, &use);
    is(use.open, 1, "and the figures for monitoring");
    is(playcount_zone_add_at_once(z, "new", 3, playcount_zone_hash(z, "new", 3), 1,
                                  &count),
       APR_EBUSY, "a thread that must not wait does not");
    begin = apr_time_now();
    ok(APR_STATUS_IS_TIMEUP(try_new("new")), "a new song is refused");
    ok(seconds_of(begin) < 30, "after a bounded time");
    ok(APR_STATUS_IS_TIMEUP(playcount_zone_clear(z)), "so is a clear");
    ok(playcount_zone_say_frozen(z, 1000), "the log is told");
    ok(!playcount_zone_say_frozen(z, 1059), "once a minute");
    many_threads();

    kill(child, SIGCONT);
    waitpid(child, NULL, 0);
    is(get(z, "new"), 0, "nothing of it was counted");
    is(try_new("new"), APR_SUCCESS, "when it goes on, so does all else");

    child = freeze();
    ok(APR_STATUS_IS_TIMEUP(try_new("newer")), "the same again");
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    is(try_new("newer"), APR_SUCCESS, "and when it is killed");
    return done_testing();
}

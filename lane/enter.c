/* Connections on their way into the loop: until the worker that suspended one has
 * let go of it, the loop may not touch it. */

#include "lane/loop.h"

#include <sched.h>
#include <sys/epoll.h>

#include "scoreboard.h"

#include "lane/worker.h"

static playcount_lane_connection *entering; /* by `next`; of the loop's thread */

void playcount_lane_enter(playcount_lane_connection *k)
{
    k->next = entering;
    entering = k;
}

int playcount_lane_entering(void)
{
    return entering != NULL;
}

/* The worker that suspended a connection writes two fields of it after our hook has
 * run, then nothing any more. Either of these proves that it has: its own count of
 * turns has moved on, because it begins another one or ends; or the scoreboard says
 * that it waits for work, which it writes itself.
 *
 * In a child that stops, idle workers are SERVER_GRACEFUL. That proves nothing: the
 * listener writes it for busy ones, too. So idle workers are called until the one
 * in question has had a turn. */
static int has_let_go(const playcount_lane_connection *k)
{
    unsigned char status = *(volatile unsigned char *)&k->score->status;

    atomic_thread_fence(memory_order_acquire);
    if (status == SERVER_GRACEFUL) {
        playcount_lane_worker_call();
    }
    return atomic_load(k->turns) != k->turn || status == SERVER_READY;
}

/* A client waits for a worker that is about to let go: a few instructions, but
 * perhaps this thread has taken the processor from it. */
static void give_way(void)
{
    static int times;

    if (++times % 32) {
        sched_yield();
    }
    else {
        apr_sleep(500);
    }
}

void playcount_lane_look_at_entering(int early)
{
    playcount_lane_connection *k = entering, *next;

    for (entering = NULL; k; k = next) {
        next = k->next;
        if (!has_let_go(k)) {
            playcount_lane_enter(k);
            continue;
        }
        playcount_lane_link(k);
        if (!k->watched) {
            playcount_lane_watch(k, EPOLLIN);
        }
        playcount_lane_read_on(k);
        playcount_lane_batch(&k, 1, 1);
    }
    if (early && entering) {
        give_way();
    }
}

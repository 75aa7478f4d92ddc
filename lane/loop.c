/* The loop's thread: one per child. It waits for all its connections at once, and
 * for what other threads hand to it. */

#include "lane/loop.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http_log.h"

#include "lane/account.h"

APLOG_USE_MODULE(playcount);

#define EVENTS 256

int playcount_lane_epoll = -1;
apr_time_t playcount_lane_now;

static int event = -1; /* an eventfd: there is something to look at */
static apr_thread_t *thread;
static _Atomic(playcount_lane_connection *) given; /* last in, first out */
static _Atomic int stopping;                       /* 1: gracefully, 2: at once */

static playcount_lane_connection
    *newest; /* of the loop's, but for those that enter */

int playcount_lane_loop_stopping(void)
{
    return atomic_load_explicit(&stopping, memory_order_relaxed);
}

/* --- what others hand over --- */

static void wake(void)
{
    uint64_t one = 1;

    if (write(event, &one, sizeof(one)) < 0) {
        /* It is full: the loop is awake. */
    }
}

static void push(playcount_lane_connection *k)
{
    playcount_lane_connection *last = atomic_load(&given);

    do {
        k->next = last;
    } while (!atomic_compare_exchange_weak(&given, &last, k));
}

void playcount_lane_give(playcount_lane_connection *k)
{
    push(k);
    wake();
}

/* The loop, woken now, would find the worker busy with letting go. */
void playcount_lane_give_entering(playcount_lane_connection *k)
{
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = k};

    k->watched = !epoll_ctl(playcount_lane_epoll, EPOLL_CTL_ADD, k->fd, &e);
    push(k);
    if (!k->watched) {
        wake();
    }
}

void playcount_lane_link(playcount_lane_connection *k)
{
    k->newer = NULL;
    k->older = newest;
    if (newest) {
        newest->newer = k;
    }
    newest = k;
    playcount_lane_account_connections(1);
}

void playcount_lane_unlink(playcount_lane_connection *k)
{
    playcount_lane_account_connections(-1);
    if (k->older) {
        k->older->newer = k->newer;
    }
    if (k->newer) {
        k->newer->older = k->older;
    }
    else {
        newest = k->older;
    }
}

static void look_at_given(void)
{
    playcount_lane_connection *k = atomic_exchange(&given, NULL), *next;

    for (; k; k = next) {
        next = k->next;
        if (k->state == PLAYCOUNT_LANE_ENTERING) {
            playcount_lane_enter(k);
        }
        else {
            playcount_lane_lend_returned();
            playcount_lane_returned(k);
        }
    }
    playcount_lane_lend_waiting();
}

/* --- time --- */

static void look_at_deadlines(void)
{
    static apr_time_t last;
    playcount_lane_connection *k, *older;

    if (playcount_lane_now - last < apr_time_from_sec(1) &&
        playcount_lane_now >= last) {
        return;
    }
    last = playcount_lane_now;
    for (k = newest; k; k = older) {
        older = k->older;
        if (k->deadline < playcount_lane_now) {
            playcount_lane_overdue(k);
        }
    }
}

/* Gracefully: what has come in is answered, then the connection is closed. At once:
 * nothing may wait for a client. */
static void look_at_stop(void)
{
    static int seen;
    int now = playcount_lane_loop_stopping();
    playcount_lane_connection *k, *older;

    if (now == seen) {
        return;
    }
    seen = now;
    for (k = newest; k; k = older) {
        older = k->older;
        if (now == 2) {
            shutdown(k->fd, SHUT_RDWR);
        }
        else if (k->state == PLAYCOUNT_LANE_READING) {
            playcount_lane_batch(&k, 1, 1);
        }
        else if (k->state == PLAYCOUNT_LANE_AWAITING &&
                 k->wish == PLAYCOUNT_LANE_AWAIT_INPUT) {
            playcount_lane_close(k);
        }
    }
}

/* --- the thread --- */

/* Returns whether clients have sent something whose connections are still entering.
 */
static int look_at_events(const struct epoll_event *e, int n)
{
    playcount_lane_connection *group[PLAYCOUNT_LANE_GROUP];
    int size = 0, early = 0;

    for (int i = 0; i < n; i++) {
        playcount_lane_connection *k = e[i].data.ptr;
        uint64_t count;

        if (!k) {
            if (read(event, &count, sizeof(count)) < 0) {
                continue;
            }
        }
        else if (k->state == PLAYCOUNT_LANE_READING) {
            group[size++] = k;
        }
        else if (k->state == PLAYCOUNT_LANE_ENTERING) {
            early = 1;
        }
        else {
            playcount_lane_ready(k);
        }
        if (size == PLAYCOUNT_LANE_GROUP) {
            playcount_lane_batch(group, size, 1);
            size = 0;
        }
    }
    if (size) {
        playcount_lane_batch(group, size, 1);
    }
    return early;
}

static void *APR_THREAD_FUNC run(apr_thread_t *self, void *data)
{
    struct epoll_event events[EVENTS];

    while (playcount_lane_loop_stopping() < 2) {
        int n = epoll_wait(playcount_lane_epoll, events, EVENTS,
                           playcount_lane_entering() ? 1 : 1000);
        int early;

        playcount_lane_now = apr_time_now();
        early = look_at_events(events, n > 0 ? n : 0);
        look_at_given();
        playcount_lane_look_at_entering(early);
        look_at_deadlines();
        look_at_stop();
    }
    look_at_stop();
    apr_thread_exit(self, APR_SUCCESS);
    return NULL;
}

void playcount_lane_loop_stop(int graceful)
{
    int mode = graceful ? 1 : 2;

    if (event >= 0 && atomic_load(&stopping) < mode) {
        atomic_store(&stopping, mode);
        wake();
    }
}

static apr_status_t join(void *data)
{
    apr_status_t rv;

    playcount_lane_loop_stop(0);
    apr_thread_join(&rv, thread);
    return APR_SUCCESS;
}

apr_status_t playcount_lane_loop_start(apr_pool_t *p, server_rec *s)
{
    struct epoll_event e = {.events = EPOLLIN};
    apr_threadattr_t *attributes;
    sigset_t all, before;
    apr_status_t rv;

    playcount_lane_batch_create(p);
    playcount_lane_epoll = epoll_create1(EPOLL_CLOEXEC);
    event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (playcount_lane_epoll < 0 || event < 0 ||
        epoll_ctl(playcount_lane_epoll, EPOLL_CTL_ADD, event, &e)) {
        return errno;
    }
    /* Signals are the MPM's. */
    sigfillset(&all);
    sigdelset(&all,
              SIGBUS); /* a zone's file that cannot be read: shm/fault/fault.h */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    apr_threadattr_create(&attributes, p);
    rv = ap_thread_create(&thread, attributes, run, NULL, p);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rv == APR_SUCCESS) {
        apr_pool_pre_cleanup_register(p, NULL, join);
    }
    return rv;
}

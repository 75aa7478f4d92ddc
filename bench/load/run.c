/* The loop over the connections' events. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "bench/load/loop.h"

loop the;

static int new_timer(void)
{
    struct epoll_event e = {.events = EPOLLIN};
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);

    epoll_ctl(the.epoll_fd, EPOLL_CTL_ADD, fd, &e);
    return fd;
}

static void start_timer(int fd, uint64_t interval_ns)
{
    struct itimerspec t = {
        .it_interval = {.tv_sec = (time_t)(interval_ns / SECOND),
                        .tv_nsec = (long)(interval_ns % SECOND)},
    };

    t.it_value = t.it_interval;
    timerfd_settime(fd, 0, &t, NULL);
}

/* One byte each for those slow clients whose share of the pause this is. */
static void slow_bytes(void)
{
    static unsigned tick;
    const request *q = &the.plan->ask;

    for (int i = the.total - the.plan->slow; i < the.total; i++) {
        connection *c = &the.all[i];

        if (c->state != OPEN || c->asked || (unsigned)i % 16 != tick % 16) {
            continue;
        }
        if (!c->rest) {
            c->rest = malloc(q->length);
            c->rest_length = q->length;
            c->rest_at = 0;
            request_write(q, c->rest);
            answer_begin(&c->reading, the.plan->protocol, 1);
            c->awaited = 1;
        }
        if (write(c->fd, c->rest + c->rest_at, 1) == 1 &&
            ++c->rest_at == c->rest_length) {
            c->asked = 1;
            free(c->rest);
            c->rest = NULL;
        }
    }
    tick++;
}

static void start(int rate_fd, int slow_fd)
{
    the.measuring = 1;
    puts("start");
    fflush(stdout);
    if (slow_fd >= 0) {
        start_timer(slow_fd, (uint64_t)the.plan->slow_ms * 1000000 / 16);
    }
    if (rate_fd >= 0) {
        start_timer(rate_fd, the.due_step);
    }
    ask_all(now());
}

/* One round of events, at most 10 ms long. */
static void events(int rate_fd, int slow_fd)
{
    struct epoll_event list[256];
    int n = epoll_wait(the.epoll_fd, list, 256, the.plan->awake ? 0 : 10);

    for (int i = 0; i < n; i++) {
        connection *c = list[i].data.ptr;
        uint64_t ticks;

        if (c) {
            on_event(c, list[i].events);
            continue;
        }
        if (rate_fd >= 0 && read(rate_fd, &ticks, sizeof(ticks)) > 0 &&
            the.measuring) {
            ask_due();
        }
        if (slow_fd >= 0 && read(slow_fd, &ticks, sizeof(ticks)) > 0 &&
            the.measuring) {
            slow_bytes();
        }
    }
}

static void prepare(const plan *p, result *r)
{
    memset(r, 0, sizeof(*r));
    the.plan = p;
    the.result = r;
    the.total = p->connections + p->idle + p->slow;
    the.slow_left = p->slow;
    the.all = calloc((size_t)the.total, sizeof(*the.all));
    the.turn = malloc(
        (p->ask.length > p->versus.length ? p->ask.length : p->versus.length) *
        (size_t)p->pipeline);
    the.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (!the.all || !the.turn || the.epoll_fd < 0) {
        perror("load");
        exit(1);
    }
    for (int i = 0; i < the.total; i++) {
        the.all[i].kind = i < p->connections             ? BUSY
                          : i < p->connections + p->idle ? IDLE
                                                         : SLOW;
        the.all[i].fd = -1;
    }
    the.due_step = p->rate > 0 ? (uint64_t)(SECOND / p->rate) : 0;
}

void run(const plan *p, result *r)
{
    prepare(p, r);

    int rate_fd = the.due_step ? new_timer() : -1;
    int slow_fd = p->slow ? new_timer() : -1;
    uint64_t begin = now();

    while (the.opened < the.total && !the.stopping &&
           now() - begin < p->wait_ns * 2) {
        open_more();
        events(rate_fd, slow_fd);
    }

    uint64_t slow_ns =
        (p->ask.length + 1) * (uint64_t)p->slow_ms * 1000000 + p->wait_ns;
    uint64_t elapsed = 0;

    begin = now();
    start(rate_fd, slow_fd);
    while (!the.stopping &&
           (elapsed < p->seconds_ns || (the.slow_left > 0 && elapsed < slow_ns) ||
            (r->answers < p->at_least && elapsed < p->seconds_ns + p->wait_ns))) {
        events(rate_fd, slow_fd);
        change_slot();
        if (warming_up()) {
            begin = now();
        }
        elapsed = now() - begin;
    }
    the.stopping = 1;
    if (!p->versus.length) {
        r->elapsed_ns = now() - begin;
    }
    puts("stop");
    fflush(stdout);

    begin = now();
    while (waiting() && now() - begin < p->wait_ns) {
        events(rate_fd, slow_fd);
    }
    r->unanswered = waiting();
    for (int i = p->connections; i < p->connections + p->idle; i++) {
        r->idle_open += the.all[i].state == OPEN;
    }
}

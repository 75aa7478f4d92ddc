/* The connections and their loop.
 *
 * A connection asks in turns: it sends `pipeline` requests in one write and
 * has its next turn when all of them are answered. With fewer active than
 * there are connections the turn goes on to the next one in the ring, so that
 * all are used. At a fixed rate a request is due at a fixed time and its
 * latency counts from then, however long it waited for a free connection:
 * a server that stalls is not spared the requests it holds up.
 *
 * Two requests are compared in slots: for some milliseconds the one is asked,
 * then, when all its answers are in, the other one. What else happens on the
 * machine is as slow as a scheduler is, and so meets both alike. The first slot
 * of each is not counted: new connections and fresh memory are slower.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "bench/load/run.h"

#define SECOND 1000000000u
#define OPENING 256 /* connections opened side by side */
#define AT_END (EPOLLRDHUP | EPOLLHUP | EPOLLERR)

typedef enum { BUSY, IDLE, SLOW } kind_e;
typedef enum { CLOSED, CONNECTING, OPEN } state_e;

typedef struct {
    int fd;
    kind_e kind;
    state_e state;
    int awaited;      /* answers to come in this turn */
    int asked;        /* its first request: 0 not sent, 1 sent, 2 answered */
    uint64_t started; /* of this turn */
    char *rest;       /* what the socket did not take yet */
    size_t rest_at, rest_length;
    answer reading;
} connection;

static const plan *the_plan;
static result *the_result;
static connection *all;
static int total, opened, opening, next_to_open, ring, slow_left;
static int epoll_fd, measuring, stopping;
static uint64_t due;        /* at a fixed rate: the next request's time */
static uint64_t due_step;   /* between two of them; 0: no fixed rate */
static char *turn;          /* room for the requests of one turn */
static uint64_t slot_began; /* the present slot */
static int slots;           /* before it */
static int second;          /* it belongs to `versus` */

static uint64_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

static void ask(connection *c, uint64_t started);

/* --- opening and closing ------------------------------------------------ */

static void connect_now(connection *c)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(the_plan->port)};
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                            .data.ptr = c};
    int one = 1;

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->state = CLOSED;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || (connect(c->fd, (struct sockaddr *)&to, sizeof(to)) &&
                      errno != EINPROGRESS)) {
        the_result->connect++;
        if (c->fd >= 0) {
            close(c->fd);
            c->fd = -1;
        }
        return;
    }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    c->state = CONNECTING;
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &e);
}

/* A connection counts as opened when its first answer is in: before, the server
 * may not even have accepted it. A slow one asks later, and so does one that is
 * alone: its first answer may be long. */
static void open_more(void)
{
    while (opening < OPENING && next_to_open < total) {
        connection *c = &all[next_to_open++];

        connect_now(c);
        if (c->state == CONNECTING) {
            opening++;
        }
        else {
            opened++;
        }
    }
}

static void is_open(void)
{
    opening--;
    opened++;
}

static void drop(connection *c)
{
    if (c->fd >= 0) {
        close(c->fd);
    }
    free(c->rest);
    c->rest = NULL;
    c->fd = -1;
    c->state = CLOSED;
    c->awaited = 0;
}

/* --- a connection's turn ---------------------------------------------------- */

static void write_rest(connection *c)
{
    while (c->rest) {
        ssize_t n = write(c->fd, c->rest + c->rest_at, c->rest_length - c->rest_at);

        if (n < 0) {
            return; /* EAGAIN: goes on when writable; an error shows in reading */
        }
        c->rest_at += (size_t)n;
        if (c->rest_at == c->rest_length) {
            free(c->rest);
            c->rest = NULL;
        }
    }
}

static void send_turn(connection *c, size_t length)
{
    ssize_t n = write(c->fd, turn, length);
    size_t sent = n < 0 ? 0 : (size_t)n;

    if (sent < length) {
        c->rest = malloc(length - sent);
        if (!c->rest) {
            perror("load");
            exit(1);
        }
        memcpy(c->rest, turn + sent, length - sent);
        c->rest_at = 0;
        c->rest_length = length - sent;
    }
}

/* Send a turn that began at `started`; connects first where it has to. */
static void ask(connection *c, uint64_t started)
{
    const request *q = second ? &the_plan->versus : &the_plan->ask;
    size_t length = 0;
    int depth = c->asked == 2 ? the_plan->pipeline : 1;

    c->started = started;
    if (c->state != OPEN) {
        if (c->state == CLOSED) {
            connect_now(c);
        }
        return; /* asks when it is open */
    }
    c->awaited = 0;
    while (c->awaited < depth && request_write(q, turn + length)) {
        length += q->length;
        c->awaited++;
    }
    if (c->awaited) {
        answer_begin(&c->reading, the_plan->protocol, the_plan->replies);
        send_turn(c, length);
    }
    else {
        stopping = 1; /* every song has had its turn */
    }
}

static int warming_up(void)
{
    return the_plan->versus.length && slots < 2;
}

static int slot_is_over(uint64_t time)
{
    return the_plan->versus.length && time - slot_began >= the_plan->slot_ns;
}

/* Let the turn go on, from c to the next one. */
static void next_turn(connection *c)
{
    uint64_t start = now();

    if (!measuring || stopping || slot_is_over(start)) {
        return;
    }
    if (due_step) {
        if (due > start) {
            return;
        }
        start = due;
        due += due_step;
    }
    else if (the_plan->active < the_plan->connections) {
        for (int i = 0; i < the_plan->connections; i++) {
            ring = (ring + 1) % the_plan->connections;
            if (!all[ring].awaited && all[ring].state != CONNECTING) {
                c = &all[ring];
                break;
            }
        }
    }
    ask(c, start);
}

/* At a fixed rate: whatever is due goes out on free connections. */
static void ask_due(void)
{
    for (int i = 0; i < the_plan->connections && due <= now(); i++) {
        connection *c = &all[i];

        if (c->state == OPEN && !c->awaited && measuring && !stopping) {
            uint64_t start = due;

            due += due_step;
            ask(c, start);
        }
    }
}

/* The connection is gone, with or without somebody waiting. */
static void lost(connection *c)
{
    if (c->state == CONNECTING) {
        the_result->connect++;
    }
    else if (c->awaited) {
        the_result->cut++;
    }
    if (c->asked != 2) {
        if (c->kind == SLOW) {
            slow_left--;
        }
        if (c->kind != SLOW || c->state == CONNECTING) {
            is_open(); /* will not be, but is not waited for */
        }
        c->asked = 2;
    }
    drop(c);
}

static void answered(connection *c)
{
    result *r = the_result;
    int closing = c->reading.closing;

    c->awaited--;
    if (c->reading.bad) {
        r->bad++;
    }
    if (c->kind != SLOW && c->asked == 1) {
        if (c->awaited == 0) {
            c->asked = 2;
            is_open();
        }
        r->late += c->kind == BUSY && !c->reading.bad;
    }
    else if (c->kind == SLOW) {
        c->asked = 2;
        slow_left--;
        r->slow_good += !c->reading.bad;
    }
    else if (c->kind == BUSY && !c->reading.bad) {
        if (measuring && !stopping && !warming_up()) {
            *(second ? &r->versus_answers : &r->answers) += 1;
            samples_add(now() - c->started);
        }
        else {
            r->late++;
        }
    }
    if (c->awaited && !closing) {
        answer_begin(&c->reading, the_plan->protocol, the_plan->replies);
        return;
    }
    if (closing) {
        r->reconnects++;
        r->cut += (uint64_t)c->awaited;
        drop(c);
    }
    if (c->kind == BUSY) {
        next_turn(c);
    }
}

/* Read what there is; 0 when the connection is at its end. Less than asked for
 * means that nothing is left, unless the end came with it (`at_end`). */
static int read_answers(connection *c, int at_end)
{
    static char buffer[256 * 1024];

    for (;;) {
        ssize_t n = read(c->fd, buffer, sizeof(buffer));
        const char *p = buffer, *end = buffer + n;

        if (n <= 0) {
            return n < 0 && errno == EAGAIN;
        }
        if (measuring && !stopping && c->kind == BUSY) {
            the_result->bytes += (uint64_t)n;
        }
        while (p < end) {
            answer_e got =
                c->awaited ? answer_read(&c->reading, the_plan->protocol, &p, end)
                           : ANSWER_MALFORMED;

            if (got == ANSWER_MALFORMED) {
                the_result->malformed++;
                return 0;
            }
            if (got == ANSWER_COMPLETE) {
                answered(c);
                if (c->state != OPEN) {
                    return 1; /* closed by the answer, perhaps opened anew */
                }
            }
        }
        if ((size_t)n < sizeof(buffer) && !at_end) {
            return 1;
        }
    }
}

/* --- events -------------------------------------------------------------- */

static void connected(connection *c)
{
    int error = 0;
    socklen_t size = sizeof(error);

    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error) {
        lost(c);
        return;
    }
    c->state = OPEN;
    if (total == 1 && !measuring) {
        c->asked = 2;
        is_open();
    }
    else if (c->kind == SLOW) {
        is_open();
    }
    else if (!c->asked) {
        c->asked = 1;
        ask(c, now());
    }
    else if (!stopping) {
        ask(c, c->started);
    }
}

static void on_event(connection *c, uint32_t events)
{
    if (c->state == CONNECTING) {
        connected(c);
    }
    if (c->state != OPEN) {
        return;
    }
    if (c->kind != SLOW) {
        write_rest(c);
    }
    if (events & (EPOLLIN | AT_END)) {
        if (!read_answers(c, (events & AT_END) != 0)) {
            kind_e kind = c->kind;
            int waited = c->awaited;

            lost(c);
            the_result->reconnects += !waited;
            if (kind == BUSY && waited) {
                next_turn(c);
            }
        }
    }
}

static int new_timer(void)
{
    struct epoll_event e = {.events = EPOLLIN};
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);

    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e);
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
    const request *q = &the_plan->ask;

    for (int i = total - the_plan->slow; i < total; i++) {
        connection *c = &all[i];

        if (c->state != OPEN || c->asked || (unsigned)i % 16 != tick % 16) {
            continue;
        }
        if (!c->rest) {
            c->rest = malloc(q->length);
            c->rest_length = q->length;
            c->rest_at = 0;
            request_write(q, c->rest);
            answer_begin(&c->reading, the_plan->protocol, 1);
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

static void ask_all(uint64_t started)
{
    slot_began = started;
    for (int i = 0; i < the_plan->active; i++) {
        ring = i;
        if (!all[i].awaited) {
            ask(&all[i], started);
        }
    }
}

static void start(int rate_fd, int slow_fd)
{
    measuring = 1;
    puts("start");
    fflush(stdout);
    due = now() + due_step;
    if (slow_fd >= 0) {
        start_timer(slow_fd, (uint64_t)the_plan->slow_ms * 1000000 / 16);
    }
    if (rate_fd >= 0) {
        start_timer(rate_fd, due_step);
    }
    else {
        ask_all(due);
    }
}

static uint64_t waiting(void)
{
    uint64_t n = 0;

    for (int i = 0; i < total; i++) {
        n += (uint64_t)all[i].awaited;
    }
    return n;
}

/* The next slot, when the present one's time and answers are in. */
static void change_slot(void)
{
    uint64_t time = now();

    if (slot_is_over(time) && !waiting()) {
        if (!warming_up()) {
            *(second ? &the_result->versus_ns : &the_result->elapsed_ns) +=
                time - slot_began;
        }
        slots++;
        second = !second;
        ask_all(time);
    }
}

/* One round of events, at most 10 ms long. */
static void events(int rate_fd, int slow_fd)
{
    struct epoll_event list[256];
    int n = epoll_wait(epoll_fd, list, 256, 10);

    for (int i = 0; i < n; i++) {
        connection *c = list[i].data.ptr;
        uint64_t ticks;

        if (c) {
            on_event(c, list[i].events);
            continue;
        }
        if (rate_fd >= 0 && read(rate_fd, &ticks, sizeof(ticks)) > 0 && measuring) {
            ask_due();
        }
        if (slow_fd >= 0 && read(slow_fd, &ticks, sizeof(ticks)) > 0 && measuring) {
            slow_bytes();
        }
    }
}

static void prepare(const plan *p, result *r)
{
    memset(r, 0, sizeof(*r));
    the_plan = p;
    the_result = r;
    total = p->connections + p->idle + p->slow;
    slow_left = p->slow;
    all = calloc((size_t)total, sizeof(*all));
    turn = malloc(
        (p->ask.length > p->versus.length ? p->ask.length : p->versus.length) *
        (size_t)p->pipeline);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (!all || !turn || epoll_fd < 0) {
        perror("load");
        exit(1);
    }
    for (int i = 0; i < total; i++) {
        all[i].kind = i < p->connections             ? BUSY
                      : i < p->connections + p->idle ? IDLE
                                                     : SLOW;
        all[i].fd = -1;
    }
    due_step = p->rate > 0 ? (uint64_t)(SECOND / p->rate) : 0;
}

void run(const plan *p, result *r)
{
    prepare(p, r);

    int rate_fd = due_step ? new_timer() : -1;
    int slow_fd = p->slow ? new_timer() : -1;
    uint64_t begin = now();

    while (opened < total && !stopping && now() - begin < p->wait_ns * 2) {
        open_more();
        events(rate_fd, slow_fd);
    }

    uint64_t slow_ns =
        (p->ask.length + 1) * (uint64_t)p->slow_ms * 1000000 + p->wait_ns;
    uint64_t elapsed = 0;

    begin = now();
    start(rate_fd, slow_fd);
    while (!stopping &&
           (elapsed < p->seconds_ns || (slow_left > 0 && elapsed < slow_ns) ||
            (r->answers < p->at_least && elapsed < p->seconds_ns + p->wait_ns))) {
        events(rate_fd, slow_fd);
        change_slot();
        if (warming_up()) {
            begin = now();
        }
        elapsed = now() - begin;
    }
    stopping = 1;
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
        r->idle_open += all[i].state == OPEN;
    }
}

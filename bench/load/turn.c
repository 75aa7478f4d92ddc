/* What is asked on which connection, and what comes of it.
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
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/load/loop.h"

#define AT_END (EPOLLRDHUP | EPOLLHUP | EPOLLERR)

/* Send a turn that began at `started`; connects first where it has to. */
void ask(connection *c, uint64_t started)
{
    const request *q = the.second ? &the.plan->versus : &the.plan->ask;
    size_t length = 0;
    int depth = c->asked == 2 ? the.plan->pipeline : 1;

    c->started = started;
    if (c->state != OPEN) {
        if (c->state == CLOSED) {
            connect_now(c);
        }
        return; /* asks when it is open */
    }
    c->awaited = 0;
    while (c->awaited < depth && request_write(q, the.turn + length)) {
        length += q->length;
        c->awaited++;
    }
    if (c->awaited) {
        answer_begin(&c->reading, the.plan->protocol, the.plan->replies);
        send_turn(c, length);
    }
    else {
        the.stopping = 1; /* every song has had its turn */
    }
}

int warming_up(void)
{
    return the.plan->versus.length && the.slots < 2;
}

static int slot_is_over(uint64_t time)
{
    return the.plan->versus.length && time - the.slot_began >= the.plan->slot_ns;
}

/* Let the turn go on, from c to the next one. */
static void next_turn(connection *c)
{
    uint64_t start = now();

    if (!the.measuring || the.stopping || slot_is_over(start)) {
        return;
    }
    if (the.due_step) {
        if (the.due > start) {
            return;
        }
        start = the.due;
        the.due += the.due_step;
    }
    else if (the.plan->active < the.plan->connections) {
        for (int i = 0; i < the.plan->connections; i++) {
            the.ring = (the.ring + 1) % the.plan->connections;
            if (!the.all[the.ring].awaited &&
                the.all[the.ring].state != CONNECTING) {
                c = &the.all[the.ring];
                break;
            }
        }
    }
    ask(c, start);
}

/* At a fixed rate: whatever is due goes out on free connections. */
void ask_due(void)
{
    for (int i = 0;
         i < the.plan->connections && the.due <= now() && !slot_is_over(now());
         i++) {
        connection *c = &the.all[i];

        if (c->state == OPEN && !c->awaited && the.measuring && !the.stopping) {
            uint64_t start = the.due;

            the.due += the.due_step;
            ask(c, start);
        }
    }
}

void ask_all(uint64_t started)
{
    the.slot_began = started;
    the.slot_cpu = processes_cpu();
    if (the.due_step) {
        the.due = started + the.due_step;
        return;
    }
    for (int i = 0; i < the.plan->active; i++) {
        the.ring = i;
        if (!the.all[i].awaited) {
            ask(&the.all[i], started);
        }
    }
}

uint64_t waiting(void)
{
    uint64_t n = 0;

    for (int i = 0; i < the.total; i++) {
        n += (uint64_t)the.all[i].awaited;
    }
    return n;
}

/* The next slot, when the present one's time and answers are in. */
void change_slot(void)
{
    uint64_t time = now();

    if (slot_is_over(time) && !waiting()) {
        if (!warming_up()) {
            result *r = the.result;

            *(the.second ? &r->versus_ns : &r->elapsed_ns) += time - the.slot_began;
            *(the.second ? &r->versus_cpu_ns : &r->cpu_ns) +=
                processes_cpu() - the.slot_cpu;
        }
        the.slots++;
        the.second = !the.second;
        ask_all(time);
    }
}

static void answered(connection *c)
{
    result *r = the.result;
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
        the.slow_left--;
        r->slow_good += !c->reading.bad;
    }
    else if (c->kind == BUSY && !c->reading.bad) {
        if (the.measuring && !the.stopping && !warming_up()) {
            *(the.second ? &r->versus_answers : &r->answers) += 1;
            samples_add(now() - c->started);
        }
        else {
            r->late++;
        }
    }
    if (c->awaited && !closing) {
        answer_begin(&c->reading, the.plan->protocol, the.plan->replies);
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
        if (the.measuring && !the.stopping && c->kind == BUSY) {
            the.result->bytes += (uint64_t)n;
        }
        while (p < end) {
            answer_e got =
                c->awaited ? answer_read(&c->reading, the.plan->protocol, &p, end)
                           : ANSWER_MALFORMED;

            if (got == ANSWER_MALFORMED) {
                the.result->malformed++;
                return 0;
            }
            if (got == ANSWER_COMPLETE) {
                answered(c);
                if (c->state != OPEN) {
                    return 1; /* closed by the answer, perhaps reopened */
                }
            }
        }
        if ((size_t)n < sizeof(buffer) && !at_end) {
            return 1;
        }
    }
}

/* The connection is gone, whether or not answers are awaited. */
void lost(connection *c)
{
    if (c->state == CONNECTING) {
        the.result->connect++;
    }
    else if (c->awaited) {
        the.result->cut++;
    }
    if (c->asked != 2) {
        if (c->kind == SLOW) {
            the.slow_left--;
        }
        if (c->kind != SLOW || c->state == CONNECTING) {
            is_open(); /* will not be, but is not waited for */
        }
        c->asked = 2;
    }
    drop(c);
}

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
    if (the.total == 1 && !the.measuring) {
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
    else if (!the.stopping) {
        ask(c, c->started);
    }
}

void on_event(connection *c, uint32_t events)
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
            the.result->reconnects += !waited;
            if (kind == BUSY && waited) {
                next_turn(c);
            }
        }
    }
}

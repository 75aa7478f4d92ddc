/* What the files of one run share with each other only:
 *
 *   connection.c  opened, written to, closed
 *   turn.c        what is asked on which connection, and what comes of it
 *   run.c         the loop
 */
#ifndef PLAYCOUNT_BENCH_LOOP_H
#define PLAYCOUNT_BENCH_LOOP_H

#include <sys/epoll.h>
#include <time.h>

#include "bench/load/run.h"

#define SECOND 1000000000u

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

typedef struct {
    const plan *plan;
    result *result;
    connection *all;
    int total, opened, opening, next_to_open, ring, slow_left;
    int epoll_fd, measuring, stopping;
    uint64_t due;        /* at a fixed rate: the next request's time */
    uint64_t due_step;   /* between two of them; 0: no fixed rate */
    char *turn;          /* room for the requests of one turn */
    uint64_t slot_began; /* the present slot */
    uint64_t slot_cpu;   /* the server's CPU time at that moment */
    int slots;           /* before it */
    int second;          /* it belongs to `versus` */
} loop;

extern loop the;

static inline uint64_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

/* --- connection.c --- */

void connect_now(connection *c);

/* Open some more of those that are not yet; one that is_open() makes room. */
void open_more(void);
void is_open(void);
void drop(connection *c);

/* The turn's bytes, and later what the socket did not take of them. */
void send_turn(connection *c, size_t length);
void write_rest(connection *c);

/* --- turn.c --- */

/* Send a turn that began at `started`; connects first where it has to. */
void ask(connection *c, uint64_t started);
void ask_all(uint64_t started);
void ask_due(void);

/* Answers that are awaited, on all connections. */
uint64_t waiting(void);

int warming_up(void);
void change_slot(void);

void on_event(connection *c, uint32_t events);

#endif

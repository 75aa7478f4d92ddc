/* One run of the load client: open the connections, ask, count. */
#ifndef PLAYCOUNT_BENCH_RUN_H
#define PLAYCOUNT_BENCH_RUN_H

#include <stdint.h>

#include "bench/load/load.h"

typedef struct {
    uint16_t port; /* on 127.0.0.1 */
    protocol_e protocol;
    request ask;      /* what is asked */
    request versus;   /* compared with it, if it has a length: see turn.c */
    uint64_t slot_ns; /* how long each of the two is asked at a time */
    int awake;        /* look for answers all the time */
    uint64_t replies; /* Redis: replies to one request */
    int connections;  /* that ask */
    int active;       /* how many of them at a time; they take turns */
    int idle;         /* more, which ask once when opened and then rest */
    int pipeline;     /* requests sent at once, all answered before the next */
    int slow;         /* more, which send one request a byte at a time */
    int slow_ms;      /* the pause between two of their bytes */
    double rate;      /* requests a second at fixed times; 0: as fast as it goes */
    uint64_t seconds_ns; /* how long */
    uint64_t at_least;   /* answers; it takes longer if they do (up to wait_ns) */
    uint64_t wait_ns;    /* for what is unanswered when the time is over */
} plan;

typedef struct {
    uint64_t answers;        /* good ones within the time */
    uint64_t late;           /* good ones after it, while waiting for the rest */
    uint64_t bytes;          /* received within the time */
    uint64_t elapsed_ns;     /* the time; with `versus` that of `ask` alone */
    uint64_t versus_answers; /* the same of `versus` */
    uint64_t versus_ns;
    uint64_t cpu_ns; /* the server's, for `ask` and for `versus` */
    uint64_t versus_cpu_ns;
    uint64_t reconnects; /* the server closed a connection in good order */
    /* What went wrong. */
    uint64_t connect;    /* no connection */
    uint64_t bad;        /* an answer that is a refusal or an error */
    uint64_t malformed;  /* no answer at all by its form */
    uint64_t cut;        /* the connection broke with a request under way */
    uint64_t unanswered; /* requests without an answer in the end */
    int idle_open;       /* idle connections still open in the end */
    int slow_good;       /* slow requests that got a good answer */
} result;

/* Prints the line "start" when all connections are open and the time begins,
 * "stop" when it is over. */
void run(const plan *p, result *r);

#endif

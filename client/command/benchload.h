/* A load on the servers for some time, and what came of it. */
#ifndef PLAYCOUNT_COMMAND_BENCHLOAD_H
#define PLAYCOUNT_COMMAND_BENCHLOAD_H

#include "client/command/command.h"
#include "client/command/histogram.h"

typedef struct {
    uint64_t users; /* connections, each with one request at a time */
    double seconds;
    uint64_t requests, plays; /* that were answered */
    uint64_t errors;
    uint64_t took; /* sum of the latencies; us */
    histogram latency;
    playcount_error first; /* error */
} bench_result;

/* Load for a->seconds; a user waits for a->think seconds between an answer and the
 * next request. Not EXIT_DONE: it could not be done; the reason was printed. */
exit_status bench_load(const arguments *a, uint64_t users, bench_result *result);

#endif

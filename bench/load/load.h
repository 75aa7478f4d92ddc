/* A load client for one core: many connections, one thread, epoll.
 *
 * It knows nothing of what it asks. A request is a file of raw bytes in which
 * every run of 16 '@' is replaced by a song's id ("song" and twelve digits),
 * so its length never changes; an answer is HTTP/1.1 or Redis' RESP. So the
 * same client measures every server.
 *
 * Answers are read to their end; one counts as good when its status is 2xx
 * (HTTP) or when it is no error (Redis). All times are nanoseconds of
 * CLOCK_MONOTONIC.
 */
#ifndef PLAYCOUNT_BENCH_LOAD_H
#define PLAYCOUNT_BENCH_LOAD_H

#include <stddef.h>
#include <stdint.h>

/* --- answer.c: where one answer ends ---------------------------------- */

typedef enum { PROTOCOL_HTTP, PROTOCOL_REDIS } protocol_e;

typedef struct {
    int state;         /* what the next byte belongs to (answer.c) */
    int bad;           /* the answer says that the request failed */
    int closing;       /* the server will close the connection after it */
    int chunked;       /* body in chunks */
    int line_length;   /* bytes of `line` in use */
    uint64_t left;     /* HTTP: bytes of body left; Redis: of the string */
    uint64_t elements; /* Redis: replies and elements still to come */
    char line[120];    /* the current line of a head, cut to this length */
} answer;

typedef enum { ANSWER_MORE, ANSWER_COMPLETE, ANSWER_MALFORMED } answer_e;

/* Begin a new answer; `replies` is how many Redis replies one request has. */
void answer_begin(answer *a, protocol_e protocol, uint64_t replies);

/* Read on in `*p`, up to `end`, and advance *p behind what was read. */
answer_e answer_read(answer *a, protocol_e protocol, const char **p,
                     const char *end);

/* --- request.c: what is asked ------------------------------------------ */

typedef struct {
    char *bytes;
    size_t length;
    size_t *places; /* offsets of the ids */
    size_t count;   /* how many */
} request;

/* Read the file; ends the program with a sentence if that fails. */
void request_load(request *r, const char *path);

typedef enum {
    RANDOM,       /* any of the songs */
    IN_TURN,      /* all from the first to the last, then none */
    OVER_AND_OVER /* all from the first to the last, and again */
} request_order;

/* Choose the ids: `songs` of them in this order; the seed is for RANDOM. */
void request_choose(uint64_t songs, request_order order, uint64_t seed);

/* Write the request with new ids to `to` (r->length bytes). In turn: 0 when
 * no song is left to ask for; the last request repeats the last song. */
int request_write(const request *r, char *to);

/* How many ids were written so far. */
uint64_t request_ids(void);

/* --- processes.c: the server's, for the CPU time of both requests asked in turn
 * --- */

void processes_add(int pid);

/* Of all of them so far, in nanoseconds; those that have ended not any more. */
uint64_t processes_cpu(void);

/* --- samples.c: every latency, and quantiles of them --------------------- */

void samples_add(uint64_t ns);

/* Sort them; the functions below follow. */
void samples_finish(void);

/* The q-quantile (0 … 1) in microseconds; 0 if there is none. */
double samples_quantile(double q);

#endif

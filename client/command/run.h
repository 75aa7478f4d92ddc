/* A run: a file is read chunk by chunk, each chunk's plays are sent, and an
 * interrupted run is resumed without counting twice.
 *
 * How. A state on the disk says which chunk, from byte to byte, is about to be
 * sent, under which run's random number; it is written and synced before the chunk
 * is sent. The Idempotency-Key of each batch is made of the run's number, the
 * chunk's first byte, and which batch of the chunk it is. Resuming sends that chunk
 * again with the same keys: batches that were counted before are recognised by the
 * server. The chunk's hash tells whether the file is still the same. When all is
 * sent the outcome is printed, and only then the state says so: a run that was
 * killed before is resumed, and prints it again.
 *
 * A server remembers keys for a limited time (PlaycountIdempotency: a day). A chunk
 * that was begun longer ago than RUN_KEY_SECONDS is not sent again unless
 * --if-unsure says so.
 *
 * What the state looks like and how long it stays is the plan's: runstate.h
 * (import), replaystate.h (replay).
 */
#ifndef PLAYCOUNT_COMMAND_RUN_H
#define PLAYCOUNT_COMMAND_RUN_H

#include "client/command/command.h"
#include "client/command/source.h"
#include "client/pack.h"

enum { RUN_KEY_SECONDS = 82800 };

/* A chunk that is about to be sent, as the state knows it. */
typedef struct {
    uint64_t begin, end;    /* bytes of the input */
    uint64_t hash;          /* of them */
    int64_t when;           /* seconds since 1970: when it was first to be sent */
    uint64_t things, plays; /* of the run, before it */
} run_chunk;

/* What a chunk of text holds, into the pack. Adds to *things (entries, lines) and
 * *plays. Not EXIT_DONE: the fault was printed. */
typedef exit_status run_parse(void *context, const char *text, size_t n,
                              uint64_t offset, playcount_pack *pack,
                              uint64_t *things, uint64_t *plays);

/* Put it on the disk. Not EXIT_DONE: the reason was printed, and nothing is sent.
 */
typedef exit_status run_note(void *context, const run_chunk *chunk);

/* These bytes are counted. */
typedef void run_passed(void *context, const char *text, size_t n, uint64_t offset);

typedef struct {
    const arguments *a;
    const char *kind;       /* "import", "replay" */
    const char *noun;       /* of things, for the progress line */
    const char *separators; /* a chunk ends behind one of these */
    size_t chunk;           /* bytes at most */
    run_parse *parse;
    run_note *note; /* NULL: the input cannot be read again, so no state is kept */
    run_passed *passed; /* may be NULL */
    void *context;

    bool last; /* for parse(): the chunk is the last one */

    /* The outcome, over all inputs. */
    uint64_t things, plays;
    bool resumed; /* a run that had been interrupted */
} run_plan;

/* One input. */
typedef struct {
    const char *name;
    source *source;
    uint64_t size;  /* for the progress line; 0: unknown */
    const char *id; /* the random number that the keys begin with */
    bool grows;     /* what follows the last separator is not read yet */
    bool cut;       /* out: something followed it */
} run_input;

typedef struct runner runner;

/* Before the first input. NULL: the reason was printed. */
runner *run_begin(run_plan *plan);

/* Send the chunk that an interrupted run was about to send. */
exit_status run_resume(runner *r, const run_input *input, const run_chunk *chunk);

/* Send the input from this byte to its end. */
exit_status run_rest(runner *r, run_input *input, uint64_t from);

void run_end(runner *r);

#endif

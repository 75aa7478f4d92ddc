/* A run: a file is read chunk by chunk, each chunk's plays are sent, and an
 * interrupted run is resumed without counting twice.
 *
 * How. A state file beside the input says which chunk, from byte to byte, is about
 * to be sent, under which run's random number; it is written and synced before the
 * chunk is sent. The Idempotency-Key of each batch is made of the run's number, the
 * chunk's first byte, and which batch of the chunk it is. Resuming sends that
 * chunk again with the same keys: batches that were counted before are recognised
 * by the server. The chunk's hash in the state file tells whether the file is still
 * the same. When all is sent the outcome is said, and then the state file is
 * removed: a run killed before it printed the result is resumed, and when there is
 * no state file the result was printed. The input is locked while it runs (flock).
 *
 * A server remembers keys for a limited time (PlaycountIdempotency: a day). A chunk
 * that was begun longer ago than RUN_KEY_SECONDS is not sent again unless
 * --if-unsure says so.
 *
 *     playcount run 1
 *     kind import
 *     servers ketama http://127.0.0.1:8000/
 *     run 0123456789abcdef0123456789abcdef
 *     chunk 1048576 2097152 89abcdef01234567 1732240000
 *     done 123456 234567
 */
#ifndef PLAYCOUNT_COMMAND_RUN_H
#define PLAYCOUNT_COMMAND_RUN_H

#include "client/command/command.h"
#include "client/pack.h"

enum { RUN_KEY_SECONDS = 82800 };

/* What a chunk of text holds, into the pack. Adds to *things (entries, lines) and
 * *plays. Not EXIT_DONE: it has said what is wrong. */
typedef exit_status run_parse(void *context, const char *text, size_t n,
                              uint64_t offset, playcount_pack *pack,
                              uint64_t *things, uint64_t *plays);

typedef struct run_plan run_plan;

/* Say the outcome. Not EXIT_DONE: it could not be said, and the state file stays.
 */
typedef exit_status run_report(const run_plan *plan);

struct run_plan {
    const arguments *a;
    const char *kind;       /* "import", "replay" */
    const char *noun;       /* of things, for the progress line */
    const char *separators; /* a chunk ends behind one of these */
    size_t chunk;           /* bytes at most */
    run_parse *parse;
    run_report *report;
    void *context;

    bool last; /* for parse(): the chunk is the last one */

    /* The outcome. */
    uint64_t things, plays;
    bool carried_on; /* a run that had been interrupted */
};

/* Do it with the file a->words[0], - for the standard input (which cannot be
 * carried on). */
exit_status run_file(run_plan *plan);

#endif

/* The state file of an import, FILE.playcount-import; see run.h.
 *
 *     playcount run 1
 *     kind import
 *     servers ketama http://127.0.0.1:8000/
 *     run 0123456789abcdef0123456789abcdef
 *     chunk 1048576 2097152 89abcdef01234567 1732240000
 *     done 123456 234567
 */
#ifndef PLAYCOUNT_COMMAND_RUNSTATE_H
#define PLAYCOUNT_COMMAND_RUNSTATE_H

#include "client/command/run.h"

typedef struct {
    char *path;    /* NULL: none is kept */
    char *servers; /* how songs are spread; a run has the same to its end */
    const char *kind;
    char id[PLAYCOUNT_KEY_BYTES + 1];
    run_chunk chunk; /* that was about to be sent */
    bool found;      /* there was a state file */
} runstate;

/* Look for the state file of this input; a new run otherwise. `input` NULL:
 * standard input. */
exit_status runstate_open(runstate *state, const run_plan *plan, const char *input);

/* Write it and sync it to disk. */
exit_status runstate_save(const runstate *state);

/* The run is over. */
exit_status runstate_remove(const runstate *state);

void runstate_free(runstate *state);

#endif

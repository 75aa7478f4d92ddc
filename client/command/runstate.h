/* The state file of a run; see run.h. */
#ifndef PLAYCOUNT_COMMAND_RUNSTATE_H
#define PLAYCOUNT_COMMAND_RUNSTATE_H

#include "client/command/run.h"

typedef struct {
    char *path;    /* NULL: none is kept */
    char *servers; /* how songs are spread; a run has the same to its end */
    const char *kind;
    char id[PLAYCOUNT_KEY_BYTES + 1];
    uint64_t begin, end; /* of the chunk that was about to be sent */
    uint64_t hash;       /* of its bytes */
    int64_t when; /* seconds since 1970: when it was first about to be sent */
    uint64_t things, plays; /* before it */
    bool found;             /* there was a state file */
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

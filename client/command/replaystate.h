/* What replay remembers of a log, in LOG.playcount-replay or where --state says:
 * which files it has read, and up to where; and while it works, which chunk is
 * about to be sent (run.h).
 *
 *     playcount replay 2
 *     servers ketama http://127.0.0.1:8000/
 *     rules 5c1b...            hash of --match, --status, --method, --format
 *     counted 1203             plays, ever
 *     again 0                  1: a run with --again is not finished
 *     file DEVICE INODE MTIME OFFSET HEAD HASH TAIL HASH     (several; logs.h)
 *     run 0123456789abcdef0123456789abcdef
 *     chunk FILE BEGIN END HASH WHEN LINES PLAYS    (FILE: which of the files, from
 * 0)
 *
 * It is locked (flock) as long as replay works. As each new state takes the place
 * of the old one by rename, a new state is locked before it gets its name; who
 * opens it by name looks whether the file that was locked still has it.
 */
#ifndef PLAYCOUNT_COMMAND_REPLAYSTATE_H
#define PLAYCOUNT_COMMAND_REPLAYSTATE_H

#include "client/command/logs.h"

typedef struct {
    char *path;    /* NULL: none is kept */
    char *servers; /* how songs are spread */
    uint64_t rules, counted;
    bool again;
    logs_known known;
    char id[PLAYCOUNT_KEY_BYTES + 1];
    bool pending;        /* a chunk was about to be sent */
    size_t pending_file; /* which of the known ones it is in */
    run_chunk chunk;
    int lock; /* of what has the name, -1: none */
} replaystate;

/* Lock and read the state; create it when there is none. With --again it is empty,
 * unless a run with --again was interrupted. `path` NULL: none is kept. Not
 * EXIT_DONE: the reason was printed. */
exit_status replaystate_open(replaystate *s, const arguments *a, const char *path,
                             uint64_t rules);

/* Write it and sync it to disk. */
exit_status replaystate_save(replaystate *s);

/* Unlock and free it. A state that never got anything goes. */
void replaystate_close(replaystate *s);

#endif

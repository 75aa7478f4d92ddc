/* What replay --media remembers, in LOG.playcount-media or where --state says:
 * which plays of which day it has sent, and what it is about to send. Nothing of
 * listeners.
 *
 *     playcount media 1
 *     servers ketama http://127.0.0.1:8000/
 *     rules 5c1b...               hash of the arguments that decide what counts
 *     again 0                     1: a run with --again is not finished
 *     closed 20750                days up to this one (since 1970) count no more;
 * -1 sent DAY PLAYS SONG         several; SONG as in a listing run
 * 0123456789abcdef0123456789abcdef when 1795560000             when this run was
 * first to be sent sending DAY PLAYS SONG      several
 *
 * A day is counted from its whole log each time, and the difference to what was
 * sent is sent. So it does not matter how often the command is called, when the log
 * is rotated, and in which order the files are named. A run that was interrupted is
 * sent again with the same keys first.
 *
 * It is locked (flock) as long as the command works.
 */
#ifndef PLAYCOUNT_COMMAND_MEDIASTATE_H
#define PLAYCOUNT_COMMAND_MEDIASTATE_H

#include "client/command/command.h"
#include "client/command/mediatable.h"

/* Days before today that are still counted from the log. */
enum { MEDIASTATE_DAYS = 31 };

typedef struct {
    int64_t day;
    uint64_t plays;
    char *song;
} media_sent;

typedef struct {
    media_sent *all; /* by day and song */
    size_t n, room;
} media_list;

typedef struct {
    char *path; /* NULL: none is kept */
    char *servers;
    uint64_t rules;
    int64_t closed;
    media_list sent, sending;
    char id[PLAYCOUNT_KEY_BYTES + 1]; /* of the run; empty: none */
    int64_t when;
    bool again; /* a run with --again is not finished */
    int lock;   /* -1: none */
} mediastate;

/* Lock and read it; `path` NULL: nothing is kept. With `again` it is empty, unless
 * a run is to be resumed. Not EXIT_DONE: the reason was printed. */
exit_status mediastate_open(mediastate *s, const arguments *a, const char *path,
                            uint64_t rules);

/* Put what of these counts was not sent yet into `sending`; with `missing` only
 * plays that the module has not counted. Not 0: no memory. */
int mediastate_plan(mediastate *s, const media_count *counts, size_t n,
                    bool missing);

/* What was to be sent is sent, and days that are too old by `today` are closed. Not
 * 0: no memory. */
int mediastate_sent(mediastate *s, int64_t today);

exit_status mediastate_save(mediastate *s);
void mediastate_close(mediastate *s);

#endif

/* Whose turn it is: what one process at a time does, as long as it can.
 *
 * mod_watchdog has a mutex for that. A process that is stopped (SIGSTOP, a
 * debugger, a frozen cgroup) keeps a mutex, and what it should do ends without a
 * word. So the turn is a word in memory that all processes share:
 *
 *     generation        the configuration that counts: each restart raises it
 *     holder            generation << 32 | process; 0: nobody
 *     beat              when the holder last showed that it runs, in milliseconds
 *     taken             how often the turn was taken from one that stood still
 *
 * The holder shows it once a second, from a thread that does nothing else: one
 * whose work waits for a slow database does not stand still. The other processes
 * look as often. When there is no holder, or its process is gone, or they have
 * looked ten times in vain, one of them takes the turn by compare-and-swap; and at
 * once from a process of an older generation, which takes none any more. It is
 * looks that are counted, not seconds: after a pause of the whole machine nobody is
 * late.
 *
 * A process that was stopped may go on at any time, in the middle of its work, and
 * finds the turn gone only when that is done. So for a while two may do the same,
 * as they may when the generation changes: all that is done by turns must allow
 * that.
 */
#ifndef PLAYCOUNT_SERVER_TURN_H
#define PLAYCOUNT_SERVER_TURN_H

#include <stdatomic.h>

#include "httpd.h"

typedef struct {
    _Atomic uint64_t generation; /* parent */
    _Atomic uint64_t holder;     /* any */
    _Atomic uint64_t beat;       /* the holder, and who becomes it */
    _Atomic uint64_t taken;      /* who becomes it */
} playcount_turn;

/* One process's view of it. */
typedef struct {
    playcount_turn *turn;
    uint64_t generation; /* of this process */
    uint64_t beat;       /* when it was looked at last */
    unsigned looks;      /* in vain */
    uint64_t stood;      /* the process that it was taken from just now, or 0 */
} playcount_seat;

#define PLAYCOUNT_TURN_LOOKS 10 /* in vain, a second each: it stands still */

/* In post_config: the turn of this name, kept over restarts; *seat is what the
 * children inherit. Error: there is no shared memory. */
apr_status_t playcount_turn_open(playcount_seat *seat, const char *name,
                                 server_rec *s);

/* In a child: is it this process's turn? Looks, and takes it if it may be taken;
 * ask once a second. seat->stood says from whom, if that one stood still. */
int playcount_turn_ask(playcount_seat *seat);

/* Is it, without looking further? */
int playcount_turn_is_mine(const playcount_seat *seat);

/* This process runs. */
void playcount_turn_beat(const playcount_seat *seat);

/* This process does it no longer: another may. */
void playcount_turn_give(const playcount_seat *seat);

/* The process whose turn it is, 0 for none; and the milliseconds since its beat. */
uint64_t playcount_turn_holder(const playcount_turn *turn, uint64_t *still);

#endif

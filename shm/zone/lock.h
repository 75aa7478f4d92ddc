/* The zone's lock. Every structural change happens between these two; the counts of
 * songs that are there change without it.
 *
 * The lock is released when its holder dies. So a process that acquires it first
 * checks whether the previous holder was in the middle of an operation, and repairs
 * that: between the two calls the zone is always whole.
 *
 * A holder that is stopped (SIGSTOP, a debugger, a frozen cgroup) does not die. So
 * the wait is bounded: after 2 s the caller is refused. Once the lock is found
 * frozen, only a few threads of each process wait at a time, and the others are
 * refused at once: a server whose threads all wait serves nothing else.
 */
#ifndef PLAYCOUNT_SHM_LOCK_H
#define PLAYCOUNT_SHM_LOCK_H

#include "shm/zone/layout.h"

/* On an error the lock is not held. APR_TIMEUP: another process holds it and makes
 * no progress. */
apr_status_t playcount_zone_lock(playcount_zone *z);

/* The same without waiting: APR_EBUSY if another one holds it. */
apr_status_t playcount_zone_try_lock(playcount_zone *z);

void playcount_zone_unlock(playcount_zone *z);

#endif

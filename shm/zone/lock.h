/* The zone's lock. Every structural change happens between these two; the counts of
 * songs that are there change without it.
 *
 * The lock lets go when its holder dies. So whoever acquires it looks first whether
 * the one before was in the middle of an operation, and repairs that: between the
 * two calls the zone is always whole.
 */
#ifndef PLAYCOUNT_SHM_LOCK_H
#define PLAYCOUNT_SHM_LOCK_H

#include "shm/zone/layout.h"

/* On an error the lock is not held. */
apr_status_t playcount_zone_lock(playcount_zone *z);
void playcount_zone_unlock(playcount_zone *z);

#endif

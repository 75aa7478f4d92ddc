/* Writing a zone to the disk. For a zone in memory these do nothing.
 *
 * A play is in the system's page cache the moment it is counted, which is enough
 * for every crash of processes. A sync is for power losses: what was counted before
 * one began is on the disk when it has ended.
 */
#ifndef PLAYCOUNT_SHM_SYNC_H
#define PLAYCOUNT_SHM_SYNC_H

#include "shm/zone/zone.h"

/* Tell a handle that its memory is a file. */
void playcount_zone_set_in_file(playcount_zone *zone);

/* [any] Write everything to the disk and wait for it. */
apr_status_t playcount_zone_sync(playcount_zone *zone);

/* [any] The same for the header alone. */
apr_status_t playcount_zone_sync_header(playcount_zone *zone);

#endif

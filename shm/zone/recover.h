/* Opening what a killed server or a power loss left in a file; before any other
 * process sees it. What that can be: docs/CRASHES.md. */
#ifndef PLAYCOUNT_SHM_RECOVER_H
#define PLAYCOUNT_SHM_RECOVER_H

#include "shm/zone/layout.h"

/* Look only: may this be opened? NULL, or what is wrong with it. Sets how many
 * songs a zone must hold to take all that is in it. */
const char *playcount_recover_check(playcount_zone *z, uint64_t *songs);

/* The words of a zone of layout version 1 or 2 as they are now: a count that has no
 * room in its word any more becomes wide. Before all else, in a copy. */
void playcount_recover_widen(playcount_zone *z);

/* The system was restarted since the file was last used: its pages may be of
 * different moments. */
void playcount_recover_distrust(playcount_zone *z);

/* Put right what a killed server or a power loss left, except for gaps: returns
 * how many slots are gaps. The check must have passed. */
uint64_t playcount_recover(playcount_zone *z);

/* Copy all songs, batches and keys into an empty zone that is large enough, without
 * the gaps. */
void playcount_recover_copy(playcount_zone *to, playcount_zone *from);

#endif

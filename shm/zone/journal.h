/* The journal: the batch of plays that is being added, all of it or nothing.
 *
 * It holds, for each song of the batch, its slot and the amount. playcount_zone_
 * add_many() fills it, and either playcount_journal_finish() makes all of it count
 * or playcount_journal_undo() none.
 *
 *   OP_PREPARE  The entries are written, and the slots are being marked with the
 *               bit F. Undo takes the marks away: nothing has counted.
 *   OP_COMMIT   Every slot is marked. This one store makes the batch count.
 *
 * Finishing adds the amount and takes the mark away in one compare-and-swap, so
 * the mark says of every slot whether its amount is still to be added, however
 * often finishing is repeated. Since others may add to the slot meanwhile, nothing
 * else could say so.
 *
 * New slots are written beyond those in use, or in holes, and marked like the
 * others, but without their epoch: an add that knows such a slot from before a
 * clear must not count in a song that may yet be undone. They get the epoch with
 * the amount; those beyond come into use when all amounts are in.
 */
#ifndef PLAYCOUNT_SHM_JOURNAL_H
#define PLAYCOUNT_SHM_JOURNAL_H

#include "shm/zone/layout.h"

/* [lock] From OP_COMMIT to OP_NONE. May be repeated from the beginning. */
void playcount_journal_finish(playcount_zone *z);

/* [lock] From OP_PREPARE to OP_NONE, as if nothing had happened. */
void playcount_journal_undo(playcount_zone *z);

#endif

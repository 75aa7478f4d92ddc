/* Songs that are forgotten, while plays of them may still be to hand over; when the
 * place of one is free.
 *
 * If all plays of a song are handed over, its slot becomes a hole by one
 * compare-and-swap of its word. A play that comes at the same moment either
 * changed the word before, and is in the count that is answered; or it finds no
 * song, and is the first play of a new one. Then the index, the marks and the list
 * of holes follow; the next holder of the lock finishes that if need be. So no
 * batch ever reads a hole, and the marks of one are 0 in every batch to come.
 *
 * If some are still to be handed over, the song leaves. It keeps its slot, id,
 * count and marks, and batches go on handing its plays over; the bit L in its word
 * hides it from everything else. One compare-and-swap sets it: a play of the same
 * moment is in the count before it, or it fails, finds no song, and is the first
 * play of a new one in another slot. When the last batch that has plays of it is
 * acknowledged, the slot becomes a hole like that of any song that is forgotten.
 *
 * The header knows the slots. As long as an entry's slot has no L of this epoch,
 * the entry says nothing, so entries may be there twice, and stay after a crash.
 */
#ifndef PLAYCOUNT_SHM_LEFT_H
#define PLAYCOUNT_SHM_LEFT_H

#include "shm/zone/slots.h"

/* All that follows: [lock]. */

/* The song of this slot is forgotten, and the slot becomes a hole; no batch is
 * open. *count is the count that it had. `then` is the operation that goes on.
 * APR_EBUSY: not all of its plays are handed over. */
apr_status_t playcount_forget_slot(playcount_zone *z, uint64_t place,
                                   uint64_t *count, operation then);

/* The song with this key in this slot leaves; *count is the count that it has.
 * APR_EBUSY: LEFT_MAX others have, or it has itself and came back. */
apr_status_t playcount_leave(playcount_zone *z, uint64_t place, const song_key *key,
                             uint64_t *count);

/* OP_LEAVE: what follows once the slot has its L; nothing if it has not. May be
 * repeated. */
void playcount_left_finish(playcount_zone *z);

/* OP_RELEASE: those whose plays are all handed over become holes, if no batch is
 * open. May be repeated. */
void playcount_left_release(playcount_zone *z);

/* While a file is opened: find them again, and release those that a crash left. */
void playcount_left_recover(playcount_zone *z);

/* The slots of songs that left and came back. */
typedef struct {
    uint32_t n;
    uint32_t place[LEFT_MAX];
} left_twins;

void playcount_left_twins(const playcount_zone *z, left_twins *twins);

static inline int is_twin(const left_twins *twins, uint64_t place)
{
    for (uint32_t i = 0; i < twins->n; i++) {
        if (twins->place[i] == place) {
            return 1;
        }
    }
    return 0;
}

#endif

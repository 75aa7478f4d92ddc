/* The cells in which idempotency keys stand, below the lock. What keys are for:
 * keys.h.
 *
 * The keys stand in a ring of K cells, the oldest giving way to the newest, and
 * are found through an index of K chain heads. All of it changes under the lock
 * only, for a few dozen instructions. The cells are the truth: if a process dies
 * while it links one, the next holder of the lock rebuilds the index from them.
 */
#ifndef PLAYCOUNT_SHM_KEY_CELLS_H
#define PLAYCOUNT_SHM_KEY_CELLS_H

#include "shm/zone/keys.h"
#include "shm/zone/layout.h"

static inline key_state key_cell_state(const key_cell *c)
{
    return atomic_load_explicit(&c->state, memory_order_acquire);
}

/* All that follows: [lock]. The cell of a key, NULL if it has none. */
key_cell *playcount_key_cell(const playcount_zone *z, const playcount_key *key);

/* A claimed cell for a key that has none, in the place of the oldest. */
key_cell *playcount_key_cell_new(playcount_zone *z, const playcount_key *key,
                                 uint64_t now);

/* Take a key out. */
void playcount_key_cell_free(playcount_zone *z, key_cell *c);

/* The cell of a claim that is still to be answered, NULL if it is lost. */
key_cell *playcount_key_claimed(const playcount_zone *z, uint64_t claim);

/* The check of an answer, count by count: the counts stand apart from their key and
 * may be older than it after a power loss. Begin with 0. */
uint32_t playcount_key_answer_check(uint32_t check, uint64_t count);

/* The last step of a journal with a key; may be repeated. */
void playcount_keys_complete(playcount_zone *z);

/* The index from the cells. */
void playcount_keys_rebuild(playcount_zone *z);

/* For a file that is being opened: claims are dropped, their processes are gone. */
void playcount_keys_recover(playcount_zone *z);

/* Into a zone of another size: the newest keys that fit, in their order. */
void playcount_keys_copy(playcount_zone *to, const playcount_zone *from);

#endif

/* The index: from the hash of an id to slots that may hold it.
 *
 * It is open addressing with linear probing. An entry of 4 bytes is 1 + the slot
 * in as many low bits as the capacity needs, and bits of the hash above: a tag, so
 * that a probe touches few slots that are not the one it looks for. The table has
 * half as many entries again as songs fit, so probes are short, and it is never
 * full. The place in the table comes from the upper half of the hash by a
 * multiplication (Lemire, "Fast random integer generation in an interval", 2019),
 * so its size need not be a power of two and there is no division.
 *
 * Entries are written under the lock, each in one store after its slot is whole. An
 * entry is a hint: whether a slot holds a song is for the slot to say (lookup.h).
 *
 * A clear takes all of them away. When one is taken away, those behind it move up
 * (Knuth, The Art of Computer Programming 3, 6.4, algorithm R), so probes stay
 * short however many songs come and go. A reader without the lock may miss an entry
 * that moves. It looks at `moved` before and after, and if that has changed it
 * looks again; it waits for nothing.
 */
#ifndef PLAYCOUNT_SHM_INDEX_H
#define PLAYCOUNT_SHM_INDEX_H

#include "shm/zone/layout.h"

static inline uint64_t index_home(const playcount_zone *z, uint64_t hash)
{
    return (hash >> 32) * z->index_size >> 32;
}

static inline uint32_t index_tag(const playcount_zone *z, uint64_t hash)
{
    return (uint32_t)hash & ~z->place_mask;
}

static inline uint64_t index_after(const playcount_zone *z, uint64_t at)
{
    return at + 1 == z->index_size ? 0 : at + 1;
}

/* [lock] Enter the slot under the hash of its id. May be repeated. */
void playcount_index_insert(playcount_zone *z, uint64_t place, uint64_t hash);

/* [lock] Take the entry of this slot and hash away, if there is one. May be
 * repeated. */
void playcount_index_remove(playcount_zone *z, uint64_t place, uint64_t hash);

/* [lock] Take all entries away. `epoch` is the one that ended and `used` how many
 * songs it had; index_size is as good as any number that is not known. */
void playcount_index_empty(playcount_zone *z, uint64_t epoch, uint64_t used);

#endif

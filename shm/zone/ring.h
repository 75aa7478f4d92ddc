/* Which slots are in use: the ring.
 *
 *           ghosts        songs of the present epoch
 *        |----------|-------------------------------------|
 *   ... free ... first - ghosts   first          first + used   ... free ...
 *
 * The songs of an epoch stand in the order of their first plays, from `first` on,
 * around the end of the slots and on from their beginning. A clear starts the new
 * epoch's ring at slot 0 if no batch is open. Otherwise it starts behind the slots
 * that an open batch still reads: these are the ghosts. They are free again once
 * no batch is open.
 */
#ifndef PLAYCOUNT_SHM_RING_H
#define PLAYCOUNT_SHM_RING_H

#include "shm/zone/layout.h"

/* The n-th slot of a ring of slots that starts at `first`. */
static inline uint64_t ring_place(const playcount_zone *z, uint64_t first,
                                  uint64_t n)
{
    uint64_t place = first + n;

    return place >= z->songs ? place - z->songs : place;
}

/* The opposite: which slot of that ring `place` is. */
static inline uint64_t ring_offset(const playcount_zone *z, uint64_t first,
                                   uint64_t place)
{
    return place >= first ? place - first : place + z->songs - first;
}

static inline uint64_t zone_first(const playcount_zone *z, uint64_t epoch)
{
    return atomic_load_explicit(&z->head->first[epoch & 1], memory_order_acquire);
}

/* 1 if a batch is open. */
int playcount_batch_is_open(const playcount_zone *z);

/* How many slots of this epoch an open batch still reads, from the ring's start
 * on. Sets *heap_end to where their ids end in the heap, if there are any. */
uint64_t playcount_batch_keeps(const playcount_zone *z, uint64_t epoch,
                               uint64_t *heap_end);

/* Slots before the ring's start that may not be used. */
static inline uint64_t zone_ghosts(const playcount_zone *z, uint64_t epoch)
{
    return playcount_batch_is_open(z)
               ? atomic_load_explicit(&z->head->ghosts[epoch & 1],
                                      memory_order_relaxed)
               : 0;
}

#endif

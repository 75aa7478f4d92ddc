/* What open batches keep of the ring: see ring.h. */

#include "shm/zone/ring.h"

int playcount_batch_is_open(const playcount_zone *z)
{
    const zone_header *head = z->head;

    return atomic_load_explicit(&head->taken, memory_order_acquire) >
           atomic_load_explicit(&head->acked, memory_order_acquire);
}

uint64_t playcount_batch_keeps(const playcount_zone *z, uint64_t epoch,
                               uint64_t *heap_end)
{
    const zone_header *head = z->head;
    uint64_t taken = atomic_load_explicit(&head->taken, memory_order_acquire);
    uint64_t keeps = 0;

    for (uint64_t q = atomic_load_explicit(&head->acked, memory_order_acquire) + 1;
         q <= taken; q++) {
        const batch_record *b = &head->batches[q % 3];

        if (b->epoch == epoch && b->used > keeps) {
            keeps = b->used;
            *heap_end = b->heap_end;
        }
    }
    return keeps;
}

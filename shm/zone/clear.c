/* Forgetting all songs. */

#include "shm/zone/index.h"
#include "shm/zone/lock.h"
#include "shm/zone/ring.h"
#include "shm/zone/slots.h"

/* The clear itself is the one store of the state. What it needs of the new epoch is
 * written before, where only the new epoch looks. The index is emptied after; a
 * process that dies there leaves OP_CLEAR to the next holder of the lock. */
apr_status_t playcount_zone_clear(playcount_zone *z)
{
    zone_header *head = z->head;
    apr_status_t rv = playcount_zone_lock(z);
    uint64_t state, epoch, next, used, keeps, first, ghosts, heap_from;

    if (rv != APR_SUCCESS) {
        return rv;
    }
    state = zone_state(z);
    epoch = word_epoch(state);
    used = state & STATE_USED;
    next = next_epoch(epoch);
    heap_from = head->heap_from[epoch & 1];
    keeps = playcount_batch_keeps(z, epoch, &heap_from);
    first = ring_place(z, zone_first(z, epoch), keeps);
    ghosts = atomic_load_explicit(&head->ghosts[epoch & 1], memory_order_relaxed) +
             keeps;
    if (!playcount_batch_is_open(z)) {
        first = ghosts = heap_from = 0;
    }
    head->op_epoch = next;
    atomic_store_explicit(&head->first[next & 1], first, memory_order_release);
    atomic_store_explicit(&head->ghosts[next & 1], ghosts, memory_order_release);
    head->heap_from[next & 1] = heap_from;
    head->hole[next & 1] = head->holes[next & 1] = 0;
    zone_set_op(z, OP_CLEAR);
    atomic_store_explicit(&head->state, STATE(next, 0), memory_order_release);
    atomic_signal_fence(memory_order_seq_cst); /* until then the old ids stay */
    head->heap_end = heap_from;
    head->left_n = 0;
    playcount_index_empty(z, epoch, used);
    playcount_slots_sweep(z, next);
    zone_set_op(z, OP_NONE);
    playcount_zone_unlock(z);
    return APR_SUCCESS;
}

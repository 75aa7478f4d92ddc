/* One case for each operation: see repair.h. */

#include "shm/zone/repair.h"

#include "shm/zone/holes.h"
#include "shm/zone/index.h"
#include "shm/zone/journal.h"
#include "shm/zone/key_cells.h"
#include "shm/zone/left.h"
#include "shm/zone/ring.h"
#include "shm/zone/slots.h"

static void finish_register(playcount_zone *z)
{
    zone_header *head = z->head;
    uint64_t epoch = word_epoch(zone_state(z));
    uint64_t place = ring_place(z, zone_first(z, epoch), head->op_used);

    /* Once the slot has its word, an add may have counted in it: one that knew
     * the slot from before a clear. */
    if (word_epoch(atomic_load_explicit(&z->slots[place].word,
                                        memory_order_acquire)) != epoch) {
        head->heap_end = head->op_heap_end;
        return;
    }
    atomic_store_explicit(&head->state, STATE(epoch, head->op_used + 1),
                          memory_order_release);
    playcount_index_insert(z, place, playcount_slot_hash(z, place));
}

/* The same for a song in a hole. */
static void finish_reuse(playcount_zone *z)
{
    const zone_header *head = z->head;
    uint64_t epoch = word_epoch(zone_state(z));
    hole_list left = {epoch, head->op_hole, head->op_holes, head->op_generation};
    hole h = {head->op_place, head->op_hole, head->op_cell, head->op_cell_at};

    if (slot_epoch(z, h.place) != epoch) {
        playcount_hole_restore(z, &h, epoch);
        z->head->heap_end = head->op_heap_end;
        return;
    }
    playcount_holes_set(z, &left);
    playcount_index_insert(z, h.place, playcount_slot_hash(z, h.place));
}

static void finish_clear(playcount_zone *z)
{
    uint64_t epoch = word_epoch(zone_state(z));

    if (epoch == z->head->op_epoch) {
        z->head->heap_end = z->head->heap_from[epoch & 1];
        z->head->left_n = 0;
        playcount_index_empty(z, epoch, z->index_size);
        playcount_slots_sweep(z, epoch);
    }
}

void playcount_repair(playcount_zone *z)
{
    switch (atomic_load_explicit(&z->head->op, memory_order_acquire)) {
    case OP_PREPARE:
        playcount_journal_undo(z);
        return;
    case OP_COMMIT:
        playcount_journal_finish(z);
        return;
    case OP_REGISTER:
        finish_register(z);
        break;
    case OP_CLEAR:
        finish_clear(z);
        break;
    case OP_KEYS:
        playcount_keys_rebuild(z);
        break;
    case OP_FORGET:
        playcount_hole_finish(z);
        playcount_left_release(z); /* it may have been one of several */
        break;
    case OP_RELEASE:
        playcount_left_release(z);
        break;
    case OP_REUSE:
        finish_reuse(z);
        break;
    case OP_LEAVE:
        playcount_left_finish(z);
        break;
    default:
        break;
    }
    zone_set_op(z, OP_NONE);
}

/* Finishing and undoing a batch of plays: see journal.h. */

#include "shm/zone/journal.h"

#include "shm/zone/holes.h"
#include "shm/zone/index.h"
#include "shm/zone/key_cells.h"
#include "shm/zone/slots.h"

/* Add the entry's amount unless that is done. The count that it leads to is noted
 * first: once the mark is gone, the note is right. */
static void apply(playcount_zone *z, journal_entry *e, uint64_t epoch)
{
    _Atomic uint64_t *at = &z->slots[e->place].word;
    _Atomic uint64_t *note = (_Atomic uint64_t *)&e->count;
    uint64_t word = atomic_load_explicit(at, memory_order_acquire);

    while (word & WORD_FROZEN) {
        uint64_t next, count;

        if (word & WORD_WIDE) {
            /* Only the lock changes wide[]; the note makes adding to it
             * repeatable. */
            if (!e->count) {
                count = count_sum(
                    atomic_load_explicit(&z->wide[e->place], memory_order_relaxed),
                    e->by);
                atomic_store_explicit(note, count, memory_order_release);
            }
            atomic_store_explicit(&z->wide[e->place], e->count,
                                  memory_order_release);
            next = (word & ~WORD_FROZEN) | STATE(epoch, 0);
        }
        else {
            count = count_sum(word & WORD_COUNT, e->by);
            next = STATE(epoch, count);
            if (count > WORD_COUNT) {
                atomic_store_explicit(&z->wide[e->place], count,
                                      memory_order_release);
                next = STATE(epoch, 0) | WORD_WIDE;
            }
            atomic_store_explicit(note, count, memory_order_release);
        }
        if (atomic_compare_exchange_strong_explicit(
                at, &word, next, memory_order_acq_rel, memory_order_acquire)) {
            return;
        }
    }
}

void playcount_journal_finish(playcount_zone *z)
{
    zone_header *head = z->head;
    uint64_t epoch = word_epoch(zone_state(z));

    for (uint32_t i = 0; i < head->op_entries; i++) {
        journal_entry *e = &z->journal[i];

        apply(z, e, epoch);
        e->shown = shown_count(z, e->place, epoch, e->count);
    }
    atomic_store_explicit(&head->state, STATE(epoch, head->op_used),
                          memory_order_release);
    playcount_holes_set(
        z, &(hole_list){epoch, head->op_hole, head->op_holes, head->op_generation});
    for (uint32_t i = 0; i < head->op_entries; i++) {
        const journal_entry *e = &z->journal[i];

        if (e->fresh != JOURNAL_KNOWN) {
            playcount_index_insert(z, e->place, playcount_slot_hash(z, e->place));
        }
    }
    if (head->op_key) {
        playcount_keys_complete(z);
    }
    zone_set_op(z, OP_NONE);
}

void playcount_journal_undo(playcount_zone *z)
{
    uint64_t epoch = word_epoch(zone_state(z));

    for (uint32_t i = 0; i < z->head->op_entries; i++) {
        const journal_entry *e = &z->journal[i];

        if (e->fresh == JOURNAL_KNOWN) {
            atomic_fetch_and_explicit(&z->slots[e->place].word, ~WORD_FROZEN,
                                      memory_order_acq_rel);
        }
        else if (e->fresh >= JOURNAL_HOLE) {
            hole h = {e->place, e->next, e->fresh - JOURNAL_HOLE, e->at};

            playcount_hole_restore(z, &h, epoch);
        }
    }
    z->head->heap_end = z->head->op_heap_end;
    zone_set_op(z, OP_NONE);
}

/* Forgetting one song.
 *
 * The change is one compare-and-swap: the slot's word becomes that of a hole. A
 * play that comes at the same moment either changed the word before, and is in the
 * count that is answered; or it finds no song, and is the first play of a new one.
 * Then the index, the marks and the list of holes follow; the next holder of the
 * lock finishes that if need be.
 *
 * A song that a batch still has to hand over is not forgotten. So no batch ever
 * reads a hole, and the marks of one are 0 in every batch to come.
 */
#include "shm/zone/holes.h"
#include "shm/zone/lock.h"
#include "shm/zone/lookup.h"
#include "shm/zone/ring.h"

/* How many of the slot's plays the last batch, acknowledged, and those before it
 * have handed over. */
static uint64_t handed(const playcount_zone *z, uint64_t place)
{
    uint64_t taken = atomic_load_explicit(&z->head->taken, memory_order_acquire);
    const batch_record *b = &z->head->batches[taken % 3];
    int is_in = taken && b->epoch == word_epoch(zone_state(z)) &&
                ring_offset(z, b->first, place) < b->used;

    return is_in ? atomic_load_explicit(&z->marks[taken % 3][place],
                                        memory_order_relaxed)
                 : 0;
}

/* 1 if all plays must be handed over before a song may go. */
static int is_handed_over(const playcount_zone *z)
{
    return z->handed_over ||
           atomic_load_explicit(&z->head->taken, memory_order_acquire);
}

/* The one store. */
static apr_status_t make_hole(playcount_zone *z, uint64_t place, uint64_t *count)
{
    _Atomic uint64_t *at = &z->slots[place].word;
    uint64_t word = atomic_load_explicit(at, memory_order_acquire);
    uint64_t epoch = word_epoch(word), left;

    do {
        *count = word_value(z, place, word);
        if (is_handed_over(z) && *count > handed(z, place)) {
            return APR_EBUSY;
        }
        left = hole_word(epoch, playcount_slot_cell(z, place, word));
    } while (!atomic_compare_exchange_weak_explicit(
        at, &word, left, memory_order_acq_rel, memory_order_acquire));
    return APR_SUCCESS;
}

static apr_status_t forget(playcount_zone *z, uint64_t place, uint64_t *count)
{
    zone_header *head = z->head;
    hole_list holes = playcount_holes(z);
    apr_status_t rv;

    head->op_place = place;
    head->op_hole = holes.first;
    head->op_holes = holes.n + 1;
    head->op_forgotten =
        atomic_load_explicit(&head->forgotten, memory_order_relaxed) + 1;
    zone_set_op(z, OP_FORGET);
    rv = make_hole(z, place, count);
    if (rv == APR_SUCCESS) {
        playcount_hole_finish(z);
    }
    zone_set_op(z, OP_NONE);
    return rv;
}

apr_status_t playcount_zone_forget(playcount_zone *z, const char *id,
                                   apr_size_t length, uint64_t *count)
{
    song_key key = key_of(z, id, length);
    apr_status_t rv = playcount_zone_lock(z);
    uint64_t place;

    if (rv != APR_SUCCESS) {
        return rv;
    }
    place = find_song(z, word_epoch(zone_state(z)), &key).place;
    if (z->head->writer_step) {
        rv = APR_ENOTIMPL;
    }
    else if (place == NO_PLACE) {
        rv = APR_NOTFOUND;
    }
    else if (playcount_batch_is_open(z)) {
        rv = APR_EBUSY;
    }
    else {
        rv = forget(z, place, count);
    }
    playcount_zone_unlock(z);
    return rv;
}

void playcount_zone_set_handed_over(playcount_zone *z)
{
    z->handed_over = 1;
}

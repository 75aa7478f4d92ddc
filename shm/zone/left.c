/* Songs that left: see left.h. */

#include "shm/zone/left.h"

#include "shm/zone/holes.h"
#include "shm/zone/index.h"
#include "shm/zone/lookup.h"
#include "shm/zone/ring.h"

/* --- a slot becomes a hole --- */

/* How many of the slot's plays the last batch and those before it have handed over.
 */
static uint64_t handed(const playcount_zone *z, uint64_t place)
{
    uint64_t taken = atomic_load_explicit(&z->head->taken, memory_order_acquire);
    const batch_record *b = &z->head->batches[taken % 3];
    int is_in = taken && b->epoch == word_epoch(zone_state(z)) &&
                ring_offset(z, b->first, place) < b->used;

    return is_in ? mark_plays(&z->marks[taken % 3][place]) : 0;
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

apr_status_t playcount_forget_slot(playcount_zone *z, uint64_t place,
                                   uint64_t *count, operation then)
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
    zone_set_op(z, then);
    return rv;
}

/* --- or its song leaves --- */

static uint64_t word_at(const playcount_zone *z, uint64_t place)
{
    return atomic_load_explicit(&z->slots[place].word, memory_order_acquire);
}

/* 1 if the entry says something. */
static int is_valid(const playcount_zone *z, uint32_t i)
{
    return word_is_left(word_at(z, z->head->left[i]), word_epoch(zone_state(z)));
}

/* The last one takes its place. Between the two stores it is there twice. */
static void drop_entry(playcount_zone *z, uint32_t i)
{
    zone_header *head = z->head;

    head->left[i] = head->left[head->left_n - 1];
    atomic_signal_fence(memory_order_seq_cst);
    head->left_n--;
}

/* 1 if there is room for one more, and no song of this id has left. */
static int may_leave(playcount_zone *z, const song_key *key)
{
    for (uint32_t i = z->head->left_n; i-- > 0;) {
        if (!is_valid(z, i)) {
            drop_entry(z, i);
        }
        else if (slot_holds(z, z->head->left[i], key)) {
            return 0;
        }
    }
    return z->head->left_n < LEFT_MAX;
}

/* The one store. */
static uint64_t set_left(playcount_zone *z, uint64_t place)
{
    uint64_t word = atomic_fetch_or_explicit(&z->slots[place].word, WORD_LEFT,
                                             memory_order_acq_rel);

    return word_value(z, place, word);
}

apr_status_t playcount_leave(playcount_zone *z, uint64_t place, const song_key *key,
                             uint64_t *count)
{
    zone_header *head = z->head;

    if (!may_leave(z, key)) {
        return APR_EBUSY;
    }
    head->op_place = place;
    head->op_left = head->left_n + 1;
    head->op_forgotten =
        atomic_load_explicit(&head->forgotten, memory_order_relaxed) + 1;
    zone_set_op(z, OP_LEAVE);
    *count = set_left(z, place);
    playcount_left_finish(z);
    zone_set_op(z, OP_NONE);
    return APR_SUCCESS;
}

void playcount_left_finish(playcount_zone *z)
{
    zone_header *head = z->head;
    uint64_t place = head->op_place;

    if (!word_is_left(word_at(z, place), word_epoch(zone_state(z)))) {
        return;
    }
    playcount_index_remove(z, place, playcount_slot_hash(z, place));
    head->left[head->op_left - 1] = (uint32_t)place;
    atomic_signal_fence(memory_order_seq_cst);
    head->left_n = head->op_left;
    atomic_store_explicit(&head->forgotten, head->op_forgotten,
                          memory_order_release);
}

/* 1 if batches have all its plays. */
static int is_done(const playcount_zone *z, uint64_t place)
{
    return word_value(z, place, word_at(z, place)) <= handed(z, place);
}

void playcount_left_release(playcount_zone *z)
{
    for (uint32_t i = z->head->left_n; i-- > 0 && !playcount_batch_is_open(z);) {
        uint64_t place = z->head->left[i], count;

        if (is_valid(z, i) && !is_done(z, place)) {
            continue;
        }
        if (is_valid(z, i)) {
            playcount_forget_slot(z, place, &count, OP_RELEASE);
        }
        drop_entry(z, i);
    }
}

void playcount_left_recover(playcount_zone *z)
{
    zone_header *head = z->head;
    uint64_t epoch = word_epoch(zone_state(z));
    uint64_t first = zone_first(z, epoch), used = zone_state(z) & STATE_USED;

    head->left_n = 0;
    for (uint64_t n = 0; n < used && head->left_n < LEFT_MAX; n++) {
        uint64_t place = ring_place(z, first, n);

        if (word_is_left(word_at(z, place), epoch)) {
            head->left[head->left_n++] = (uint32_t)place;
        }
    }
    zone_set_op(z, OP_RELEASE);
    playcount_left_release(z);
    zone_set_op(z, OP_NONE);
}

void playcount_left_twins(const playcount_zone *z, left_twins *twins)
{
    uint64_t epoch = word_epoch(zone_state(z));
    char id[PLAYCOUNT_ID_MAX];

    twins->n = 0;
    for (uint32_t i = 0; i < z->head->left_n; i++) {
        if (is_valid(z, i)) {
            apr_size_t length = playcount_slot_id(z, z->head->left[i], id);
            song_key key = key_of(z, id, length);
            uint64_t place = find_song(z, epoch, &key).place;

            if (place != NO_PLACE) {
                twins->place[twins->n++] = (uint32_t)place;
            }
        }
    }
}

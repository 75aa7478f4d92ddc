/* Many adds at once, all or none, whatever dies when.
 *
 * The journal holds, for each song of the batch, its slot and the amount.
 *
 *   OP_PREPARE  the entries are written, and the slots are being marked with
 *               the bit F. A successor takes the marks away: nothing counted.
 *   OP_COMMIT   every slot is marked. This one store makes the batch count. A
 *               successor finishes it.
 *
 * Finishing adds the amount and takes the mark away in one compare-and-swap, so
 * the mark says of every slot whether its amount is still to be added, however
 * often finishing begins anew; and since others may add to the slot meanwhile,
 * nothing else could say so. New slots are written beyond what is in use and
 * marked like the others, but without their epoch: an add that knows such a slot
 * from before a clear must not count in a song that may yet be undone. They get
 * the epoch with the amount, and come into use when all amounts are in.
 */
#include "shm/zone/lookup.h"

/* Add the entry's amount unless that is done. The count that the amount leads
 * to is noted before it is true: when the mark is gone, the note is right. */
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
            next = word & ~WORD_FROZEN;
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

static void finish(playcount_zone *z)
{
    zone_header *head = z->head;
    uint64_t epoch = word_epoch(zone_state(z));

    for (uint32_t i = 0; i < head->op_entries; i++) {
        apply(z, &z->journal[i], epoch);
    }
    atomic_store_explicit(&head->state, STATE(epoch, head->op_used),
                          memory_order_release);
    for (uint32_t i = 0; i < head->op_entries; i++) {
        if (z->journal[i].fresh) {
            char id[PLAYCOUNT_ID_MAX];
            apr_size_t length = playcount_slot_id(z, z->journal[i].place, id);

            playcount_index_insert(z, z->journal[i].place,
                                   playcount_id_hash(z, id, length));
        }
    }
    if (head->op_key) {
        playcount_keys_complete(z);
    }
    zone_set_op(z, OP_NONE);
}

static void undo(playcount_zone *z)
{
    for (uint32_t i = 0; i < z->head->op_entries; i++) {
        if (!z->journal[i].fresh) {
            atomic_fetch_and_explicit(&z->slots[z->journal[i].place].word,
                                      ~WORD_FROZEN, memory_order_acq_rel);
        }
    }
    z->head->heap_end = z->head->op_heap_end;
    zone_set_op(z, OP_NONE);
}

static void finish_register(playcount_zone *z)
{
    zone_header *head = z->head;
    uint64_t epoch = word_epoch(zone_state(z));
    uint64_t place = ring_place(z, zone_first(z, epoch), head->op_used);
    char id[PLAYCOUNT_ID_MAX];
    apr_size_t length;

    /* Once the slot has its word, an add may have counted in it: one that knew
     * the slot from before a clear. */
    if (word_epoch(atomic_load_explicit(&z->slots[place].word,
                                        memory_order_acquire)) != epoch) {
        head->heap_end = head->op_heap_end;
        return;
    }
    length = playcount_slot_id(z, place, id);
    atomic_store_explicit(&head->state, STATE(epoch, head->op_used + 1),
                          memory_order_release);
    playcount_index_insert(z, place, playcount_id_hash(z, id, length));
}

static void finish_clear(playcount_zone *z)
{
    uint64_t epoch = word_epoch(zone_state(z));

    if (epoch == z->head->op_epoch) {
        z->head->heap_end = z->head->heap_from[epoch & 1];
        playcount_index_empty(z, epoch, z->index_size);
        playcount_slots_sweep(z, epoch);
    }
}

void playcount_journal_repair(playcount_zone *z)
{
    switch (atomic_load_explicit(&z->head->op, memory_order_acquire)) {
    case OP_PREPARE:
        undo(z);
        return;
    case OP_COMMIT:
        finish(z);
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
    default:
        break;
    }
    zone_set_op(z, OP_NONE);
}

/* --- filling the journal --- */

#define UNKNOWN UINT32_MAX
#define AT_ONCE 48 /* lookups whose cache misses overlap; 16 and 128 are slower */

/* Look the songs up, some at a time, so that their cache misses overlap. */
static void look_up(playcount_zone *z, uint64_t epoch, playcount_play *plays,
                    apr_size_t n)
{
    for (apr_size_t from = 0; from < n; from += AT_ONCE) {
        apr_size_t to = from + AT_ONCE < n ? from + AT_ONCE : n;

        for (apr_size_t i = from; i < to; i++) {
            playcount_index_prefetch(z, plays[i].hash);
        }
        for (apr_size_t i = from; i < to; i++) {
            playcount_index_prefetch_slot(z, plays[i].hash);
        }
        for (apr_size_t i = from; i < to; i++) {
            playcount_play *p = &plays[i];
            song_key key = key_with_hash(p->id, p->length, p->hash);
            uint64_t place = find_song(z, epoch, &key).place;

            p->place = place == NO_PLACE ? UNKNOWN : (uint32_t)place;
        }
    }
}

/* Under the lock: what was not there may be there by now, and after a clear
 * nothing is where it was. Returns how many songs are new. */
static uint64_t look_again(playcount_zone *z, uint64_t before,
                           playcount_play *plays, apr_size_t n)
{
    uint64_t epoch = word_epoch(zone_state(z));
    uint64_t fresh = 0;

    if (epoch != before) {
        look_up(z, epoch, plays, n);
    }
    for (apr_size_t i = 0; i < n; i++) {
        if (plays[i].place == UNKNOWN) {
            look_up(z, epoch, &plays[i], 1);
            fresh += plays[i].place == UNKNOWN;
        }
    }
    return fresh;
}

static void prepare(playcount_zone *z, playcount_play *plays, apr_size_t n,
                    const playcount_claim *claim)
{
    zone_header *head = z->head;
    uint64_t state = zone_state(z);
    uint64_t epoch = word_epoch(state);
    uint64_t first = zone_first(z, epoch);
    uint64_t used = state & STATE_USED;

    for (apr_size_t i = 0; i < n; i++) {
        journal_entry *e = &z->journal[i];

        e->fresh = plays[i].place == UNKNOWN;
        if (e->fresh) {
            plays[i].place = (uint32_t)ring_place(z, first, used++);
        }
        e->place = plays[i].place;
        e->by = plays[i].by;
        e->count = 0;
    }
    head->op_entries = (uint32_t)n;
    head->op_used = used;
    head->op_heap_end = head->heap_end;
    head->op_key = claim ? claim->number : 0;
    head->op_fingerprint = claim ? claim->fingerprint : 0;
    head->op_answers = head->answers_end;
    zone_set_op(z, OP_PREPARE);

    for (apr_size_t i = 0; i < n; i++) {
        playcount_play *p = &plays[i];

        if (z->journal[i].fresh) {
            playcount_slot_write(z, p->place, p->id, p->length, p->hash, epoch,
                                 WORD_FROZEN);
        }
        else {
            atomic_fetch_or_explicit(&z->slots[p->place].word, WORD_FROZEN,
                                     memory_order_acq_rel);
        }
    }
}

apr_status_t playcount_zone_add_many(playcount_zone *z, playcount_play *plays,
                                     apr_size_t n, const playcount_claim *claim)
{
    uint64_t epoch = word_epoch(zone_state(z));
    uint64_t state, taken;
    apr_status_t rv;

    if (n < 1 || n > PLAYCOUNT_BATCH_MAX) {
        return APR_EINVAL;
    }
    look_up(z, epoch, plays, n);
    if ((rv = playcount_zone_lock(z)) != APR_SUCCESS) {
        return rv;
    }
    if (claim && !playcount_key_is_ours(z, claim->number)) {
        playcount_zone_unlock(z);
        return APR_EBUSY;
    }
    taken = look_again(z, epoch, plays, n);
    state = zone_state(z);
    taken += (state & STATE_USED) + zone_ghosts(z, word_epoch(state));
    if (taken > z->songs) {
        playcount_zone_unlock(z);
        return APR_ENOSPC;
    }
    prepare(z, plays, n, claim);
    zone_set_op(z, OP_COMMIT);
    finish(z);
    for (apr_size_t i = 0; i < n; i++) {
        plays[i].count = z->journal[i].count;
    }
    playcount_zone_unlock(z);
    return APR_SUCCESS;
}

/* Counting: get, add, the first play of a song. */

#include "shm/zone/holes.h"
#include "shm/zone/lock.h"
#include "shm/zone/lookup.h"
#include "shm/zone/ring.h"

int playcount_zone_say_full(playcount_zone *z, uint64_t now)
{
    uint64_t last =
        atomic_load_explicit(&z->head->full_logged_at, memory_order_relaxed);

    return (now < last || now - last >= 60) &&
           atomic_compare_exchange_strong_explicit(&z->head->full_logged_at, &last,
                                                   now, memory_order_relaxed,
                                                   memory_order_relaxed);
}

ALWAYS_INLINE uint64_t get(playcount_zone *z, const song_key *key)
{
    for (;;) {
        uint64_t epoch = word_epoch(zone_state(z));
        song_found found = find_song(z, epoch, key);
        uint64_t word, count;

        if (found.place == NO_PLACE) {
            return 0;
        }
        /* The word is read again after the id: see slots.h. */
        word =
            atomic_load_explicit(&z->slots[found.place].word, memory_order_acquire);
        if (!is_same_song(found.word, word)) {
            continue;
        }
        if (!(word & WORD_WIDE)) {
            return shown_count(z, found.place, epoch, word & WORD_COUNT);
        }
        /* And once more after wide[], which the next song in the slot writes. */
        count = word_value(z, found.place, word);
        if (is_same_song(word, atomic_load_explicit(&z->slots[found.place].word,
                                                    memory_order_acquire))) {
            return shown_count(z, found.place, epoch, count);
        }
    }
}

uint64_t playcount_zone_get(playcount_zone *z, const char *id, apr_size_t length)
{
    song_key key = key_of(z, id, length);

    return get(z, &key);
}

uint64_t playcount_zone_get_hashed(playcount_zone *z, const char *id,
                                   apr_size_t length, uint64_t hash)
{
    song_key key = key_with_hash(id, length, hash);

    return get(z, &key);
}

/* Add to the slot whose word was read as `word`, without the lock. 0 when it is
 * no longer this song's slot, or when the count needs the lock. */
ALWAYS_INLINE int add_to_word(playcount_zone *z, uint64_t place, uint64_t word,
                              uint64_t by, uint64_t *count)
{
    uint64_t epoch = word_epoch(word);

    while (word_is_live(word, epoch) && !(word & WORD_WIDE) &&
           by <= WORD_COUNT - (word & WORD_COUNT)) {
        if (atomic_compare_exchange_weak_explicit(&z->slots[place].word, &word,
                                                  word + by, memory_order_acq_rel,
                                                  memory_order_acquire)) {
            *count = (word & WORD_COUNT) + by;
            return 1;
        }
    }
    return 0;
}

/* The same with the lock, for any count. Others may go on adding without it as
 * long as the word is not wide. */
static uint64_t add_with_lock(playcount_zone *z, uint64_t place, uint64_t by)
{
    _Atomic uint64_t *at = &z->slots[place].word;
    uint64_t word = atomic_load_explicit(at, memory_order_acquire);
    uint64_t count;

    while (!(word & WORD_WIDE)) {
        if (add_to_word(z, place, word, by, &count)) {
            return count;
        }
        word = atomic_load_explicit(at, memory_order_acquire);
        if (by <= WORD_COUNT - (word & WORD_COUNT)) {
            continue;
        }
        /* wide[] means nothing until the word says so: a crash between the two
         * has changed nothing. */
        count = count_sum(word & WORD_COUNT, by);
        atomic_store_explicit(&z->wide[place], count, memory_order_release);
        if (atomic_compare_exchange_strong_explicit(
                at, &word, (word & ~WORD_COUNT) | WORD_WIDE, memory_order_acq_rel,
                memory_order_acquire)) {
            return count;
        }
    }
    count =
        count_sum(atomic_load_explicit(&z->wide[place], memory_order_relaxed), by);
    atomic_store_explicit(&z->wide[place], count, memory_order_release);
    return count;
}

/* The first play of a song that gets a hole: no place is left at the end of the
 * ring. The order of the stores is that of register_song(). */
static apr_status_t register_in_hole(playcount_zone *z, const song_key *key,
                                     uint64_t by)
{
    zone_header *head = z->head;
    uint64_t state = zone_state(z);
    uint64_t epoch = word_epoch(state);
    uint64_t heap_end = head->heap_end, word;
    hole_list left = playcount_holes(z);
    hole h;

    if (!left.n) {
        return APR_ENOSPC;
    }
    h = playcount_hole_pop(z, &left);
    if (!playcount_hole_fits(z, &h, key->length, state & STATE_USED, &heap_end)) {
        return APR_ENOSPC;
    }
    head->op_place = h.place;
    head->op_hole = left.first;
    head->op_holes = left.n;
    head->op_generation = left.generation;
    head->op_cell = h.cell;
    head->op_cell_at = h.at;
    head->op_heap_end = head->heap_end;
    zone_set_op(z, OP_REUSE);

    word = hole_song_word(left.generation, playcount_hole_room(&h, key->length));
    atomic_store_explicit(&z->wide[h.place], by, memory_order_release);
    playcount_hole_write(z, &h, key->id, key->length, key->hash, epoch,
                         word | STATE(epoch, 0));
    playcount_holes_set(z, &left);
    playcount_index_insert(z, h.place, key->hash);
    zone_set_op(z, OP_NONE);
    return APR_SUCCESS;
}

/* The first play of a song, under the lock. The order of the stores:
 *   1. the slot's word is taken away: it may be of any epoch;
 *   2. op: from here on the next holder of the lock repairs;
 *   3. the slot, its word last: up to there the repair undoes, from there on it
 *      finishes;
 *   4. state, one slot more: from here on the song is registered, with its plays;
 *   5. the index: from here on it is found.
 */
static apr_status_t register_song(playcount_zone *z, const song_key *key,
                                  uint64_t by)
{
    zone_header *head = z->head;
    uint64_t state = zone_state(z);
    uint64_t epoch = word_epoch(state);
    uint64_t used = state & STATE_USED;
    uint64_t place = ring_place(z, zone_first(z, epoch), used);
    uint64_t word = STATE(epoch, by);

    if (used + zone_ghosts(z, epoch) >= z->songs) {
        return register_in_hole(z, key, by);
    }
    atomic_store_explicit(&z->slots[place].word, 0, memory_order_release);
    head->op_used = used;
    head->op_heap_end = head->heap_end;
    zone_set_op(z, OP_REGISTER);

    if (by > WORD_COUNT) {
        atomic_store_explicit(&z->wide[place], by, memory_order_release);
        word = STATE(epoch, 0) | WORD_WIDE;
    }
    playcount_slot_write_new(z, place, key->id, key->length, key->hash, epoch,
                             word);
    atomic_store_explicit(&head->state, STATE(epoch, used + 1),
                          memory_order_release);
    playcount_index_insert(z, place, key->hash);
    zone_set_op(z, OP_NONE);
    return APR_SUCCESS;
}

/* Under the lock, which it gives back. */
static __attribute__((noinline)) apr_status_t
add_or_register(playcount_zone *z, const char *id, apr_size_t length, uint64_t hash,
                uint64_t by, uint64_t *count)
{
    song_key key = key_with_hash(id, length, hash);
    uint64_t place = find_song(z, word_epoch(zone_state(z)), &key).place;
    apr_status_t rv = APR_SUCCESS;

    if (place == NO_PLACE) {
        *count = by;
        rv = register_song(z, &key, by);
    }
    else {
        *count = shown_count(z, place, word_epoch(zone_state(z)),
                             add_with_lock(z, place, by));
    }
    playcount_zone_unlock(z);
    return rv;
}

ALWAYS_INLINE apr_status_t add(playcount_zone *z, const song_key *key, uint64_t by,
                               uint64_t *count,
                               apr_status_t (*lock)(playcount_zone *))
{
    song_found found = find_song(z, word_epoch(zone_state(z)), key);
    uint64_t own;
    apr_status_t rv;

    if (found.place != NO_PLACE &&
        add_to_word(z, found.place, found.word, by, &own)) {
        *count = shown_count(z, found.place, word_epoch(found.word), own);
        return APR_SUCCESS;
    }
    rv = lock(z);
    return rv == APR_SUCCESS
               ? add_or_register(z, key->id, key->length, key->hash, by, count)
               : rv;
}

apr_status_t playcount_zone_add(playcount_zone *z, const char *id,
                                apr_size_t length, uint64_t by, uint64_t *count)
{
    song_key key = key_of(z, id, length);

    return add(z, &key, by, count, playcount_zone_lock);
}

apr_status_t playcount_zone_add_hashed(playcount_zone *z, const char *id,
                                       apr_size_t length, uint64_t hash,
                                       uint64_t by, uint64_t *count)
{
    song_key key = key_with_hash(id, length, hash);

    return add(z, &key, by, count, playcount_zone_lock);
}

apr_status_t playcount_zone_add_at_once(playcount_zone *z, const char *id,
                                        apr_size_t length, uint64_t hash,
                                        uint64_t by, uint64_t *count)
{
    song_key key = key_with_hash(id, length, hash);

    return add(z, &key, by, count, playcount_zone_try_lock);
}

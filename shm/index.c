/* From the hash of an id to its slot: open addressing, linear probing.
 *
 * An entry of 4 bytes is 1 + the slot in as many low bits as the capacity
 * needs, and bits of the hash above: a tag, so that a probe touches few slots
 * that are not the one it looks for. The table has half as many entries again
 * as songs fit, so probes are short, and it is never full. The place in the
 * table comes from the upper half of the hash by a multiplication (Lemire, "Fast
 * random integer generation in an interval", 2019), so its size need not be a
 * power of two and there is no division.
 *
 * Entries are written under the lock, each in one store after its slot is
 * whole, and taken away only by a clear, all of them. A reader may meet an
 * entry of an earlier epoch, before the clear has come to it: the slot's word
 * tells.
 */
#include "shm/layout.h"

static inline uint64_t home(const playcount_zone *z, uint64_t hash)
{
    return (hash >> 32) * z->index_size >> 32;
}

static inline uint32_t tag(const playcount_zone *z, uint64_t hash)
{
    return (uint32_t)hash & ~z->place_mask;
}

static inline uint64_t after(const playcount_zone *z, uint64_t at)
{
    return at + 1 == z->index_size ? 0 : at + 1;
}

uint64_t playcount_index_find(const playcount_zone *z, uint64_t epoch,
                              const char *id, apr_size_t length, uint64_t hash,
                              uint64_t *word)
{
    uint64_t at = home(z, hash);

    for (uint64_t n = 0; n < z->index_size; n++, at = after(z, at)) {
        uint32_t e = atomic_load_explicit(&z->index[at], memory_order_acquire);
        uint64_t place = (uint64_t)(e & z->place_mask) - 1;

        if (!e) {
            break;
        }
        if ((e & ~z->place_mask) != tag(z, hash) || place >= z->songs) {
            continue;
        }
        *word = atomic_load_explicit(&z->slots[place].word, memory_order_acquire);
        if (word_epoch(*word) == epoch &&
            playcount_slot_is(z, place, id, length, hash)) {
            return place;
        }
    }
    return NO_PLACE;
}

void playcount_index_insert(playcount_zone *z, uint64_t place, uint64_t hash)
{
    uint64_t at = home(z, hash);
    uint32_t entry = tag(z, hash) | (uint32_t)(place + 1);

    for (;; at = after(z, at)) {
        uint32_t e = atomic_load_explicit(&z->index[at], memory_order_relaxed);

        if (e == entry) {
            return; /* done before its writer died */
        }
        if (!e) {
            break;
        }
    }
    atomic_store_explicit(&z->index[at], entry, memory_order_release);
}

void playcount_index_prefetch(const playcount_zone *z, uint64_t hash)
{
    __builtin_prefetch((const void *)&z->index[home(z, hash)]);
}

void playcount_index_prefetch_slot(const playcount_zone *z, uint64_t hash)
{
    uint64_t at = home(z, hash);

    for (uint64_t n = 0; n < z->index_size; n++, at = after(z, at)) {
        uint32_t e = atomic_load_explicit(&z->index[at], memory_order_relaxed);

        if (!e) {
            return;
        }
        if ((e & ~z->place_mask) == tag(z, hash)) {
            __builtin_prefetch(&z->slots[(e & z->place_mask) - 1], 1);
            return;
        }
    }
}

/* Take the entries of the songs away, the last one first: no probe for one that
 * is still there crosses a gap. */
static void empty_one_by_one(playcount_zone *z, uint64_t epoch, uint64_t used)
{
    uint64_t first = zone_first(z, epoch);
    char id[PLAYCOUNT_ID_MAX];

    while (used-- > 0) {
        uint64_t place = ring_place(z, first, used);
        apr_size_t length = playcount_slot_id(z, place, id);
        uint64_t hash = playcount_id_hash(z, id, length);
        uint32_t entry = tag(z, hash) | (uint32_t)(place + 1);
        uint64_t at = home(z, hash);

        for (;; at = after(z, at)) {
            uint32_t e = atomic_load_explicit(&z->index[at], memory_order_relaxed);

            if (e == entry) {
                atomic_store_explicit(&z->index[at], 0, memory_order_release);
            }
            if (e == entry || !e) {
                break;
            }
        }
    }
}

void playcount_index_empty(playcount_zone *z, uint64_t epoch, uint64_t used)
{
    /* A nearly empty index is not written all over: its pages would be taken
     * just to hold zeros. */
    if (used < z->index_size / 64) {
        empty_one_by_one(z, epoch, used);
        return;
    }
    for (uint64_t at = 0; at < z->index_size; at++) {
        if (atomic_load_explicit(&z->index[at], memory_order_relaxed)) {
            atomic_store_explicit(&z->index[at], 0, memory_order_release);
        }
    }
}

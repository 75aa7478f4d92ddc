/* Entries of the index put in and taken away: see index.h. */

#include "shm/zone/index.h"

#include "shm/zone/ring.h"
#include "shm/zone/slots.h"

void playcount_index_insert(playcount_zone *z, uint64_t place, uint64_t hash)
{
    uint64_t at = index_home(z, hash);
    uint32_t entry = index_tag(z, hash) | (uint32_t)(place + 1);

    for (;; at = index_after(z, at)) {
        uint32_t e = atomic_load_explicit(&z->index[at], memory_order_relaxed);

        if (e == entry) {
            return; /* done before a crash */
        }
        if (!e) {
            break;
        }
    }
    atomic_store_explicit(&z->index[at], entry, memory_order_release);
}

/* Take the entries of the songs away, the last one first: no probe for one that
 * is still there crosses a gap. */
static void empty_one_by_one(playcount_zone *z, uint64_t epoch, uint64_t used)
{
    uint64_t first = zone_first(z, epoch);

    while (used-- > 0) {
        uint64_t place = ring_place(z, first, used);
        uint64_t hash = playcount_slot_hash(z, place);
        uint32_t entry = index_tag(z, hash) | (uint32_t)(place + 1);
        uint64_t at = index_home(z, hash);

        for (;; at = index_after(z, at)) {
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

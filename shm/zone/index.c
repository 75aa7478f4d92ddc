/* The index: entries put in, taken away, fetched ahead. Looking up is in lookup.h.
 *
 * Entries are written under the lock, each in one store after its slot is whole,
 * and taken away only by a clear, all of them.
 */
#include "shm/zone/lookup.h"

void playcount_index_insert(playcount_zone *z, uint64_t place, uint64_t hash)
{
    uint64_t at = index_home(z, hash);
    uint32_t entry = index_tag(z, hash) | (uint32_t)(place + 1);

    for (;; at = index_after(z, at)) {
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
    __builtin_prefetch((const void *)&z->index[index_home(z, hash)]);
}

void playcount_index_prefetch_slot(const playcount_zone *z, uint64_t hash)
{
    uint64_t at = index_home(z, hash);

    for (uint64_t n = 0; n < z->index_size; n++, at = index_after(z, at)) {
        uint32_t e = atomic_load_explicit(&z->index[at], memory_order_relaxed);

        if (!e) {
            return;
        }
        if ((e & ~z->place_mask) == index_tag(z, hash)) {
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

song_found playcount_index_find(const playcount_zone *z, uint64_t epoch,
                                const char *id, apr_size_t length, uint64_t hash)
{
    song_key key = key_with_hash(id, length, hash);
    uint64_t at = index_home(z, hash);
    uint32_t tag = index_tag(z, hash);

    for (uint64_t n = 0; n < z->index_size; n++, at = index_after(z, at)) {
        uint32_t e = atomic_load_explicit(&z->index[at], memory_order_acquire);
        song_found found = {.place = (uint64_t)(e & z->place_mask) - 1};

        if (!e) {
            break;
        }
        if ((e & ~z->place_mask) == tag && found.place < z->songs &&
            is_song(z, epoch, &key, found.place, &found.word)) {
            return found;
        }
    }
    return (song_found){.place = NO_PLACE};
}

uint64_t playcount_zone_prefetch(const playcount_zone *z, const char *id,
                                 apr_size_t length)
{
    uint64_t hash = key_of(z, id, length).hash;

    playcount_index_prefetch(z, hash);
    return hash;
}

void playcount_zone_prefetch_slot(const playcount_zone *z, const char *id,
                                  apr_size_t length)
{
    playcount_index_prefetch_slot(z, key_of(z, id, length).hash);
}

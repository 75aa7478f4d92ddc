/* The slow way from an id to its slot, and its cache misses ahead of time. */

#include "shm/zone/lookup.h"

int playcount_holds_long_id(const playcount_zone *z, uint64_t at, const char *id,
                            apr_size_t length)
{
    if (at > z->head->heap_words - words_of(length)) {
        return 0;
    }
    for (apr_size_t i = 0; i < words_of(length); i++) {
        if (atomic_load_explicit(&z->heap[at + i], memory_order_acquire) !=
            id_word(id, length, 8 * i)) {
            return 0;
        }
    }
    return 1;
}

static song_found probe(const playcount_zone *z, uint64_t epoch,
                        const song_key *key)
{
    uint64_t at = index_home(z, key->hash);
    uint32_t tag = index_tag(z, key->hash);

    for (uint64_t n = 0; n < z->index_size; n++, at = index_after(z, at)) {
        uint32_t e = atomic_load_explicit(&z->index[at], memory_order_acquire);
        song_found found = {.place = (uint64_t)(e & z->place_mask) - 1};

        if (!e) {
            break;
        }
        if ((e & ~z->place_mask) == tag && found.place < z->songs &&
            is_song(z, epoch, key, found.place, &found.word)) {
            return found;
        }
    }
    return (song_found){.place = NO_PLACE};
}

song_found playcount_find_slowly(const playcount_zone *z, uint64_t epoch,
                                 const char *id, apr_size_t length, uint64_t hash)
{
    song_key key = key_with_hash(id, length, hash);

    for (;;) {
        uint64_t moved =
            atomic_load_explicit(&z->head->moved, memory_order_acquire);
        song_found found = probe(z, epoch, &key);

        if (found.place != NO_PLACE ||
            moved == atomic_load_explicit(&z->head->moved, memory_order_acquire)) {
            return found;
        }
    }
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

uint64_t playcount_zone_prefetch(const playcount_zone *z, const char *id,
                                 apr_size_t length)
{
    uint64_t hash = key_of(z, id, length).hash;

    playcount_index_prefetch(z, hash);
    return hash;
}

void playcount_zone_prefetch_slot(const playcount_zone *z, uint64_t hash)
{
    playcount_index_prefetch_slot(z, hash);
}

/* From an id to its slot: the path of every play, all of it inline.
 *
 * The first eight entries of the index are looked at four at a time, without a
 * branch between the four: no processor guesses right which of them it will be.
 * Then the slow way (lookup.c) begins again, entry by entry.
 */
#ifndef PLAYCOUNT_SHM_LOOKUP_H
#define PLAYCOUNT_SHM_LOOKUP_H

#include "shm/zone/index.h"
#include "shm/zone/slots.h"

/* Whether a long id, one of more than ID_INLINE bytes, stands at this word of the
 * heap. Not inline: short ids would pay for its registers. */
int playcount_holds_long_id(const playcount_zone *z, uint64_t at, const char *id,
                            apr_size_t length);

ALWAYS_INLINE int slot_holds(const playcount_zone *z, uint64_t place,
                             const song_key *key)
{
    const slot *s = &z->slots[place];
    uint64_t w0 = atomic_load_explicit(&s->id[0], memory_order_acquire);
    uint64_t w1 = atomic_load_explicit(&s->id[1], memory_order_acquire);
    uint64_t length = atomic_load_explicit(&s->length, memory_order_acquire);

    if (key->length <= ID_INLINE) { /* one branch for all three */
        return !((w0 ^ key->word[0]) | (w1 ^ key->word[1]) |
                 (length ^ key->length));
    }
    return length == key->length && w0 == key->hash &&
           playcount_holds_long_id(z, w1, key->id, key->length);
}

#define NO_PLACE UINT64_MAX

/* A slot, or NO_PLACE, and its word as it was. */
typedef struct {
    uint64_t place, word;
} song_found;

/* 1 if the slot holds this song, of this epoch. A reader may meet an entry of an
 * earlier epoch that the clear has not reached yet: the slot's word tells. */
ALWAYS_INLINE int is_song(const playcount_zone *z, uint64_t epoch,
                          const song_key *key, uint64_t place, uint64_t *word)
{
    *word = atomic_load_explicit(&z->slots[place].word, memory_order_acquire);
    return word_is_live(*word, epoch) && slot_holds(z, place, key);
}

/* Of four entries, 1 + the slot of one with this tag. When none has it, a number
 * above place_mask; or 0, when one is empty and the tag is 0. */
ALWAYS_INLINE uint32_t one_of_four(const _Atomic uint32_t *e, uint32_t tag)
{
    uint32_t a = atomic_load_explicit(&e[0], memory_order_acquire) ^ tag;
    uint32_t b = atomic_load_explicit(&e[1], memory_order_acquire) ^ tag;
    uint32_t c = atomic_load_explicit(&e[2], memory_order_acquire) ^ tag;
    uint32_t d = atomic_load_explicit(&e[3], memory_order_acquire) ^ tag;

    a = a < b ? a : b;
    c = c < d ? c : d;
    return a < c ? a : c;
}

/* The slow way: one entry after the other, up to an empty one. */
song_found playcount_find_slowly(const playcount_zone *z, uint64_t epoch,
                                 const char *id, apr_size_t length, uint64_t hash);

/* The slot of a song of this epoch. The fast way may go past an empty entry, or
 * meet another song of the same tag; the slot says whether it is the one. */
ALWAYS_INLINE song_found find_song(const playcount_zone *z, uint64_t epoch,
                                   const song_key *key)
{
    uint64_t at = index_home(z, key->hash);
    uint64_t end = at + 8 <= z->index_size ? at + 8 : at;

    for (; at < end; at += 4) {
        uint32_t e = one_of_four(&z->index[at], index_tag(z, key->hash));
        song_found found = {.place = (uint64_t)e - 1};

        if (found.place < z->songs &&
            is_song(z, epoch, key, found.place, &found.word)) {
            return found;
        }
    }
    return playcount_find_slowly(z, epoch, key->id, key->length, key->hash);
}

/* Fetch into the processor's cache where the search begins, and a while later the
 * slot that it leads to. */
void playcount_index_prefetch(const playcount_zone *z, uint64_t hash);
void playcount_index_prefetch_slot(const playcount_zone *z, uint64_t hash);

#endif

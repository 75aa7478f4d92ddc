/* From an id to its slot: the path of every play, all of it inline. Only the files
 * of shm/zone/ include this.
 *
 * The index is open addressing with linear probing. An entry of 4 bytes is 1 + the
 * slot in as many low bits as the capacity needs, and bits of the hash above: a
 * tag, so that a probe touches few slots that are not the one it looks for. The
 * table has half as many entries again as songs fit, so probes are short, and it is
 * never full. The first eight entries are looked at four at a time: no processor
 * guesses right which of them it will be. The place in the table comes from the
 * upper half of the hash by a multiplication (Lemire, "Fast random integer
 * generation in an interval", 2019), so its size need not be a power of two and
 * there is no division.
 *
 * A slot can be written anew (after a clear) while a reader that found it before
 * the clear still looks at it. The writer first takes the word away, then writes
 * the id, then gives the new word. Every store of an id's word is a release and
 * every load an acquire, so a reader that has seen a piece of the new id finds the
 * old word gone when it looks at the word again, and an add's compare-and-swap
 * fails. Readers therefore always look at the word after they have looked at the
 * id.
 */
#ifndef PLAYCOUNT_SHM_LOOKUP_H
#define PLAYCOUNT_SHM_LOOKUP_H

#include <string.h>

#include "shm/zone/hash.h"
#include "shm/zone/layout.h"

/* An id, made ready to be looked up. */
typedef struct {
    const char *id;
    apr_size_t length;
    uint64_t hash;
    uint64_t word[2]; /* of an id of up to 16 bytes: its bytes, and zeros */
} song_key;

/* Whatever the compiler thinks of its length. */
#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* 1 to 7 bytes as a word; reads no byte that is not there, and calls nothing. */
static inline uint64_t few_bytes(const char *p, apr_size_t n)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    if (n >= 4) {
        uint32_t low, high;

        memcpy(&low, p, 4);
        memcpy(&high, p + n - 4, 4);
        return low | (uint64_t)high << (8 * (n - 4));
    }
    return (uint64_t)(unsigned char)p[0] |
           (uint64_t)(unsigned char)p[n / 2] << (8 * (n / 2)) |
           (uint64_t)(unsigned char)p[n - 1] << (8 * (n - 1));
#else
    uint64_t w = 0;

    memcpy(&w, p, n);
    return w;
#endif
}

/* The word at byte `at` of an id, filled up with zeros. */
static inline uint64_t id_word(const char *id, apr_size_t length, apr_size_t at)
{
    uint64_t w;

    if (at + 8 <= length) {
        memcpy(&w, id + at, 8);
        return w;
    }
    return at < length ? few_bytes(id + at, length - at) : 0;
}

static inline apr_size_t words_of(apr_size_t length)
{
    return (length + 7) / 8;
}

uint64_t playcount_long_hash(const char *id, apr_size_t length, uint64_t seed);

/* The key of an id whose hash is known. */
ALWAYS_INLINE song_key key_with_hash(const char *id, apr_size_t length,
                                     uint64_t hash)
{
    song_key key = {.id = id, .length = length, .hash = hash};

    if (length <= ID_INLINE) {
        key.word[0] = id_word(id, length, 0);
        key.word[1] = id_word(id, length, 8);
    }
    return key;
}

/* A short id is hashed as 16 bytes with its zeros: of a length that the compiler
 * knows, the hash is a handful of instructions. */
ALWAYS_INLINE song_key key_of(const playcount_zone *z, const char *id,
                              apr_size_t length)
{
    song_key key = key_with_hash(id, length, 0);

    key.hash = length <= ID_INLINE
                   ? XXH3_64bits_withSeed(key.word, sizeof(key.word), z->seed)
                   : playcount_long_hash(id, length, z->seed);
    return key;
}

static inline int holds_long_id(const playcount_zone *z, uint64_t at,
                                const song_key *key)
{
    if (at > z->head->heap_words - words_of(key->length)) {
        return 0;
    }
    for (apr_size_t i = 0; i < words_of(key->length); i++) {
        if (atomic_load_explicit(&z->heap[at + i], memory_order_acquire) !=
            id_word(key->id, key->length, 8 * i)) {
            return 0;
        }
    }
    return 1;
}

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
    return length == key->length && w0 == key->hash && holds_long_id(z, w1, key);
}

static inline uint64_t index_home(const playcount_zone *z, uint64_t hash)
{
    return (hash >> 32) * z->index_size >> 32;
}

static inline uint32_t index_tag(const playcount_zone *z, uint64_t hash)
{
    return (uint32_t)hash & ~z->place_mask;
}

static inline uint64_t index_after(const playcount_zone *z, uint64_t at)
{
    return at + 1 == z->index_size ? 0 : at + 1;
}

#define NO_PLACE UINT64_MAX

/* A slot, or NO_PLACE, and its word as it was. */
typedef struct {
    uint64_t place, word;
} song_found;

/* Is it this song, of this epoch? A reader may meet an entry of an earlier epoch,
 * before the clear has come to it: the slot's word tells. */
ALWAYS_INLINE int is_song(const playcount_zone *z, uint64_t epoch,
                          const song_key *key, uint64_t place, uint64_t *word)
{
    *word = atomic_load_explicit(&z->slots[place].word, memory_order_acquire);
    return word_epoch(*word) == epoch && slot_holds(z, place, key);
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
song_found playcount_index_find(const playcount_zone *z, uint64_t epoch,
                                const char *id, apr_size_t length, uint64_t hash);

/* The slot of a song of this epoch. The fast way may go past an empty entry, or
 * meet another song of the same tag; it is the slot that says whether it is the
 * one. */
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
    return playcount_index_find(z, epoch, key->id, key->length, key->hash);
}

#endif

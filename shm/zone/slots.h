/* Ids: hashed, and written to, read from and checked in their slots.
 *
 * A slot can be given to another song (after a clear) while a reader that found it
 * before the clear still looks at it. The writer first takes the word away, then
 * writes the id, then stores the new word. Every store of an id's word is a release
 * and every load an acquire, so a reader that has seen a piece of the new id finds
 * the old word gone when it looks at the word again, and an add's compare-and-swap
 * fails. Readers therefore always look at the word after they have looked at the
 * id.
 */
#ifndef PLAYCOUNT_SHM_SLOTS_H
#define PLAYCOUNT_SHM_SLOTS_H

#include <string.h>

#include "shm/zone/hash.h"
#include "shm/zone/layout.h"

/* Inlined whatever the compiler thinks of its length: on the path of every play. */
#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* An id, made ready to be looked up. */
typedef struct {
    const char *id;
    apr_size_t length;
    uint64_t hash;
    uint64_t word[2]; /* of an id of up to 16 bytes: its bytes, and zeros */
} song_key;

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

/* The hash of an id longer than ID_INLINE. */
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

static inline uint64_t slot_epoch(const playcount_zone *z, uint64_t place)
{
    return word_epoch(
        atomic_load_explicit(&z->slots[place].word, memory_order_relaxed));
}

/* The hash of an id: key_of() without the rest. */
uint64_t playcount_id_hash(const playcount_zone *z, const char *id,
                           apr_size_t length);

/* Copy the id of a slot to `id`, which has room for PLAYCOUNT_ID_MAX bytes, and
 * return its length; 0 if the slot cannot be right. */
apr_size_t playcount_slot_id(const playcount_zone *z, uint64_t place, char *id);

/* The hash of the id that stands in a slot, under the lock. */
uint64_t playcount_slot_hash(const playcount_zone *z, uint64_t place);

/* 1 if the slot is whole and in its place: its check agrees with its id and its
 * epoch. */
int playcount_slot_is_sound(const playcount_zone *z, uint64_t place);

/* At opening: a long id is looked up by whole words, so what stands behind it in
 * its last one must be 0. On a page of another moment it may be the end of an older
 * id, though all of this one's bytes are right: then they are made 0. */
void playcount_slot_pad(playcount_zone *z, uint64_t place, const char *id,
                        apr_size_t length);

/* Where the heap ends when so many words are taken at `end`. */
static inline uint64_t heap_after(const playcount_zone *z, uint64_t end,
                                  uint64_t words)
{
    return end + words > z->head->heap_words ? words : end + words;
}

/* [lock] Room for so many words at the end of the ring of ids, or at the beginning
 * of the heap when they do not fit before its end. There is room for every slot's
 * longest id. */
uint64_t playcount_heap_take(playcount_zone *z, uint64_t words);

/* [lock] Give the slot to a song of this epoch: the word is taken away first and
 * stored last. A long id goes into the heap, to where `at` says. */
void playcount_slot_write(playcount_zone *z, uint64_t place, const char *id,
                          apr_size_t length, uint64_t hash, uint64_t at,
                          uint64_t epoch, uint64_t word);

/* The same for a place at the end of the ring: a long id goes to the end of the
 * heap. */
void playcount_slot_write_new(playcount_zone *z, uint64_t place, const char *id,
                              apr_size_t length, uint64_t hash, uint64_t epoch,
                              uint64_t word);

/* [lock] After a clear: take the words of older epochs away from this epoch's
 * share of the slots. */
void playcount_slots_sweep(playcount_zone *z, uint64_t epoch);

#endif

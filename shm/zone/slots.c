/* The id of a slot: see slots.h. */

#include "shm/zone/slots.h"

#include "shm/zone/ring.h"

static uint32_t slot_check(uint64_t hash, apr_size_t length, uint64_t epoch,
                           uint64_t place)
{
    uint64_t parts[4] = {hash, length, epoch, place};

    return (uint32_t)XXH3_64bits(parts, sizeof(parts));
}

uint64_t playcount_long_hash(const char *id, apr_size_t length, uint64_t seed)
{
    return XXH3_64bits_withSeed(id, length, seed);
}

uint64_t playcount_id_hash(const playcount_zone *z, const char *id,
                           apr_size_t length)
{
    return key_of(z, id, length).hash;
}

uint64_t playcount_zone_hash(const playcount_zone *z, const char *id,
                             apr_size_t length)
{
    return playcount_id_hash(z, id, length);
}

apr_size_t playcount_slot_id(const playcount_zone *z, uint64_t place, char *id)
{
    slot *s = &z->slots[place];
    apr_size_t length = atomic_load_explicit(&s->length, memory_order_acquire);
    uint64_t words[ID_WORDS] = {
        atomic_load_explicit(&s->id[0], memory_order_acquire),
        atomic_load_explicit(&s->id[1], memory_order_acquire)};

    if (length > PLAYCOUNT_ID_MAX) {
        return 0;
    }
    if (length > ID_INLINE) {
        uint64_t at = words[1];

        if (at > z->head->heap_words - words_of(length)) {
            return 0;
        }
        for (apr_size_t i = 0; i < words_of(length); i++) {
            words[i] = atomic_load_explicit(&z->heap[at + i], memory_order_acquire);
        }
    }
    memcpy(id, words, length);
    return length;
}

uint64_t playcount_slot_hash(const playcount_zone *z, uint64_t place)
{
    char id[PLAYCOUNT_ID_MAX];
    apr_size_t length = playcount_slot_id(z, place, id);

    return playcount_id_hash(z, id, length);
}

int playcount_slot_is_sound(const playcount_zone *z, uint64_t place)
{
    char id[PLAYCOUNT_ID_MAX];
    apr_size_t length = playcount_slot_id(z, place, id);
    uint64_t word =
        atomic_load_explicit(&z->slots[place].word, memory_order_relaxed);
    uint64_t epoch = word_epoch(word);

    return length && epoch &&
           z->slots[place].check ==
               slot_check(playcount_id_hash(z, id, length), length, epoch, place);
}

void playcount_slot_pad(playcount_zone *z, uint64_t place, const char *id,
                        apr_size_t length)
{
    uint64_t last = words_of(length) - 1;

    if (length > ID_INLINE) {
        atomic_store_explicit(&z->heap[z->slots[place].id[1] + last],
                              id_word(id, length, 8 * last), memory_order_release);
    }
}

uint64_t playcount_heap_take(playcount_zone *z, uint64_t words)
{
    z->head->heap_end = heap_after(z, z->head->heap_end, words);
    return z->head->heap_end - words;
}

/* Shares of this very epoch predate a full round of all epochs. */
static void forget_shares(playcount_zone *z, uint64_t place, uint64_t epoch)
{
    _Atomic uint64_t *shares[] = {&z->before[0][place], &z->before[1][place],
                                  &z->before[2][place], &z->others[place]};

    for (int i = 0; i < 4; i++) {
        if (share_plays(shares[i], epoch)) {
            atomic_store_explicit(shares[i], 0, memory_order_relaxed);
        }
    }
}

void playcount_slot_write(playcount_zone *z, uint64_t place, const char *id,
                          apr_size_t length, uint64_t hash, uint64_t at,
                          uint64_t epoch, uint64_t word)
{
    slot *s = &z->slots[place];
    uint64_t w0 = id_word(id, length, 0);
    uint64_t w1 = id_word(id, length, 8);

    if (place >= z->head->reach) {
        z->head->reach = place + 1;
    }
    atomic_store_explicit(&s->word, 0, memory_order_release);
    atomic_signal_fence(memory_order_seq_cst);
    if (z->head->writer_step) {
        forget_shares(z, place, epoch);
    }
    if (length > ID_INLINE) {
        for (apr_size_t i = 0; i < words_of(length); i++) {
            atomic_store_explicit(&z->heap[at + i], id_word(id, length, 8 * i),
                                  memory_order_release);
        }
        w0 = hash;
        w1 = at;
    }
    atomic_store_explicit(&s->id[0], w0, memory_order_release);
    atomic_store_explicit(&s->id[1], w1, memory_order_release);
    atomic_store_explicit(&s->length, (uint32_t)length, memory_order_release);
    s->check = slot_check(hash, length, epoch, place);
    atomic_store_explicit(&s->word, word, memory_order_release);
}

void playcount_slot_write_new(playcount_zone *z, uint64_t place, const char *id,
                              apr_size_t length, uint64_t hash, uint64_t epoch,
                              uint64_t word)
{
    uint64_t at = length > ID_INLINE ? playcount_heap_take(z, words_of(length)) : 0;

    playcount_slot_write(z, place, id, length, hash, at, epoch, word);
}

/* After so many clears every slot has been swept. */
#define SWEEP_CLEARS ((EPOCH_MASK + 1) / 8)

void playcount_slots_sweep(playcount_zone *z, uint64_t epoch)
{
    uint64_t share = z->songs / SWEEP_CLEARS + 1;
    uint64_t at = epoch % SWEEP_CLEARS * share;
    uint64_t first = zone_first(z, epoch);
    uint64_t usable = z->songs - zone_ghosts(z, epoch);

    for (uint64_t end = at + share; at < end && at < z->head->reach; at++) {
        if (ring_offset(z, first, at) < usable) {
            atomic_store_explicit(&z->slots[at].word, 0, memory_order_release);
        }
    }
}

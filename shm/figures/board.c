/* Values that all processes share: see board.h. */

#include "shm/figures/board.h"

#include <string.h>

#define ABANDONED 10000000 /* µs: after that a writer is taken for dead */

typedef _Atomic uint64_t word;

/* Words of a slot, before the key. */
enum { VERSION, BEGUN, WANTED, KEY };

static size_t key_words(const playcount_board *b)
{
    return b->key / sizeof(uint64_t);
}

enum { FACTS = 3, BYTES = 1, CHECK = 1 };

static size_t slot_words(size_t key, size_t value)
{
    return KEY + (key + value) / sizeof(uint64_t) + FACTS + BYTES + CHECK;
}

size_t playcount_board_size(size_t key, size_t value)
{
    return PLAYCOUNT_BOARD_SLOTS * slot_words(key, value) * sizeof(uint64_t);
}

static word *slot_at(const playcount_board *b, unsigned at)
{
    return b->memory + at * slot_words(b->key, b->value);
}

/* Words are read and written in order with the version: see series.h. */
static uint64_t load(const word *w)
{
    return atomic_load_explicit(w, memory_order_acquire);
}

static void store(word *w, uint64_t value)
{
    atomic_store_explicit(w, value, memory_order_release);
}

static uint64_t mixed(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 29;
}

/* Copy words out, or in; the hash goes on over them. */
static uint64_t read_words(const word *from, void *to, size_t n, uint64_t hash)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t value = load(&from[i]);

        memcpy((char *)to + i * sizeof(value), &value, sizeof(value));
        hash = mixed(hash, value);
    }
    return hash;
}

static uint64_t write_words(word *to, const void *from, size_t bytes, uint64_t hash)
{
    for (size_t i = 0; i * sizeof(uint64_t) < bytes; i++) {
        size_t rest = bytes - i * sizeof(uint64_t);
        uint64_t value = 0;

        memcpy(&value, (const char *)from + i * sizeof(value),
               rest < sizeof(value) ? rest : sizeof(value));
        store(&to[i], value);
        hash = mixed(hash, value);
    }
    return hash;
}

static int has_key(const playcount_board *b, const word *slot, const void *key)
{
    for (size_t i = 0; i < key_words(b); i++) {
        uint64_t wanted;

        memcpy(&wanted, (const char *)key + i * sizeof(wanted), sizeof(wanted));
        if (load(&slot[KEY + i]) != wanted) {
            return 0;
        }
    }
    return 1;
}

static word *find(const playcount_board *b, const void *key)
{
    for (unsigned i = 0; i < PLAYCOUNT_BOARD_SLOTS; i++) {
        word *slot = slot_at(b, i);

        if (load(&slot[VERSION]) && has_key(b, slot, key)) {
            return slot;
        }
    }
    return NULL;
}

static word *least_wanted(const playcount_board *b)
{
    word *least = slot_at(b, 0);

    for (unsigned i = 1; i < PLAYCOUNT_BOARD_SLOTS; i++) {
        word *slot = slot_at(b, i);

        least = load(&slot[WANTED]) < load(&least[WANTED]) ? slot : least;
    }
    return least;
}

static uint64_t read_facts(const playcount_board *b, const word *slot,
                           playcount_board_facts *facts, uint64_t hash)
{
    return read_words(&slot[KEY + key_words(b)], facts, FACTS, hash);
}

void *playcount_board_read(const playcount_board *b, const void *key, uint64_t now,
                           apr_pool_t *pool, size_t *bytes,
                           playcount_board_facts *facts)
{
    word *slot = find(b, key);
    uint64_t version, hash, length;
    const word *behind;
    size_t n;
    char *copy;

    if (!slot) {
        return NULL;
    }
    store(&slot[WANTED], now);
    behind = slot + KEY + key_words(b) + FACTS;
    version = load(&slot[VERSION]);
    length = load(behind);
    if (version & 1 || length > b->value) {
        return NULL;
    }
    n = (size_t)(length + 7) / sizeof(uint64_t);
    copy = apr_palloc(pool, b->key + n * sizeof(uint64_t));
    hash = read_words(&slot[KEY], copy, key_words(b), version >> 1);
    hash = mixed(read_facts(b, slot, facts, hash), length);
    if (memcmp(copy, key, b->key) != 0) {
        return NULL; /* another's by now */
    }
    hash = read_words(behind + BYTES, copy, n, hash);
    *bytes = (size_t)length;
    return hash == load(behind + BYTES + n) && load(&slot[VERSION]) == version
               ? copy
               : NULL;
}

void playcount_board_write(const playcount_board *b, const void *key, uint64_t now,
                           const void *value, size_t bytes,
                           const playcount_board_facts *facts)
{
    word *slot = find(b, key), *behind;
    uint64_t version, mine, hash, begun;

    if (bytes > b->value) {
        return;
    }
    slot = slot ? slot : least_wanted(b);
    version = load(&slot[VERSION]);
    begun = load(&slot[BEGUN]);
    mine = (version + 1) | 1;
    if ((version & 1 && now < begun + ABANDONED && now + ABANDONED > begun) ||
        !atomic_compare_exchange_strong(&slot[VERSION], &version, mine)) {
        return;
    }
    store(&slot[BEGUN], now);
    if (!has_key(b, slot, key)) {
        store(&slot[WANTED], now);
    }
    behind = slot + KEY + key_words(b) + FACTS;
    hash = write_words(&slot[KEY], key, b->key, (mine + 1) >> 1);
    hash = write_words(&slot[KEY + key_words(b)], facts, sizeof(*facts), hash);
    store(behind, bytes);
    hash = write_words(behind + BYTES, value, bytes, mixed(hash, bytes));
    store(behind + BYTES + (bytes + 7) / sizeof(uint64_t), hash);
    /* Not if another has taken this one for dead. */
    atomic_compare_exchange_strong(&slot[VERSION], &mine, mine + 1);
}

int playcount_board_look(const playcount_board *b, unsigned at, void *key,
                         playcount_board_facts *facts, uint64_t *wanted)
{
    const word *slot = slot_at(b, at);
    uint64_t version = load(&slot[VERSION]);

    if (!version || version & 1) {
        return 0;
    }
    read_words(&slot[KEY], key, key_words(b), 0);
    read_facts(b, slot, facts, 0);
    *wanted = load(&slot[WANTED]);
    return load(&slot[VERSION]) == version;
}

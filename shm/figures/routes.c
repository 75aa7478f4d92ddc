/* The names of routes: see routes.h. */

#include "shm/figures/routes.h"

#include <string.h>

#include "apr_siphash.h"
#include "apr_time.h"

#define WORDS ((PLAYCOUNT_LABEL_MAX + 1) / sizeof(uint64_t))
#define OTHER "other"

typedef union {
    uint64_t word[WORDS];
    char text[PLAYCOUNT_LABEL_MAX + 1];
} name_words;

size_t playcount_routes_size(unsigned slots)
{
    return sizeof(playcount_routes) + slots * sizeof(playcount_route_entry);
}

void playcount_routes_init(playcount_routes *routes, unsigned slots,
                           const uint64_t key[2])
{
    routes->key[0] = key[0];
    routes->key[1] = key[1];
    routes->slots = slots;
}

static void write_name(playcount_route_entry *e, const name_words *name)
{
    for (size_t i = 0; i < WORDS; i++) {
        atomic_store_explicit(&e->name[i], name->word[i], memory_order_relaxed);
    }
    uint64_t none = 0;

    /* Once, whoever else writes the name. */
    atomic_compare_exchange_strong_explicit(
        &e->created, &none, (uint64_t)apr_time_now(), memory_order_relaxed,
        memory_order_relaxed);
    /* All before the word that says it is there. */
    atomic_store_explicit(&e->ready, 1, memory_order_release);
}

static int claim(playcount_route_entry *e, uint64_t *present, uint64_t hash)
{
    *present = 0;
    return atomic_compare_exchange_strong_explicit(
        &e->hash, present, hash, memory_order_relaxed, memory_order_relaxed);
}

unsigned playcount_routes_find(playcount_routes *routes, const char *name,
                               size_t length, int *first_refusal)
{
    unsigned slots = (unsigned)routes->slots;
    uint64_t hash = apr_siphash24(name, length, (const unsigned char *)routes->key);
    unsigned at;

    *first_refusal = 0;
    if (length == strlen(OTHER) && !memcmp(name, OTHER, length)) {
        return slots;
    }
    hash += !hash; /* 0 means free */
    at = (unsigned)(hash % slots);
    for (unsigned i = 0; i < slots; i++, at = at + 1 == slots ? 0 : at + 1) {
        playcount_route_entry *e = &routes->entry[at];
        uint64_t present = atomic_load_explicit(&e->hash, memory_order_relaxed);

        if (present && present != hash) {
            continue;
        }
        if (!present && !claim(e, &present, hash) && present != hash) {
            continue;
        }
        if (!atomic_load_explicit(&e->ready, memory_order_acquire)) {
            name_words words = {{0}};

            memcpy(words.text, name, length);
            write_name(e, &words);
        }
        return at;
    }
    *first_refusal =
        atomic_fetch_add_explicit(&routes->refused, 1, memory_order_relaxed) == 0;
    return slots;
}

int playcount_routes_name(const playcount_routes *routes, unsigned number,
                          char name[PLAYCOUNT_LABEL_MAX + 1])
{
    const playcount_route_entry *e = &routes->entry[number];
    name_words words;

    if (number >= routes->slots) {
        memcpy(name, OTHER, sizeof(OTHER));
        return 1;
    }
    if (!atomic_load_explicit(&e->ready, memory_order_acquire)) {
        return 0;
    }
    for (size_t i = 0; i < WORDS; i++) {
        words.word[i] = atomic_load_explicit(&e->name[i], memory_order_relaxed);
    }
    memcpy(name, words.text, sizeof(words.text));
    name[PLAYCOUNT_LABEL_MAX] = '\0';
    return 1;
}

uint64_t playcount_routes_created(const playcount_routes *routes, unsigned number)
{
    const playcount_route_entry *e = &routes->entry[number];

    return number < routes->slots &&
                   atomic_load_explicit(&e->ready, memory_order_acquire)
               ? atomic_load_explicit(&e->created, memory_order_relaxed)
               : 0;
}

unsigned playcount_routes_used(const playcount_routes *routes)
{
    unsigned used = 0;

    for (unsigned i = 0; i < routes->slots; i++) {
        used += atomic_load_explicit(&routes->entry[i].ready,
                                     memory_order_relaxed) != 0;
    }
    return used;
}

/* The last slow requests: see slow.h. */

#include "shm/figures/slow.h"

#include <string.h>

_Static_assert(sizeof(playcount_slow_request) % sizeof(uint64_t) == 0,
               "copied word by word");

void playcount_slow_add(playcount_slow *slow, const playcount_slow_request *r)
{
    uint64_t ticket =
        atomic_fetch_add_explicit(&slow->tickets, 1, memory_order_relaxed);
    unsigned i = ticket % PLAYCOUNT_SLOW_ENTRIES;
    uint64_t mine = 2 * ticket + 1;

    /* Odd before any word changes, even after all have; if a writer a lap
     * later has taken the entry over meanwhile, it stays that one's. */
    atomic_store_explicit(&slow->entry[i].version, mine, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    for (size_t w = 0; w < PLAYCOUNT_SLOW_WORDS; w++) {
        uint64_t word;

        memcpy(&word, (const char *)r + w * sizeof(word), sizeof(word));
        atomic_store_explicit(&slow->entry[i].word[w], word, memory_order_relaxed);
    }
    atomic_compare_exchange_strong_explicit(&slow->entry[i].version, &mine,
                                            mine + 1, memory_order_release,
                                            memory_order_relaxed);
}

static int read_entry(const playcount_slow *slow, uint64_t ticket,
                      playcount_slow_request *copy)
{
    unsigned i = ticket % PLAYCOUNT_SLOW_ENTRIES;
    uint64_t version =
        atomic_load_explicit(&slow->entry[i].version, memory_order_acquire);

    if (version != 2 * ticket + 2) {
        return 0;
    }
    for (size_t w = 0; w < PLAYCOUNT_SLOW_WORDS; w++) {
        uint64_t word =
            atomic_load_explicit(&slow->entry[i].word[w], memory_order_relaxed);

        memcpy((char *)copy + w * sizeof(word), &word, sizeof(word));
    }
    /* All words were read before this second look at the version. */
    atomic_thread_fence(memory_order_acquire);
    copy->method[sizeof(copy->method) - 1] = '\0';
    copy->path[sizeof(copy->path) - 1] = '\0';
    return atomic_load_explicit(&slow->entry[i].version, memory_order_relaxed) ==
           version;
}

unsigned playcount_slow_read(const playcount_slow *slow,
                             playcount_slow_request copy[PLAYCOUNT_SLOW_ENTRIES])
{
    uint64_t end = atomic_load_explicit(&slow->tickets, memory_order_relaxed);
    unsigned n = 0;

    for (uint64_t back = 1; back <= PLAYCOUNT_SLOW_ENTRIES && back <= end; back++) {
        n += (unsigned)read_entry(slow, end - back, &copy[n]);
    }
    return n;
}

/* Sizes and places of the regions, making a zone, attaching to it. */

#include "shm/zone/layout.h"

#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "shm/zone/hash.h"

static uint64_t page_up(uint64_t bytes)
{
    return (bytes + ZONE_PAGE - 1) / ZONE_PAGE * ZONE_PAGE;
}

void playcount_layout(zone_header *head, const playcount_zone_size *size)
{
    regions *at = &head->at;

    head->songs = size->songs;
    head->index_size = size->songs + size->songs / 2 + 2;
    /* One cell more than songs: the end of the ring may stay empty when an id
     * does not fit there. */
    head->heap_words = (size->songs + 1) * ID_WORDS;
    head->keys = size->keys;
    head->answers = size->keys ? size->keys * 8 + PLAYCOUNT_BATCH_MAX : 0;

    at->index = page_up(sizeof(*head));
    at->slots = at->index + page_up(head->index_size * sizeof(uint32_t));
    at->marks = at->slots + page_up(size->songs * sizeof(slot));
    at->wide = at->marks + 3 * page_up(size->songs * sizeof(uint64_t));
    at->shares = at->wide + page_up(size->songs * sizeof(uint64_t));
    at->heap = at->shares + 4 * page_up(size->songs * sizeof(uint64_t));
    at->journal = at->heap + page_up(head->heap_words * sizeof(uint64_t));
    at->keys = at->journal + page_up(PLAYCOUNT_BATCH_MAX * sizeof(journal_entry));
    at->key_index = at->keys + page_up(size->keys * sizeof(key_cell));
    at->answers = at->key_index + page_up(size->keys * sizeof(uint32_t));
    at->end = at->answers + page_up(head->answers * sizeof(uint64_t));
}

uint64_t playcount_layout_check(const zone_header *head)
{
    return XXH3_64bits(head, offsetof(zone_header, check));
}

int playcount_layout_is_sound(const zone_header *head, uint64_t bytes)
{
    zone_header expected;
    playcount_zone_size size = {head->songs, head->keys};

    if (head->check != playcount_layout_check(head) || head->songs < 1 ||
        head->songs > PLAYCOUNT_SONGS_MAX || head->keys > PLAYCOUNT_KEYS_MAX) {
        return 0;
    }
    playcount_layout(&expected, &size);
    return !memcmp(&expected.at, &head->at, sizeof(expected.at)) &&
           expected.index_size == head->index_size &&
           expected.heap_words == head->heap_words &&
           expected.answers == head->answers && bytes == head->at.end;
}

uint64_t playcount_zone_bytes(const playcount_zone_size *size)
{
    zone_header head;

    playcount_layout(&head, size);
    return head.at.end;
}

apr_status_t playcount_zone_format(void *memory, const playcount_zone_size *size)
{
    zone_header *head = memory;
    uint64_t random[2];

    /* 16 bytes come at once, and whole, once the system has its randomness. */
    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random)) {
        return apr_get_os_error();
    }
    memcpy(head->magic, ZONE_MAGIC, sizeof(head->magic));
    head->version = ZONE_VERSION;
    head->byte_order = ZONE_BYTE_ORDER;
    head->seed = random[0];
    head->identity = random[1];
    playcount_layout(head, size);
    head->check = playcount_layout_check(head);
    head->handed_time = (uint64_t)time(NULL);
    atomic_store_explicit(&head->state, STATE(1, 0), memory_order_release);
    return APR_SUCCESS;
}

playcount_zone *playcount_zone_attach(apr_pool_t *pool, void *memory,
                                      apr_global_mutex_t *lock)
{
    playcount_zone *z = apr_pcalloc(pool, sizeof(*z));
    char *base = memory;
    zone_header *head = memory;

    z->head = head;
    z->songs = head->songs;
    z->index_size = head->index_size;
    z->seed = head->seed;
    z->index = (void *)(base + head->at.index);
    z->slots = (void *)(base + head->at.slots);
    for (int i = 0; i < 3; i++) {
        z->marks[i] = (void *)(base + head->at.marks +
                               i * page_up(head->songs * sizeof(uint64_t)));
    }
    z->wide = (void *)(base + head->at.wide);
    for (int i = 0; i < 3; i++) {
        z->before[i] = (void *)(base + head->at.shares +
                                i * page_up(head->songs * sizeof(uint64_t)));
    }
    z->others = (void *)(base + head->at.shares +
                         3 * page_up(head->songs * sizeof(uint64_t)));
    z->heap = (void *)(base + head->at.heap);
    z->journal = (void *)(base + head->at.journal);
    z->keys = (void *)(base + head->at.keys);
    z->key_index = (void *)(base + head->at.key_index);
    z->answers = (void *)(base + head->at.answers);
    z->lock = lock;
    z->process = (uint64_t)getpid();
    z->place_mask = 1;
    while (z->place_mask < head->songs) {
        z->place_mask = z->place_mask << 1 | 1;
    }
    return z;
}

/* What the unit tests of shm/media/ share: tables in shared memory, and deliveries.
 */
#ifndef PLAYCOUNT_TEST_MEDIA_H
#define PLAYCOUNT_TEST_MEDIA_H

#include "t/unit/fixture.h"

#include "shm/media/layout.h"

#define DAY PLAYCOUNT_WINDOW_SECONDS
#define MONDAY                                                                     \
    ((int64_t)20000 * DAY - 3 * DAY) /* 20,000 days after 1970: a Thursday */
#define NOON (MONDAY + DAY / 2)

/* Memory that children share. */
static inline void *media_shared(uint64_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED) {
        printf("# no memory\n");
        exit(1);
    }
    return memory;
}

static inline playcount_media *media_memory(apr_pool_t *pool,
                                            const playcount_media_shape *shape)
{
    void *memory = media_shared(playcount_media_bytes(shape));

    playcount_media_format(memory, shape);
    return playcount_media_attach(pool, memory);
}

typedef struct {
    uint64_t who;
    const char *song;
    int64_t start;
    playcount_window_e window;
} media_listener;

/* A delivery of what is in the interval, of which `need` bytes are enough. */
static inline playcount_media_got media_got(const media_listener *l, uint64_t need,
                                            const playcount_interval *interval,
                                            playcount_address *address)
{
    uint8_t bytes[4] = {10, (uint8_t)(l->who >> 16), (uint8_t)(l->who >> 8),
                        (uint8_t)l->who};

    playcount_address_set(address, bytes, sizeof(bytes));
    return (playcount_media_got){
        .window = l->window,
        .start = l->start,
        .song = l->song,
        .song_n = strlen(l->song),
        .address = address,
        .agent = "Player/1.0",
        .agent_n = 10,
        .need = need,
        .got = interval,
        .n = 1,
    };
}

/* Deliver the bytes from begin to end - 1. */
static inline playcount_verdict_e
media_deliver(playcount_media *m, const media_listener *l, uint64_t begin,
              uint64_t end, uint64_t need, playcount_media_result *result)
{
    playcount_interval interval = {begin, end};
    playcount_address address;
    playcount_media_got got = media_got(l, need, &interval, &address);

    playcount_media_deliver(m, &got, result);
    return result->verdict;
}

/* How many would be missing then? */
static inline uint64_t media_missing(playcount_media *m, const media_listener *l,
                                     uint64_t begin, uint64_t end, uint64_t need)
{
    playcount_interval interval = {begin, end};
    playcount_address address;
    playcount_media_got got = media_got(l, need, &interval, &address);

    return playcount_media_missing(m, &got);
}

/* Deliver, and the play is in the zone. */
static inline playcount_verdict_e media_get(playcount_media *m,
                                            const media_listener *l, uint64_t begin,
                                            uint64_t end, uint64_t need)
{
    playcount_media_result result;

    if (media_deliver(m, l, begin, end, need, &result) ==
        PLAYCOUNT_VERDICT_PLAYED) {
        playcount_media_done(m, &result);
    }
    return result.verdict;
}

#endif

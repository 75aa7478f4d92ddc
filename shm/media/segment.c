/* The memory: made, recovered, found again. See layout.h. */

#include "shm/media/layout.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "shm/fault/fault.h"
#include "shm/hot.h"

#define PATIENCE_NS 200000000L

static uint64_t page_up(uint64_t n)
{
    return (n + PLAYCOUNT_MEDIA_PAGE - 1) / PLAYCOUNT_MEDIA_PAGE *
           PLAYCOUNT_MEDIA_PAGE;
}

/* A third more places than numbers, so that a search stays short. */
static uint64_t slots_of(const playcount_media_shape *shape)
{
    return shape->downloads + shape->downloads / 3 + 64;
}

static uint64_t stripes_of(const playcount_media_shape *shape)
{
    uint64_t n = 1;

    while (n * PLAYCOUNT_STRIPE_MEAN < shape->open) {
        n *= 2;
    }
    return n;
}

static uint64_t generation_bytes(uint64_t slots)
{
    return page_up(slots * sizeof(uint64_t)) + page_up(slots * sizeof(uint32_t));
}

uint64_t playcount_media_bytes(const playcount_media_shape *shape)
{
    return PLAYCOUNT_MEDIA_PAGE +
           page_up(PLAYCOUNT_MEDIA_FILES * sizeof(playcount_media_file)) +
           PLAYCOUNT_GENERATIONS * generation_bytes(slots_of(shape)) +
           page_up(stripes_of(shape) * sizeof(playcount_stripe));
}

void playcount_media_lock_make(pthread_mutex_t *lock)
{
    pthread_mutexattr_t how;

    pthread_mutexattr_init(&how);
    pthread_mutexattr_setpshared(&how, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&how, PTHREAD_MUTEX_ROBUST);
    memset(lock, 0, sizeof(*lock));
    pthread_mutex_init(lock, &how);
    pthread_mutexattr_destroy(&how);
}

PLAYCOUNT_HOT int playcount_media_lock_get(pthread_mutex_t *lock)
{
    int rv = pthread_mutex_trylock(lock);

    if (rv == EBUSY) {
        struct timespec until;

        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += PATIENCE_NS;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        rv = pthread_mutex_timedlock(lock, &until);
    }
    if (rv == EOWNERDEAD) {
        pthread_mutex_consistent(lock);
    }
    return rv;
}

void playcount_media_map(playcount_media *media, void *memory)
{
    char *at = (char *)memory + PLAYCOUNT_MEDIA_PAGE;
    const playcount_media_header *header = memory;

    media->header = memory;
    media->slots = header->slots;
    media->files = (playcount_media_file *)at;
    at += page_up(PLAYCOUNT_MEDIA_FILES * sizeof(playcount_media_file));
    for (int g = 0; g < PLAYCOUNT_GENERATIONS; g++) {
        media->fp[g] = (_Atomic uint64_t *)at;
        media->at[g] =
            (_Atomic uint32_t *)(at + page_up(header->slots * sizeof(uint64_t)));
        at += generation_bytes(header->slots);
    }
    media->stripe = (playcount_stripe *)at;
}

static void make_locks(playcount_media *media)
{
    playcount_media_lock_make(&media->header->lock);
    for (uint64_t s = 0; s < media->header->stripes; s++) {
        playcount_media_lock_make(&media->stripe[s].lock);
        media->stripe[s].top = 1;
    }
}

void playcount_media_format(void *memory, const playcount_media_shape *shape)
{
    playcount_media_header *header = memory;
    playcount_media media;

    header->version = PLAYCOUNT_MEDIA_VERSION;
    header->places = PLAYCOUNT_STRIPE_PLACES;
    header->shape = *shape;
    header->slots = slots_of(shape);
    header->stripes = stripes_of(shape);
    playcount_media_map(&media, memory);
    make_locks(&media);
    atomic_thread_fence(memory_order_release);
    header->magic = PLAYCOUNT_MEDIA_MAGIC;
}

int playcount_media_fits(const void *memory, const playcount_media_shape *shape)
{
    const playcount_media_header *header = memory;

    return header->magic == PLAYCOUNT_MEDIA_MAGIC &&
           header->version == PLAYCOUNT_MEDIA_VERSION &&
           header->places == PLAYCOUNT_STRIPE_PLACES &&
           header->shape.downloads == shape->downloads &&
           header->shape.open == shape->open && header->slots == slots_of(shape) &&
           header->stripes == stripes_of(shape);
}

void playcount_media_recover(void *memory)
{
    playcount_media media;

    playcount_media_map(&media, memory);
    make_locks(&media);
    playcount_open_recover(&media);
}

playcount_media *playcount_media_attach(apr_pool_t *pool, void *memory)
{
    playcount_media *media = playcount_on_a_line(pool, sizeof(*media));

    playcount_media_map(media, memory);
    return media;
}

/* --- what is told --- */

PLAYCOUNT_HOT void playcount_media_count(playcount_media *media,
                                         playcount_verdict_e verdict)
{
    atomic_fetch_add_explicit(&media->header->verdicts[verdict], 1,
                              memory_order_relaxed);
}

int playcount_media_say_full(playcount_media *media, uint64_t now)
{
    uint64_t minute = now / 60,
             said = atomic_load_explicit(&media->header->said_full,
                                         memory_order_relaxed);

    return said != minute &&
           atomic_compare_exchange_strong(&media->header->said_full, &said, minute);
}

void playcount_media_usage(playcount_media *media, playcount_media_use *use)
{
    const playcount_media_header *header = media->header;
    int64_t newest = 0;

    memset(use, 0, sizeof(*use));
    use->shape = header->shape;
    use->bytes = playcount_media_bytes(&header->shape);
    for (int v = 0; v < PLAYCOUNT_VERDICTS; v++) {
        use->verdicts[v] =
            atomic_load_explicit(&header->verdicts[v], memory_order_relaxed);
    }
    for (int g = 0; g < PLAYCOUNT_GENERATIONS; g++) {
        int64_t day = atomic_load(&header->generation[g].day);

        if (day > newest) {
            newest = day;
            use->counted = atomic_load(&header->generation[g].used);
        }
    }
    use->open = playcount_open_count(media);
}

int playcount_media_failed(const playcount_media *media)
{
    return media->failed &&
           atomic_load_explicit(media->failed, memory_order_acquire);
}

/* What takes its place has the header as it is now: its geometry, and keys that
 * mean nothing without the rest. */
void playcount_media_guard(playcount_media *media, uint64_t bytes,
                           _Atomic uint32_t *failed, apr_pool_t *pool)
{
    media->failed = failed;
    playcount_fault_watch(media->header, bytes, (const char *)media->header, failed,
                          pool);
}

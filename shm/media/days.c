/* Generations: one a UTC day, two kept. layout.h draws them. */

#include "shm/media/layout.h"
#include "shm/hot.h"

#include <errno.h>
#include <string.h>

static int take(playcount_media *media, unsigned place, int64_t day,
                playcount_day *out)
{
    playcount_generation *g = &media->header->generation[place];
    uint64_t key[2];

    if (atomic_load(&g->day) != day) {
        return 0;
    }
    key[0] = atomic_load(&g->key[0]);
    key[1] = atomic_load(&g->key[1]);
    if (atomic_load(&g->day) != day) {
        return 0; /* it went meanwhile, and perhaps half of the key */
    }
    out->place = place;
    out->day = day;
    memcpy(out->key, key, sizeof(out->key));
    return 1;
}

PLAYCOUNT_HOT int playcount_day_find(playcount_media *media, int64_t day,
                                     playcount_day *out)
{
    int place = playcount_day_place(media, day);

    return place >= 0 && take(media, (unsigned)place, day, out);
}

/* The day first: from then on nobody takes the key for one that is in use. */
static void drop(playcount_generation *g)
{
    atomic_store(&g->dirty, 1);
    atomic_store(&g->day, 0);
    atomic_store(&g->key[0], 0);
    atomic_store(&g->key[1], 0);
}

/* Under the lock. */
static void empty(playcount_media *media, unsigned place)
{
    playcount_generation *g = &media->header->generation[place];

    for (uint64_t i = 0; i < media->header->slots; i++) {
        /* Most of it may never have been touched, and should stay without memory.
         */
        if (atomic_load_explicit(&media->fp[place][i], memory_order_relaxed)) {
            atomic_store_explicit(&media->fp[place][i], 0, memory_order_relaxed);
            atomic_store_explicit(&media->at[place][i], 0, memory_order_relaxed);
        }
    }
    atomic_store(&g->used, 0);
    atomic_store(&g->key[0], 0);
    atomic_store(&g->key[1], 0);
    atomic_store(&g->dirty, 0);
}

/* How many days there are, and the generation of the oldest. */
static int known_days(playcount_media *media, playcount_generation **oldest)
{
    int n = 0;

    *oldest = NULL;
    for (int i = 0; i < PLAYCOUNT_GENERATIONS; i++) {
        playcount_generation *g = &media->header->generation[i];

        if (atomic_load(&g->day)) {
            n++;
            if (!*oldest || atomic_load(&g->day) < atomic_load(&(*oldest)->day)) {
                *oldest = g;
            }
        }
    }
    return n;
}

/* Under the lock. */
static void keep_two(playcount_media *media)
{
    playcount_generation *oldest;

    while (known_days(media, &oldest) > 2) {
        drop(oldest);
    }
}

/* Give a generation to a day that has none. Under the lock. */
static int begin(playcount_media *media, int64_t day)
{
    playcount_generation *oldest;

    keep_two(media);
    if (known_days(media, &oldest) == 2 && day < atomic_load(&oldest->day)) {
        return 0;
    }
    for (unsigned i = 0; i < PLAYCOUNT_GENERATIONS; i++) {
        playcount_generation *g = &media->header->generation[i];
        uint64_t key[2];

        if (atomic_load(&g->day)) {
            continue;
        }
        if (playcount_random(key, sizeof(key)) != 0) {
            return 0;
        }
        if (atomic_load(&g->dirty)) {
            empty(media, i);
        }
        atomic_store(&g->dirty, 1);
        atomic_store(&g->key[0], key[0]);
        atomic_store(&g->key[1], key[1]);
        atomic_store(&g->day, day);
        break;
    }
    keep_two(media);
    return 1;
}

int playcount_day_get(playcount_media *media, int64_t day, playcount_day *out)
{
    pthread_mutex_t *lock = &media->header->lock;
    int rv, found;

    if (playcount_day_find(media, day, out)) {
        return 1;
    }
    rv = playcount_media_lock_get(lock);
    if (rv && rv != EOWNERDEAD) {
        return 0;
    }
    /* What an owner left who died is a state that all of this starts from anyway.
     */
    found = playcount_day_find(media, day, out) ||
            (begin(media, day) && playcount_day_find(media, day, out));
    pthread_mutex_unlock(lock);
    return found;
}

void playcount_days_sweep(playcount_media *media)
{
    pthread_mutex_t *lock = &media->header->lock;
    int rv = 0;

    for (unsigned i = 0; i < PLAYCOUNT_GENERATIONS; i++) {
        playcount_generation *g = &media->header->generation[i];

        if (!atomic_load(&g->day) && atomic_load(&g->dirty)) {
            rv = playcount_media_lock_get(lock);
            if (rv && rv != EOWNERDEAD) {
                return;
            }
            if (!atomic_load(&g->day) && atomic_load(&g->dirty)) {
                empty(media, i);
            }
            pthread_mutex_unlock(lock);
        }
    }
}

/* The listeners who have enough, by number. No lock: layout.h says why. */

#include "shm/media/layout.h"
#include "shm/hot.h"

static uint64_t start_of(const playcount_media *media, uint64_t listener)
{
    return (uint64_t)(((unsigned __int128)listener * media->header->slots) >> 64);
}

static uint64_t clean(uint64_t listener)
{
    return listener == PLAYCOUNT_TAKEN_BACK ? 1 : listener;
}

PLAYCOUNT_HOT int playcount_counted_find(playcount_media *media,
                                         const playcount_day *day,
                                         uint64_t listener, int64_t *first)
{
    uint64_t slots = media->header->slots, i = start_of(media, listener), found;

    listener = clean(listener);
    for (uint64_t n = 0; n < slots; n++, i = i + 1 == slots ? 0 : i + 1) {
        found =
            atomic_load_explicit(&media->fp[day->place][i], memory_order_acquire);
        if (found == listener) {
            *first = day->day * PLAYCOUNT_WINDOW_SECONDS +
                     atomic_load_explicit(&media->at[day->place][i],
                                          memory_order_relaxed);
            return 1;
        }
        if (!found) {
            break;
        }
    }
    return 0;
}

/* A place first, so that there are never more numbers than was said. */
static int reserve(playcount_media *media, playcount_generation *g)
{
    if (atomic_fetch_add(&g->used, 1) < media->header->shape.downloads) {
        return 1;
    }
    atomic_fetch_sub(&g->used, 1);
    return 0;
}

playcount_counted_e playcount_counted_add(playcount_media *media,
                                          const playcount_day *day,
                                          uint64_t listener, int64_t first)
{
    playcount_generation *g = &media->header->generation[day->place];
    uint64_t slots = media->header->slots, i = start_of(media, listener);
    int64_t known;

    if (playcount_counted_find(media, day, listener, &known)) {
        return PLAYCOUNT_COUNTED_KNOWN;
    }
    listener = clean(listener);
    if (!reserve(media, g)) {
        return PLAYCOUNT_COUNTED_FULL;
    }
    for (uint64_t n = 0; n < slots; n++, i = i + 1 == slots ? 0 : i + 1) {
        uint64_t found = 0;

        if (atomic_compare_exchange_strong(&media->fp[day->place][i], &found,
                                           listener)) {
            /* Until this is there the window began with the day: a second's error
             * for a rolling window, after a kill right here a longer one. */
            int64_t at = first - day->day * PLAYCOUNT_WINDOW_SECONDS;

            atomic_store_explicit(
                &media->at[day->place][i],
                at > 0 && at < PLAYCOUNT_WINDOW_SECONDS ? (uint32_t)at : 0,
                memory_order_relaxed);
            return PLAYCOUNT_COUNTED_NEW;
        }
        if (found == listener) {
            atomic_fetch_sub(&g->used, 1);
            return PLAYCOUNT_COUNTED_KNOWN;
        }
    }
    atomic_fetch_sub(&g->used, 1);
    return PLAYCOUNT_COUNTED_FULL;
}

/* The place is not free again before the day is over. */
void playcount_counted_take_back(playcount_media *media, unsigned place,
                                 uint64_t listener)
{
    uint64_t slots = media->header->slots, i = start_of(media, listener);

    listener = clean(listener);
    for (uint64_t n = 0; n < slots; n++, i = i + 1 == slots ? 0 : i + 1) {
        uint64_t found = atomic_load(&media->fp[place][i]);

        if (found == listener) {
            atomic_compare_exchange_strong(&media->fp[place][i], &found,
                                           PLAYCOUNT_TAKEN_BACK);
            return;
        }
        if (!found) {
            return;
        }
    }
}

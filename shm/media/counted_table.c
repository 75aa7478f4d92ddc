/* The listeners who have enough, by number. No lock: layout.h says why. */

#include "shm/media/layout.h"
#include "shm/hot.h"

static uint64_t start_of(const playcount_media *media, uint64_t listener)
{
    return (uint64_t)(((unsigned __int128)listener * media->slots) >> 64);
}

static uint64_t clean(uint64_t listener)
{
    return listener == PLAYCOUNT_TAKEN_BACK ? 1 : listener;
}

#define NONE UINT64_MAX

/* The place of a number, or NONE. */
static inline uint64_t place_of(const playcount_media *media, unsigned generation,
                                uint64_t listener)
{
    uint64_t slots = media->slots, i = start_of(media, listener), found;

    listener = clean(listener);
    for (uint64_t n = 0; n < slots; n++, i = i + 1 == slots ? 0 : i + 1) {
        found =
            atomic_load_explicit(&media->fp[generation][i], memory_order_acquire);
        if (found == listener) {
            return i;
        }
        if (!found) {
            break;
        }
    }
    return NONE;
}

PLAYCOUNT_HOT int playcount_counted_find(playcount_media *media, unsigned place,
                                         int64_t day, uint64_t listener,
                                         int64_t *first)
{
    uint64_t i = place_of(media, place, listener);
    uint32_t at;

    if (i == NONE) {
        return 0;
    }
    at = atomic_load_explicit(&media->at[place][i], memory_order_relaxed);
    *first = day * PLAYCOUNT_WINDOW_SECONDS + at;
    return at != PLAYCOUNT_REFUSED;
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

/* Of those who find a number that the zone refused, one counts. */
static playcount_counted_e count_again(_Atomic uint32_t *at, uint32_t second)
{
    uint32_t refused = PLAYCOUNT_REFUSED;

    return atomic_compare_exchange_strong(at, &refused, second)
               ? PLAYCOUNT_COUNTED_NEW
               : PLAYCOUNT_COUNTED_KNOWN;
}

playcount_counted_e playcount_counted_add(playcount_media *media,
                                          const playcount_day *day,
                                          uint64_t listener, int64_t first)
{
    playcount_generation *g = &media->header->generation[day->place];
    uint64_t slots = media->slots, i = place_of(media, day->place, listener);
    int64_t since = first - day->day * PLAYCOUNT_WINDOW_SECONDS;
    uint32_t second =
        since > 0 && since < PLAYCOUNT_WINDOW_SECONDS ? (uint32_t)since : 0;

    if (i != NONE) {
        return count_again(&media->at[day->place][i], second);
    }
    if (!reserve(media, g)) {
        return PLAYCOUNT_COUNTED_FULL;
    }
    i = start_of(media, listener);
    listener = clean(listener);
    for (uint64_t n = 0; n < slots; n++, i = i + 1 == slots ? 0 : i + 1) {
        uint64_t found = 0;

        if (atomic_compare_exchange_strong(&media->fp[day->place][i], &found,
                                           listener)) {
            /* Until this is there the window began with the day: a second's error
             * for a rolling window, after a kill right here a longer one. */
            atomic_store_explicit(&media->at[day->place][i], second,
                                  memory_order_relaxed);
            return PLAYCOUNT_COUNTED_NEW;
        }
        if (found == listener) {
            atomic_fetch_sub(&g->used, 1);
            return count_again(&media->at[day->place][i], second);
        }
    }
    atomic_fetch_sub(&g->used, 1);
    return PLAYCOUNT_COUNTED_FULL;
}

/* The place stays the listener's: a zone that is full refuses many times. */
void playcount_counted_take_back(playcount_media *media, unsigned place,
                                 uint64_t listener)
{
    uint64_t i = place_of(media, place, listener);

    if (i != NONE) {
        atomic_store(&media->at[place][i], PLAYCOUNT_REFUSED);
    }
}

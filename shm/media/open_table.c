/* The open downloads: what listeners have got who have not enough yet. layout.h
 * draws them, and says what a process that dies leaves. */

#include "shm/media/layout.h"

#include <errno.h>
#include <string.h>

/* --- packing --- */

/* 48 bits, in the order of the machine's bytes: a file of another machine is none.
 */
static uint8_t *put48(uint8_t *to, uint64_t n)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    n <<= 16;
#endif
    memcpy(to, &n, 6);
    return to + 6;
}

static const uint8_t *get48(const uint8_t *from, uint64_t *n)
{
    uint64_t value = 0;

    memcpy(&value, from, 6);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    value >>= 16;
#endif
    *n = value;
    return from + 6;
}

#define MOST48 ((UINT64_C(1) << 48) - 1)

static void pack(uint8_t *to, const playcount_union *u)
{
    to = put48(to, u->need > MOST48 ? MOST48 : u->need);
    for (int i = 0; i < PLAYCOUNT_UNION_PIECES; i++) {
        to = put48(to, u->piece[i].begin);
        to = put48(to, u->piece[i].end);
        to = put48(to, u->piece[i].missing);
    }
}

static void unpack(playcount_union *u, const uint8_t *from)
{
    from = get48(from, &u->need);
    for (int i = 0; i < PLAYCOUNT_UNION_PIECES; i++) {
        from = get48(from, &u->piece[i].begin);
        from = get48(from, &u->piece[i].end);
        from = get48(from, &u->piece[i].missing);
    }
}

/* --- stripes --- */

static playcount_stripe *stripe_of(const playcount_media *media, uint64_t listener)
{
    return &media->stripe[listener & (media->header->stripes - 1)];
}

/* Do what scratch says. Done again after a kill it comes to the same. */
static void finish(playcount_stripe *s)
{
    if (atomic_load(&s->pending) && s->place < PLAYCOUNT_STRIPE_PLACES) {
        s->download[s->place] = s->scratch;
        atomic_store(&s->fp[s->place], s->number);
    }
    atomic_store(&s->pending, 0);
}

static int enter(playcount_stripe *s)
{
    int rv = playcount_media_lock_get(&s->lock);

    if (rv == EOWNERDEAD) {
        finish(s);
        rv = 0;
    }
    return rv == 0;
}

static void leave(playcount_stripe *s)
{
    pthread_mutex_unlock(&s->lock);
}

/* The listener's place, or a free one, or PLAYCOUNT_STRIPE_PLACES. */
static uint32_t place_of(const playcount_stripe *s, uint64_t number)
{
    for (uint32_t i = 0; i < PLAYCOUNT_STRIPE_PLACES; i++) {
        if (atomic_load_explicit(&s->fp[i], memory_order_relaxed) == number) {
            return i;
        }
    }
    return PLAYCOUNT_STRIPE_PLACES;
}

int64_t playcount_open_first(playcount_media *media, uint64_t listener)
{
    playcount_stripe *s = stripe_of(media, listener);
    int64_t first = 0;
    uint32_t place;

    if (!enter(s)) {
        return 0;
    }
    place = place_of(s, listener);
    if (place < PLAYCOUNT_STRIPE_PLACES) {
        first = s->download[place].first;
    }
    leave(s);
    return first;
}

static void write_download(playcount_stripe *s, uint32_t place, uint64_t listener)
{
    s->place = place;
    s->number = listener;
    atomic_store(&s->pending, 1);
    finish(s);
}

playcount_open_e playcount_open_add(playcount_media *media,
                                    const playcount_day *day, uint64_t listener,
                                    int64_t *first, const playcount_media_got *got,
                                    uint64_t *covered)
{
    playcount_stripe *s = stripe_of(media, listener);
    playcount_union u = {0};
    uint32_t place;
    int enough;

    if (!enter(s)) {
        return PLAYCOUNT_OPEN_FROZEN;
    }
    place = place_of(s, listener);
    if (place < PLAYCOUNT_STRIPE_PLACES) {
        unpack(&u, s->download[place].packed);
        *first =
            s->download[place].first < *first ? s->download[place].first : *first;
    }
    playcount_union_need(&u, got->need);
    for (size_t i = 0; i < got->n; i++) {
        if (got->got[i].end <= MOST48) {
            playcount_union_add(&u, got->got[i].begin, got->got[i].end);
        }
    }
    *covered = playcount_union_covered(&u);
    enough = playcount_union_enough(&u);
    if (place == PLAYCOUNT_STRIPE_PLACES && !enough) {
        place = place_of(s, 0);
    }
    if (place < PLAYCOUNT_STRIPE_PLACES) {
        s->scratch.first = *first;
        s->scratch.day = (uint32_t)day->day;
        pack(s->scratch.packed, &u);
        write_download(s, place, listener);
    }
    leave(s);
    return enough                             ? PLAYCOUNT_OPEN_ENOUGH
           : place == PLAYCOUNT_STRIPE_PLACES ? PLAYCOUNT_OPEN_NO_ROOM
                                              : PLAYCOUNT_OPEN_NOT_YET;
}

void playcount_open_forget(playcount_media *media, uint64_t listener)
{
    playcount_stripe *s = stripe_of(media, listener);
    uint32_t place;

    if (!enter(s)) {
        return; /* the sweep will */
    }
    place = place_of(s, listener);
    if (place < PLAYCOUNT_STRIPE_PLACES) {
        atomic_store(&s->fp[place], 0);
    }
    leave(s);
}

void playcount_open_sweep(playcount_media *media, int64_t oldest)
{
    for (uint64_t n = 0; n < media->header->stripes; n++) {
        playcount_stripe *s = &media->stripe[n];

        if (!enter(s)) {
            continue;
        }
        for (uint32_t i = 0; i < PLAYCOUNT_STRIPE_PLACES; i++) {
            if (atomic_load_explicit(&s->fp[i], memory_order_relaxed) &&
                s->download[i].day < oldest) {
                atomic_store(&s->fp[i], 0);
            }
        }
        leave(s);
    }
}

uint64_t playcount_open_count(playcount_media *media)
{
    uint64_t count = 0;

    for (uint64_t n = 0; n < media->header->stripes; n++) {
        for (uint32_t i = 0; i < PLAYCOUNT_STRIPE_PLACES; i++) {
            count += atomic_load_explicit(&media->stripe[n].fp[i],
                                          memory_order_relaxed) != 0;
        }
    }
    return count;
}

void playcount_open_recover(playcount_media *media)
{
    for (uint64_t n = 0; n < media->header->stripes; n++) {
        playcount_stripe *s = &media->stripe[n];

        finish(s);
        for (uint32_t i = 0; i < PLAYCOUNT_STRIPE_PLACES; i++) {
            playcount_union u;

            if (atomic_load(&s->fp[i])) {
                unpack(&u, s->download[i].packed);
                if (!playcount_union_valid(&u)) {
                    atomic_store(&s->fp[i], 0);
                }
            }
        }
    }
}

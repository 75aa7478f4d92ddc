/* The open downloads: what listeners have got who have not enough yet. layout.h
 * draws them, and says what a process that dies leaves. */

#include "shm/media/layout.h"
#include "shm/hot.h"

#include <errno.h>
#include <string.h>

/* --- packing --- */

/* 48 bits, the lower 32 first, in the order of the machine's bytes: a file of
 * another machine is none. */
static uint8_t *put48(uint8_t *to, uint64_t n)
{
    uint32_t low = (uint32_t)n;
    uint16_t high = (uint16_t)(n >> 32);

    memcpy(to, &low, 4);
    memcpy(to + 4, &high, 2);
    return to + 6;
}

static const uint8_t *get48(const uint8_t *from, uint64_t *n)
{
    uint32_t low;
    uint16_t high;

    memcpy(&low, from, 4);
    memcpy(&high, from + 4, 2);
    *n = low | (uint64_t)high << 32;
    return from + 6;
}

#define MOST48 ((UINT64_C(1) << 48) - 1)

#define PIECES PLAYCOUNT_UNION_PIECES
#define PLACES PLAYCOUNT_STRIPE_PLACES

/* Most listeners have a piece or two; what is behind these is zeros. */
static void pack(uint8_t *to, const playcount_union *u)
{
    uint8_t *end = to + PLAYCOUNT_PACKED;

    to = put48(to, u->need > MOST48 ? MOST48 : u->need);
    for (int i = 0; i < PIECES && u->piece[i].end; i++) {
        to = put48(to, u->piece[i].begin);
        to = put48(to, u->piece[i].end);
        to = put48(to, u->piece[i].missing);
    }
    memset(to, 0, (size_t)(end - to));
}

/* Into zeros. */
static void unpack(playcount_union *u, const uint8_t *from)
{
    from = get48(from, &u->need);
    for (int i = 0; i < PIECES; i++) {
        from = get48(from, &u->piece[i].begin);
        from = get48(from, &u->piece[i].end);
        from = get48(from, &u->piece[i].missing);
        if (!u->piece[i].end) {
            break;
        }
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
    if (atomic_load(&s->pending) && s->place < PLACES) {
        s->top = s->top > s->place ? s->top : (uint16_t)(s->place + 1);
        s->download[s->place] = s->scratch;
        atomic_store_explicit(&s->fp[s->place], s->number, memory_order_release);
    }
    atomic_store_explicit(&s->pending, 0, memory_order_release);
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

static int is_free(const playcount_stripe *s, uint32_t place)
{
    return !atomic_load_explicit(&s->fp[place], memory_order_relaxed);
}

/* Let `top` be as low as can be; 1 at least. */
static void lower(playcount_stripe *s)
{
    uint32_t top = s->top ? s->top : PLACES;

    while (top > 1 && is_free(s, top - 1)) {
        top--;
    }
    s->top = (uint16_t)top;
}

/* The listener's place; PLACES: there is none. *unused is the first free one. */
static uint32_t place_of(playcount_stripe *s, uint64_t listener, uint32_t *unused)
{
    if (!s->top) {
        lower(s);
    }
    *unused = s->top;
    for (uint32_t i = s->top; i-- > 0;) {
        uint64_t number = atomic_load_explicit(&s->fp[i], memory_order_relaxed);

        if (number == listener) {
            return i;
        }
        if (!number) {
            *unused = i;
        }
    }
    return PLACES;
}

int64_t playcount_open_first(playcount_media *media, uint64_t listener)
{
    playcount_stripe *s = stripe_of(media, listener);
    int64_t first = 0;
    uint32_t place, unused;

    if (!enter(s)) {
        return 0;
    }
    place = place_of(s, listener, &unused);
    if (place < PLACES) {
        first = s->download[place].first;
    }
    leave(s);
    return first;
}

static void write_download(playcount_stripe *s, uint32_t place, uint64_t listener)
{
    s->place = place;
    s->number = listener;
    /* Release: scratch is whole when this says so. The fence: nothing that finish()
     * stores comes before it. A process that is killed has done its stores in the
     * order in which the compiler left them, and for others the lock does the rest.
     */
    atomic_store_explicit(&s->pending, 1, memory_order_release);
    atomic_thread_fence(memory_order_release);
    finish(s);
}

static inline void add_to(playcount_union *u, const playcount_media_got *got)
{
    playcount_union_need(u, got->need);
    for (size_t i = 0; i < got->n; i++) {
        if (got->got[i].end <= MOST48) {
            playcount_union_add(u, got->got[i].begin, got->got[i].end);
        }
    }
}

uint64_t playcount_open_missing(playcount_media *media, uint64_t listener,
                                const playcount_media_got *got)
{
    playcount_stripe *s = stripe_of(media, listener);
    playcount_union u = {0};
    uint32_t place, unused;
    uint64_t covered;

    if (listener) {
        if (!enter(s)) {
            return UINT64_MAX;
        }
        place = place_of(s, listener, &unused);
        if (place < PLACES) {
            unpack(&u, s->download[place].packed);
        }
        leave(s);
    }
    add_to(&u, got);
    covered = playcount_union_covered(&u);
    return u.need > covered ? u.need - covered : 0;
}

PLAYCOUNT_HOT playcount_open_e playcount_open_add(playcount_media *media,
                                                  const playcount_day *day,
                                                  uint64_t listener, int64_t *first,
                                                  const playcount_media_got *got,
                                                  playcount_media_result *result)
{
    playcount_stripe *s = stripe_of(media, listener);
    playcount_union u = {0};
    uint32_t place, unused;
    int enough;

    if (!enter(s)) {
        return PLAYCOUNT_OPEN_FROZEN;
    }
    place = place_of(s, listener, &unused);
    if (place < PLACES) {
        unpack(&u, s->download[place].packed);
        *first =
            s->download[place].first < *first ? s->download[place].first : *first;
    }
    add_to(&u, got);
    result->covered = playcount_union_covered(&u);
    enough = playcount_union_enough(&u);
    if (place == PLACES && !enough) {
        place = unused;
    }
    result->kept = place < PLACES;
    if (result->kept) {
        s->scratch.first = *first;
        s->scratch.day = (uint32_t)day->day;
        pack(s->scratch.packed, &u);
        write_download(s, place, listener);
    }
    leave(s);
    return enough         ? PLAYCOUNT_OPEN_ENOUGH
           : result->kept ? PLAYCOUNT_OPEN_NOT_YET
                          : PLAYCOUNT_OPEN_NO_ROOM;
}

void playcount_open_forget(playcount_media *media, uint64_t listener)
{
    playcount_stripe *s = stripe_of(media, listener);
    uint32_t place, unused;

    if (!enter(s)) {
        return; /* the sweep will */
    }
    place = place_of(s, listener, &unused);
    if (place < PLACES) {
        atomic_store(&s->fp[place], 0);
        lower(s);
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
        for (uint32_t i = 0; i < PLACES; i++) {
            if (atomic_load_explicit(&s->fp[i], memory_order_relaxed) &&
                s->download[i].day < oldest) {
                atomic_store(&s->fp[i], 0);
            }
        }
        lower(s);
        leave(s);
    }
}

uint64_t playcount_open_count(playcount_media *media)
{
    uint64_t count = 0;

    for (uint64_t n = 0; n < media->header->stripes; n++) {
        for (uint32_t i = 0; i < PLACES; i++) {
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
        s->top = 0;
        for (uint32_t i = 0; i < PLACES; i++) {
            playcount_union u = {0};

            if (atomic_load(&s->fp[i])) {
                unpack(&u, s->download[i].packed);
                if (!playcount_union_valid(&u)) {
                    atomic_store(&s->fp[i], 0);
                }
            }
        }
    }
}

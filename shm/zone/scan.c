/* Reading many songs: the listing, the highest counts, how full the zone is.
 * All of it without the lock: a slot is read like a single song is, its word
 * before and after its id. */

#include <stdlib.h>

#include "shm/zone/holes.h"
#include "shm/zone/lookup.h"
#include "shm/zone/ring.h"

void playcount_zone_begin(playcount_zone *z, playcount_cursor *c)
{
    uint64_t state;

    /* `first` belongs to the epoch, so it is good if the epoch has not changed. */
    do {
        state = zone_state(z);
        c->epoch = word_epoch(state);
        c->used = state & STATE_USED;
        c->first = zone_first(z, c->epoch);
    } while (word_epoch(zone_state(z)) != c->epoch);
    c->next = 0;
}

int playcount_zone_begin_after(playcount_zone *z, playcount_cursor *c,
                               const char *id, apr_size_t length)
{
    song_key key = key_of(z, id, length);
    uint64_t place;

    playcount_zone_begin(z, c);
    place = find_song(z, c->epoch, &key).place;
    if (place == NO_PLACE) {
        return 0;
    }
    c->next = ring_offset(z, c->first, place) + 1;
    return 1;
}

/* Read the song in this slot: word, id, word. 1 if there is one of this epoch; 0 if
 * the slot is a hole, or its song left; -1 if the zone was cleared. */
static int read_song(playcount_zone *z, uint64_t epoch, uint64_t place,
                     playcount_song *song)
{
    uint64_t before, word;

    do {
        before = atomic_load_explicit(&z->slots[place].word, memory_order_acquire);
        if (!word_is_live(before, epoch)) {
            return word_epoch(zone_state(z)) == epoch ? 0 : -1;
        }
        song->length = playcount_slot_id(z, place, song->id);
        song->count = word_value(z, place, before);
        word = atomic_load_explicit(&z->slots[place].word, memory_order_acquire);
    } while (!is_same_song(before, word));
    /* A long id and a wide count stand elsewhere, where another slot's song may
     * write after a clear, while this word still is as it was. */
    return word_epoch(zone_state(z)) == epoch ? 1 : -1;
}

int playcount_zone_next_local(playcount_zone *z, playcount_cursor *c,
                              playcount_song *song)
{
    while (c->next < c->used) {
        int is = read_song(z, c->epoch, ring_place(z, c->first, c->next++), song);

        if (is > 0) {
            return 1;
        }
        if (is < 0) {
            break;
        }
    }
    c->next = c->used;
    return 0;
}

int playcount_zone_next(playcount_zone *z, playcount_cursor *c,
                        playcount_song *song)
{
    int there = playcount_zone_next_local(z, c, song);

    if (there && z->shows_totals) {
        uint64_t place = ring_place(z, c->first, c->next - 1);

        song->count = shown_count(z, place, c->epoch, song->count);
    }
    return there;
}

/* --- the highest counts: a heap of n whose root is the lowest of them --- */

typedef struct {
    uint64_t count, order;
} rank;

static int lower(rank a, rank b)
{
    return a.count != b.count ? a.count < b.count : a.order > b.order;
}

static void sift_down(rank *heap, apr_size_t n, apr_size_t at)
{
    for (;;) {
        apr_size_t child = 2 * at + 1;
        rank moved = heap[at];

        if (child >= n) {
            return;
        }
        if (child + 1 < n && lower(heap[child + 1], heap[child])) {
            child++;
        }
        if (!lower(heap[child], moved)) {
            return;
        }
        heap[at] = heap[child];
        heap[child] = moved;
        at = child;
    }
}

static int highest_first(const void *a, const void *b)
{
    return lower(*(const rank *)a, *(const rank *)b) ? 1 : -1;
}

/* One pass over the words alone; only those that win are read with their ids. */
static apr_size_t rank_words(playcount_zone *z, playcount_cursor *c, rank *heap,
                             apr_size_t n)
{
    apr_size_t filled = 0;

    for (uint64_t i = 0; i < c->used; i++) {
        uint64_t place = ring_place(z, c->first, i);
        uint64_t word =
            atomic_load_explicit(&z->slots[place].word, memory_order_acquire);
        rank r = {shown_count(z, place, c->epoch, word_value(z, place, word)), i};

        if (!word_is_live(word, c->epoch)) {
            continue; /* a hole, or all that follows */
        }
        if (filled < n) {
            heap[filled++] = r;
            if (filled == n) {
                for (apr_size_t at = n / 2; at-- > 0;) {
                    sift_down(heap, n, at);
                }
            }
        }
        else if (lower(heap[0], r)) {
            heap[0] = r;
            sift_down(heap, n, 0);
        }
    }
    qsort(heap, filled, sizeof(*heap), highest_first);
    return filled;
}

void playcount_zone_top(playcount_zone *z, apr_size_t n, playcount_visit *visit,
                        void *context)
{
    uint64_t forgotten =
        atomic_load_explicit(&z->head->forgotten, memory_order_acquire);
    playcount_cursor c;
    playcount_song song;
    apr_size_t filled;
    rank *heap;

    playcount_zone_begin(z, &c);
    n = n < c.used ? n : c.used;
    if (!n || !(heap = malloc(n * sizeof(*heap)))) {
        return;
    }
    filled = rank_words(z, &c, heap, n);
    for (apr_size_t i = 0; i < filled; i++) {
        playcount_cursor one = {c.epoch, c.first, heap[i].order + 1, heap[i].order};

        if (playcount_zone_next(z, &one, &song)) {
            /* What the order was made by, unless another song may be there now. */
            if (forgotten ==
                atomic_load_explicit(&z->head->forgotten, memory_order_acquire)) {
                song.count = heap[i].count;
            }
            visit(context, &song);
        }
    }
    free(heap);
}

uint64_t playcount_zone_identity(const playcount_zone *z)
{
    return z->head->identity;
}

void playcount_zone_usage(playcount_zone *z, playcount_zone_use *use)
{
    playcount_cursor c;

    playcount_zone_begin(z, &c);
    use->songs = c.used - z->head->holes[c.epoch & 1];
    use->capacity = z->songs;
    use->identity = z->head->identity;
    use->plays = use->others = 0;
    use->bytes = c.used * (sizeof(slot) + 6);
    for (uint64_t i = 0; i < c.used; i++) {
        uint64_t place = ring_place(z, c.first, i);
        uint64_t word =
            atomic_load_explicit(&z->slots[place].word, memory_order_acquire);
        uint32_t length =
            atomic_load_explicit(&z->slots[place].length, memory_order_relaxed);

        if (!word_is_live(word, c.epoch)) {
            use->songs -= word_is_left(word, c.epoch);
            continue;
        }
        use->plays = count_sum(use->plays, word_value(z, place, word));
        if (z->shows_totals) {
            use->others =
                count_sum(use->others, share_plays(&z->others[place], c.epoch));
        }
        use->bytes += length > ID_INLINE ? (length + 7) / 8 * 8 : 0;
    }
}

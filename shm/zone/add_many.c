/* Many adds at once, all or none: the journal is filled here. What it is, and how
 * it is finished or undone: journal.h. */

#include "shm/zone/holes.h"
#include "shm/zone/journal.h"
#include "shm/zone/key_cells.h"
#include "shm/zone/lock.h"
#include "shm/zone/lookup.h"
#include "shm/zone/ring.h"

#define UNKNOWN UINT32_MAX
#define AT_ONCE 48 /* lookups whose cache misses overlap; 16 and 128 are slower */

/* Look the songs up, some at a time, so that their cache misses overlap. */
static void look_up(playcount_zone *z, uint64_t epoch, playcount_play *plays,
                    apr_size_t n)
{
    for (apr_size_t from = 0; from < n; from += AT_ONCE) {
        apr_size_t to = from + AT_ONCE < n ? from + AT_ONCE : n;

        for (apr_size_t i = from; i < to; i++) {
            playcount_index_prefetch(z, plays[i].hash);
        }
        for (apr_size_t i = from; i < to; i++) {
            playcount_index_prefetch_slot(z, plays[i].hash);
        }
        for (apr_size_t i = from; i < to; i++) {
            playcount_play *p = &plays[i];
            song_key key = key_with_hash(p->id, p->length, p->hash);
            uint64_t place = find_song(z, epoch, &key).place;

            p->place = place == NO_PLACE ? UNKNOWN : (uint32_t)place;
        }
    }
}

/* What must not have changed between looking a song up and counting in its slot. */
typedef struct {
    uint64_t epoch, forgotten;
} moment;

static moment this_moment(const playcount_zone *z)
{
    return (moment){
        .forgotten =
            atomic_load_explicit(&z->head->forgotten, memory_order_acquire),
        .epoch = word_epoch(zone_state(z)),
    };
}

/* Under the lock: a song that was not there may be there by now, and after a clear,
 * or when a song was forgotten, nothing is sure. Returns how many songs are new. */
static uint64_t look_again(playcount_zone *z, moment before, playcount_play *plays,
                           apr_size_t n)
{
    moment now = this_moment(z);
    uint64_t epoch = now.epoch;
    uint64_t fresh = 0;

    if (epoch != before.epoch || now.forgotten != before.forgotten) {
        look_up(z, epoch, plays, n);
    }
    for (apr_size_t i = 0; i < n; i++) {
        if (plays[i].place == UNKNOWN) {
            look_up(z, epoch, &plays[i], 1);
            fresh += plays[i].place == UNKNOWN;
        }
    }
    return fresh;
}

/* Where the new songs go, in their order: to the end of the ring as long as there
 * is room, then into holes. */
typedef struct {
    uint64_t used;
    uint64_t room; /* left at the end */
    hole_list holes;
} places;

static places places_of(const playcount_zone *z)
{
    uint64_t state = zone_state(z);
    uint64_t used = state & STATE_USED;

    return (places){used, z->songs - used - zone_ghosts(z, word_epoch(state)),
                    playcount_holes(z)};
}

/* 1 if all new songs fit, `fresh` of them, and their ids. */
static int they_fit(const playcount_zone *z, const playcount_play *plays,
                    apr_size_t n, uint64_t fresh)
{
    places p = places_of(z);
    uint64_t heap_end = z->head->heap_end;

    if (fresh <= p.room) {
        return 1;
    }
    if (fresh - p.room > p.holes.n) {
        return 0;
    }
    for (apr_size_t i = 0; i < n; i++) {
        apr_size_t length = plays[i].length;

        if (plays[i].place != UNKNOWN) {
            continue;
        }
        if (p.room) {
            p.room--;
            p.used++;
            if (length > ID_INLINE) {
                heap_end = heap_after(z, heap_end, words_of(length));
            }
        }
        else {
            hole h = playcount_hole_pop(z, &p.holes);

            if (!playcount_hole_fits(z, &h, length, p.used, &heap_end)) {
                return 0;
            }
        }
    }
    return 1;
}

/* The place of a new song, into the play and its entry. */
static void give_place(playcount_zone *z, places *p, playcount_play *play,
                       journal_entry *e)
{
    if (p->room) {
        e->fresh = JOURNAL_NEW;
        play->place =
            (uint32_t)ring_place(z, zone_first(z, p->holes.epoch), p->used);
        p->room--;
        p->used++;
    }
    else {
        hole h = playcount_hole_pop(z, &p->holes);

        e->fresh = JOURNAL_HOLE + (uint32_t)h.cell;
        e->next = (uint32_t)h.next;
        e->at = (uint32_t)h.at;
        play->place = (uint32_t)h.place;
    }
}

/* The journal and what else the operation needs to know; nothing reads it yet. */
static void fill(playcount_zone *z, playcount_play *plays, apr_size_t n,
                 const playcount_claim *claim)
{
    zone_header *head = z->head;
    places p = places_of(z);

    for (apr_size_t i = 0; i < n; i++) {
        journal_entry *e = &z->journal[i];

        e->fresh = JOURNAL_KNOWN;
        if (plays[i].place == UNKNOWN) {
            give_place(z, &p, &plays[i], e);
        }
        e->place = plays[i].place;
        e->by = plays[i].by;
        e->count = 0;
    }
    head->op_entries = (uint32_t)n;
    head->op_used = p.used;
    head->op_hole = p.holes.first;
    head->op_holes = p.holes.n;
    head->op_generation = p.holes.generation;
    head->op_heap_end = head->heap_end;
    head->op_key = claim ? claim->number : 0;
    head->op_fingerprint = claim ? claim->fingerprint : 0;
    head->op_answers = head->answers_end;
}

/* Put a new song into a hole, with nothing counted. */
static void write_in_hole(playcount_zone *z, const playcount_play *play,
                          const journal_entry *e, uint64_t epoch,
                          uint64_t generation)
{
    hole h = {e->place, e->next, e->fresh - JOURNAL_HOLE, e->at};
    uint64_t room = playcount_hole_room(&h, play->length);

    atomic_store_explicit(&z->wide[h.place], 0, memory_order_release);
    playcount_hole_write(z, &h, play->id, play->length, play->hash, epoch,
                         WORD_FROZEN | hole_song_word(generation, room));
}

static void prepare(playcount_zone *z, playcount_play *plays, apr_size_t n,
                    const playcount_claim *claim)
{
    uint64_t epoch = word_epoch(zone_state(z));
    uint64_t generation = z->head->generation;

    fill(z, plays, n, claim);
    zone_set_op(z, OP_PREPARE);
    for (apr_size_t i = 0; i < n; i++) {
        const playcount_play *p = &plays[i];
        const journal_entry *e = &z->journal[i];

        if (e->fresh == JOURNAL_KNOWN) {
            atomic_fetch_or_explicit(&z->slots[p->place].word, WORD_FROZEN,
                                     memory_order_acq_rel);
        }
        else if (e->fresh == JOURNAL_NEW) {
            playcount_slot_write_new(z, p->place, p->id, p->length, p->hash, epoch,
                                     WORD_FROZEN);
        }
        else {
            write_in_hole(z, p, e, epoch, ++generation);
        }
    }
}

apr_status_t playcount_zone_add_many(playcount_zone *z, playcount_play *plays,
                                     apr_size_t n, const playcount_claim *claim)
{
    moment before = this_moment(z);
    apr_status_t rv;

    if (n < 1 || n > PLAYCOUNT_BATCH_MAX) {
        return APR_EINVAL;
    }
    look_up(z, before.epoch, plays, n);
    if ((rv = playcount_zone_lock(z)) != APR_SUCCESS) {
        return rv;
    }
    if (claim && !playcount_key_claimed(z, claim->number)) {
        playcount_zone_unlock(z);
        return APR_EBUSY;
    }
    if (!they_fit(z, plays, n, look_again(z, before, plays, n))) {
        playcount_zone_unlock(z);
        return APR_ENOSPC;
    }
    prepare(z, plays, n, claim);
    zone_set_op(z, OP_COMMIT);
    playcount_journal_finish(z);
    for (apr_size_t i = 0; i < n; i++) {
        plays[i].count = z->journal[i].shown;
    }
    playcount_zone_unlock(z);
    return APR_SUCCESS;
}

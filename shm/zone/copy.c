/* Copying a zone into another one, larger or without gaps: see recover.h. */

#include <string.h>

#include "shm/zone/holes.h"
#include "shm/zone/index.h"
#include "shm/zone/key_cells.h"
#include "shm/zone/left.h"
#include "shm/zone/recover.h"
#include "shm/zone/ring.h"
#include "shm/zone/slots.h"

static void copy_slot(playcount_zone *to, uint64_t there, playcount_zone *from,
                      uint64_t here)
{
    char id[PLAYCOUNT_ID_MAX];
    apr_size_t length = playcount_slot_id(from, here, id);
    uint64_t word = from->slots[here].word;

    /* Its room in the heap is what the id needs now. */
    if (word_generation(word)) {
        word = (word & ~CELL_MASK) | (length > ID_INLINE ? words_of(length) : 0);
    }
    for (int i = 0; i < 3; i++) {
        to->marks[i][there] = from->marks[i][here];
    }
    if (from->slots[here].word & WORD_WIDE) {
        to->wide[there] = from->wide[here];
    }
    playcount_slot_write_new(to, there, id, length,
                             playcount_id_hash(to, id, length),
                             slot_epoch(from, here), word);
    if (from->head->writer_step) {
        for (int i = 0; i < 3; i++) {
            to->before[i][there] = from->before[i][here];
        }
        to->others[there] = from->others[here];
    }
}

/* The batches that began at the slot `old` (counted from the first ghost) begin
 * at `there` now, and cover `n` slots from there on that were copied. */
typedef struct {
    uint64_t start; /* the first ghost in the old ring */
    uint64_t total; /* ghosts and songs */
    uint64_t copied;
} copying;

static uint64_t old_offset(const playcount_zone *from, const copying *c,
                           uint64_t place)
{
    return ring_offset(from, c->start, place);
}

static void copy_all_slots(playcount_zone *to, playcount_zone *from, copying *c,
                           uint64_t ghosts)
{
    batch_record moved[3] = {{0}};
    uint64_t epoch = word_epoch(zone_state(from));
    uint64_t live = 0;

    memcpy(moved, from->head->batches, sizeof(moved));
    for (int i = 0; i < 3; i++) {
        moved[i].used = moved[i].heap_end = 0;
    }
    for (uint64_t n = 0; n < c->total; n++) {
        uint64_t place = ring_place(from, c->start, n);
        int wanted = playcount_slot_is_sound(from, place) &&
                     (n < ghosts || slot_epoch(from, place) == epoch);

        for (int i = 0; i < 3; i++) {
            const batch_record *b = &from->head->batches[i];
            uint64_t begin = old_offset(from, c, b->first);

            if (begin == n) {
                moved[i].first = c->copied;
            }
            if (wanted && n >= begin && n < begin + b->used) {
                moved[i].used++;
            }
        }
        if (n == ghosts) {
            live = c->copied;
            to->head->heap_from[epoch & 1] = to->head->heap_end;
        }
        if (wanted) {
            copy_slot(to, c->copied++, from, place);
        }
        for (int i = 0; i < 3; i++) {
            uint64_t begin = old_offset(from, c, from->head->batches[i].first);

            if (n >= begin && n < begin + from->head->batches[i].used) {
                moved[i].heap_end = to->head->heap_end;
            }
        }
    }
    if (c->total == ghosts) {
        live = c->copied;
        to->head->heap_from[epoch & 1] = to->head->heap_end;
    }
    for (int i = 0; i < 3; i++) {
        moved[i].first = moved[i].first < to->songs ? moved[i].first : 0;
    }
    memcpy(to->head->batches, moved, sizeof(moved));
    to->head->first[epoch & 1] = live < to->songs ? live : 0;
    to->head->ghosts[epoch & 1] = live;
    to->head->state = STATE(epoch, c->copied - live);
}

void playcount_recover_copy(playcount_zone *to, playcount_zone *from)
{
    uint64_t state = zone_state(from);
    uint64_t epoch = word_epoch(state);
    uint64_t ghosts = zone_ghosts(from, epoch);
    uint64_t first = zone_first(from, epoch);
    copying c = {first >= ghosts ? first - ghosts : first + from->songs - ghosts,
                 ghosts + (state & STATE_USED), 0};
    playcount_cursor cursor;
    playcount_song song;

    to->head->identity = from->head->identity;
    to->head->taken = from->head->taken;
    to->head->acked = from->head->acked;
    to->head->durable = from->head->durable;
    to->head->handed_time = from->head->handed_time;
    to->head->clean = from->head->clean;
    to->head->failures = from->head->failures;
    to->head->failing = from->head->failing;
    memcpy(to->head->writers, from->head->writers, sizeof(to->head->writers));
    to->head->writer_step = from->head->writer_step;
    to->head->refused_songs = from->head->refused_songs;
    to->head->refused_plays = from->head->refused_plays;
    to->head->forgotten = from->head->forgotten;
    to->head->generation = from->head->generation;
    to->head->generation_synced = from->head->generation; /* as soon as it is */
    memcpy(to->head->batch_generation, from->head->batch_generation,
           sizeof(to->head->batch_generation));
    copy_all_slots(to, from, &c, ghosts);
    playcount_keys_copy(to, from);
    for (playcount_zone_begin(to, &cursor);
         playcount_zone_next(to, &cursor, &song);) {
        playcount_index_insert(to, ring_place(to, cursor.first, cursor.next - 1),
                               playcount_id_hash(to, song.id, song.length));
    }
    playcount_left_recover(to);
}

/* Checking a file and putting it right: see recover.h. */

#include "shm/zone/recover.h"

#include "shm/zone/holes.h"
#include "shm/zone/key_cells.h"
#include "shm/zone/left.h"
#include "shm/zone/lookup.h"
#include "shm/zone/repair.h"
#include "shm/zone/ring.h"

typedef enum { SLOT_EMPTY, SLOT_SOUND, SLOT_LOST, SLOT_DAMAGED } slot_state;

static slot_state look_at(const playcount_zone *z, uint64_t place)
{
    static const slot empty;
    const slot *s = &z->slots[place];

    if (!memcmp(s, &empty, sizeof(empty))) {
        return SLOT_EMPTY;
    }
    if (playcount_slot_is_sound(z, place)) {
        return SLOT_SOUND;
    }
    /* A slot whose writing was cut off has no epoch yet; a long id stands on
     * another page than its slot. */
    if (!word_epoch(atomic_load_explicit(&s->word, memory_order_relaxed)) ||
        atomic_load_explicit(&s->length, memory_order_relaxed) > ID_INLINE) {
        return SLOT_LOST;
    }
    return SLOT_DAMAGED;
}

static int is_newer(uint64_t epoch, uint64_t than)
{
    uint64_t ahead = (epoch - than) & EPOCH_MASK;

    return ahead && ahead < EPOCH_MASK / 2;
}

/* --- looking --- */

static int batches_fit(const zone_header *head)
{
    uint64_t taken = head->taken, acked = head->acked;

    if (taken < acked || taken - acked > 2) {
        return 0;
    }
    for (int i = 0; i < 3; i++) {
        const batch_record *b = &head->batches[i];

        if (b->first >= head->songs || b->used > head->songs ||
            b->epoch > EPOCH_MASK || b->heap_end > head->heap_words) {
            return 0;
        }
    }
    return 1;
}

static int journal_fits(const playcount_zone *z)
{
    const zone_header *head = z->head;

    if (head->op > OP_RELEASE || head->op_left > LEFT_MAX ||
        head->left_n > LEFT_MAX || (head->op == OP_LEAVE && !head->op_left) ||
        head->op_entries > PLAYCOUNT_BATCH_MAX || head->op_used > head->songs ||
        head->op_heap_end > head->heap_words || (head->op_key && !head->keys) ||
        head->op_place >= head->songs || head->op_hole > head->songs ||
        head->op_holes > head->songs || head->op_cell > ID_WORDS) {
        return 0;
    }
    for (uint32_t i = 0; i < head->left_n; i++) {
        if (head->left[i] >= head->songs) {
            return 0;
        }
    }
    for (uint32_t i = 0; i < head->op_entries; i++) {
        const journal_entry *e = &z->journal[i];

        if (e->place >= head->songs || e->fresh > JOURNAL_HOLE + ID_WORDS ||
            (head->op == OP_PREPARE && e->fresh >= JOURNAL_HOLE &&
             e->next > head->songs)) {
            return 0;
        }
    }
    return 1;
}

/* The heap has another id where this slot has its own: it was written after a clear
 * that neither the header nor a slot may show yet. */
static int id_was_overwritten(const playcount_zone *z, uint64_t place)
{
    uint64_t at = z->slots[place].id[1];

    return at < z->head->heap_words && z->heap[at];
}

static const char *check_slots(playcount_zone *z, uint64_t *songs)
{
    uint64_t state = zone_state(z);
    uint64_t epoch = word_epoch(state);
    uint64_t first = zone_first(z, epoch);
    uint64_t synced = z->head->synced;
    uint64_t sure = word_epoch(synced) == epoch ? synced & STATE_USED : 0;
    uint64_t usable = z->songs - zone_ghosts(z, epoch);
    uint64_t present = 0, newer = 0, missing = 0;

    for (uint64_t n = 0; n < z->songs; n++) {
        uint64_t place = ring_place(z, first, n);
        slot_state is = look_at(z, place);

        if (is == SLOT_DAMAGED) {
            return "a song in it is damaged";
        }
        if (n < sure) {
            missing += is == SLOT_EMPTY ||
                       (is == SLOT_LOST && slot_epoch(z, place) &&
                        !id_was_overwritten(z, place)) ||
                       (is == SLOT_SOUND && is_newer(epoch, slot_epoch(z, place)));
        }
        if (n < usable && is == SLOT_SOUND) {
            present += slot_epoch(z, place) == epoch;
            newer += is_newer(slot_epoch(z, place), epoch);
        }
    }
    /* After a clear that the header does not know of, nothing is sure. */
    if (missing && !newer) {
        return "songs that it held at its last sync are missing";
    }
    /* New songs of a batch are no songs yet, but are about to be. */
    if (z->head->op == OP_COMMIT && z->head->op_used > present) {
        present = z->head->op_used;
    }
    *songs = (present > newer ? present : newer) + zone_ghosts(z, epoch);
    return *songs > z->songs ? "it holds more songs than fit into it" : NULL;
}

const char *playcount_recover_check(playcount_zone *z, uint64_t *songs)
{
    const zone_header *head = z->head;
    uint64_t state = zone_state(z);

    if (!word_epoch(state) || zone_ghosts(z, word_epoch(state)) > head->songs ||
        (state & STATE_USED) > head->songs - zone_ghosts(z, word_epoch(state)) ||
        head->first[0] >= head->songs || head->first[1] >= head->songs ||
        head->ghosts[0] > head->songs || head->ghosts[1] > head->songs ||
        head->heap_from[0] > head->heap_words ||
        head->heap_from[1] > head->heap_words ||
        head->heap_end > head->heap_words || head->keys_end > INT64_MAX ||
        head->answers_end > INT64_MAX) {
        return "its header does not describe what fits into it";
    }
    if (!batches_fit(head)) {
        return "its record of handoffs is damaged";
    }
    return check_slots(z, songs);
}

/* --- putting right --- */

/* The keys come after: a batch that is finished answers its key. */
static void finish_operation(playcount_zone *z)
{
    playcount_index_empty(z, 0, z->index_size);
    if (!journal_fits(z)) {
        zone_set_op(z, OP_NONE);
    }
    playcount_repair(z);
    playcount_keys_recover(z);
    playcount_index_empty(z, 0, z->index_size);
}

/* The header may be of a moment before the last clear: do what the clear did. */
static void adopt_newest_epoch(playcount_zone *z)
{
    uint64_t epoch = word_epoch(zone_state(z));
    uint64_t newest = epoch;

    for (uint64_t n = 0; n < z->songs - zone_ghosts(z, epoch); n++) {
        uint64_t place = ring_place(z, zone_first(z, epoch), n);

        if (look_at(z, place) == SLOT_SOUND &&
            is_newer(slot_epoch(z, place), newest)) {
            newest = slot_epoch(z, place);
        }
    }
    if (newest != epoch) {
        uint64_t heap_from = z->head->heap_from[epoch & 1];
        uint64_t keeps = playcount_batch_keeps(z, epoch, &heap_from);
        int open = playcount_batch_is_open(z);

        z->head->first[newest & 1] =
            open ? ring_place(z, zone_first(z, epoch), keeps) : 0;
        z->head->ghosts[newest & 1] = open ? zone_ghosts(z, epoch) + keeps : 0;
        z->head->heap_from[newest & 1] = open ? heap_from : 0;
        z->head->state = STATE(newest, 0);
    }
}

static uint64_t reach(const playcount_zone *z)
{
    uint64_t end = z->songs;

    while (end > 0 && look_at(z, end - 1) == SLOT_EMPTY) {
        end--;
    }
    return end;
}

/* A slot's marks are at most its count; nothing of a journal is left in it. */
static void settle_word(playcount_zone *z, uint64_t place, uint64_t n,
                        uint64_t epoch)
{
    uint64_t word = z->slots[place].word & ~WORD_FROZEN;
    uint64_t count = word_value(z, place, word);
    uint64_t acked = z->head->acked, taken = z->head->taken;

    for (uint64_t q = acked ? acked : 1; q <= taken; q++) {
        const batch_record *b = &z->head->batches[q % 3];

        if (b->epoch == epoch && n < b->used &&
            mark_plays(&z->marks[q % 3][place]) > count) {
            z->marks[q % 3][place] = count | (z->marks[q % 3][place] & MARK_HELD);
        }
    }
    /* No add is on its way: a song in a hole may be counted without the lock again,
     * unless a batch still has to tell it from the song before. */
    if (word_generation(word) && count <= WORD_COUNT && !taken &&
        !(word & WORD_LEFT)) {
        word = STATE(epoch, count);
    }
    z->slots[place].word = word;
}

/* After a power loss: a song was put into a hole after the last sync. Its count may
 * be that of the song before. */
static int is_unsynced(const playcount_zone *z, uint64_t word)
{
    return z->distrusted && word_generation(word) > z->head->generation_synced;
}

/* After a power loss: the last batch had plays of this song, but its mark is 0. The
 * song was forgotten later, and only the mark is on the disk. (In a cluster songs
 * begin with no plays, and none is forgotten.) */
static int was_forgotten(const playcount_zone *z, uint64_t place, uint64_t n,
                         uint64_t word)
{
    uint64_t taken = z->head->taken;
    const batch_record *b = &z->head->batches[taken % 3];

    return z->distrusted && taken && !z->head->writer_step &&
           b->epoch == word_epoch(word) && n < b->used &&
           !z->marks[taken % 3][place] &&
           word_generation(word) < z->head->batch_generation[taken % 3];
}

/* The heap ends behind the room of this slot, if it does not end further on. */
static void extend_heap(playcount_zone *z, uint64_t place, uint64_t epoch,
                        uint64_t cell)
{
    zone_header *head = z->head;
    uint64_t from = head->heap_from[epoch & 1], end = z->slots[place].id[1] + cell;
    uint64_t all = head->heap_words;

    if (cell && (end >= from ? end - from : end + all - from) >
                    (head->heap_end >= from ? head->heap_end - from
                                            : head->heap_end + all - from)) {
        head->heap_end = end;
    }
}

/* The holes among the first `used` slots, linked again. Returns how many. */
static uint64_t recover_holes(playcount_zone *z, uint64_t epoch, uint64_t used)
{
    hole_list holes = {.epoch = epoch, .generation = z->head->generation};

    for (uint64_t n = used; n-- > 0;) {
        uint64_t place = ring_place(z, zone_first(z, epoch), n);
        uint64_t word = z->slots[place].word;
        uint64_t cell = word & CELL_MASK;

        if (!is_hole(word, epoch)) {
            if (word_epoch(word) == epoch &&
                word_generation(word) > holes.generation) {
                holes.generation = word_generation(word);
            }
            continue;
        }
        if (cell > ID_WORDS || z->slots[place].id[1] + cell > z->head->heap_words) {
            z->slots[place].word = hole_word(epoch, 0);
            cell = 0;
        }
        extend_heap(z, place, epoch, cell);
        for (int i = 0; z->head->taken && i < 3; i++) {
            z->marks[i][place] = 0;
        }
        z->slots[place].check = (uint32_t)holes.first;
        holes.first = place + 1;
        holes.n++;
    }
    playcount_holes_set(z, &holes);
    return holes.n;
}

/* The header may be of a moment before a handoff was acknowledged: songs younger
 * than the last sync then stand where its ghosts were. They must not reappear
 * later. */
static void forget_hidden(playcount_zone *z, uint64_t epoch)
{
    for (uint64_t n = z->songs - zone_ghosts(z, epoch); n < z->songs; n++) {
        uint64_t place = ring_place(z, zone_first(z, epoch), n);
        uint64_t is = slot_epoch(z, place), heap_end;

        if (is == epoch ||
            (is_newer(is, epoch) && !playcount_batch_keeps(z, is, &heap_end))) {
            z->slots[place].word = 0;
        }
    }
}

void playcount_recover_widen(playcount_zone *z)
{
    const uint64_t count = WORD_COUNT | WORD_LEFT;

    for (uint64_t place = 0; place < z->songs; place++) {
        uint64_t word = z->slots[place].word;

        if (!(word & WORD_WIDE) && (word & WORD_LEFT)) {
            z->wide[place] = word & count;
            z->slots[place].word = (word & ~count) | WORD_WIDE;
        }
    }
    z->head->version = ZONE_VERSION;
}

void playcount_recover_distrust(playcount_zone *z)
{
    z->distrusted = 1;
    zone_set_op(z, OP_NONE);
}

uint64_t playcount_recover(playcount_zone *z)
{
    uint64_t epoch, first, used = 0, present = 0;
    char id[PLAYCOUNT_ID_MAX];

    finish_operation(z);
    adopt_newest_epoch(z);
    epoch = word_epoch(zone_state(z));
    first = zone_first(z, epoch);
    z->head->next.time = 0; /* what it had marked may not be there */
    z->head->heap_end = z->head->heap_from[epoch & 1];
    z->head->reach = reach(z);
    z->head->hole[epoch & 1] = z->head->holes[epoch & 1] = 0;
    for (uint64_t n = 0; n < z->songs - zone_ghosts(z, epoch); n++) {
        uint64_t place = ring_place(z, first, n);
        uint64_t word = z->slots[place].word;
        apr_size_t length;
        song_key key;

        if (word_epoch(word) != epoch || look_at(z, place) != SLOT_SOUND) {
            continue;
        }
        length = playcount_slot_id(z, place, id);
        key = key_of(z, id, length);
        if (is_unsynced(z, word) || (word_is_live(word, epoch) &&
                                     find_song(z, epoch, &key).place != NO_PLACE)) {
            z->slots[place].word = 0; /* or the same song a second time: a gap */
            continue;
        }
        if (was_forgotten(z, place, n, word)) {
            z->slots[place].word = hole_word(epoch, 0);
            continue;
        }
        extend_heap(z, place, epoch, playcount_slot_cell(z, place, word));
        playcount_slot_pad(z, place, id, length);
        settle_word(z, place, n, epoch);
        if (word_is_live(word, epoch)) {
            playcount_index_insert(z, place, key.hash);
        }
        used = n + 1;
        present++;
    }
    present += recover_holes(z, epoch, used);
    z->distrusted = 0;
    forget_hidden(z, epoch);
    z->head->state = STATE(epoch, used);
    playcount_left_recover(z);
    return used - present;
}

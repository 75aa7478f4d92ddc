/* Checking a file and putting it right: see recover.h. */

#include "shm/zone/recover.h"

#include "shm/zone/key_cells.h"
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

    if (head->op > OP_KEYS || head->op_entries > PLAYCOUNT_BATCH_MAX ||
        head->op_used > head->songs || head->op_heap_end > head->heap_words ||
        (head->op_key && !head->keys)) {
        return 0;
    }
    for (uint32_t i = 0; i < head->op_entries; i++) {
        if (z->journal[i].place >= head->songs) {
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
        head->heap_end > head->heap_words) {
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

        if (b->epoch == epoch && n < b->used && z->marks[q % 3][place] > count) {
            z->marks[q % 3][place] = count;
        }
    }
    z->slots[place].word = word;
}

/* The header may be of a moment before a handoff was acknowledged: songs younger
 * than the last sync then stand where its ghosts were. They must not come to
 * light later. */
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

void playcount_recover_distrust(playcount_zone *z)
{
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
        if (find_song(z, epoch, &key).place != NO_PLACE) {
            z->slots[place].word = 0; /* the same song a second time: a gap */
            continue;
        }
        settle_word(z, place, n, epoch);
        playcount_index_insert(z, place, key.hash);
        if (length > ID_INLINE) {
            z->head->heap_end = z->slots[place].id[1] + (length + 7) / 8;
        }
        used = n + 1;
        present++;
    }
    forget_hidden(z, epoch);
    z->head->state = STATE(epoch, used);
    return used - present;
}

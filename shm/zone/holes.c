/* The list of holes, and room in the heap for the songs in them: see holes.h. */

#include "shm/zone/holes.h"

#include "shm/zone/index.h"
#include "shm/zone/slots.h"

hole_list playcount_holes(const playcount_zone *z)
{
    uint64_t epoch = word_epoch(zone_state(z));

    return (hole_list){epoch, z->head->hole[epoch & 1], z->head->holes[epoch & 1],
                       z->head->generation};
}

void playcount_holes_set(playcount_zone *z, const hole_list *list)
{
    z->head->hole[list->epoch & 1] = list->first;
    z->head->holes[list->epoch & 1] = list->n;
    atomic_store_explicit(&z->head->generation, list->generation,
                          memory_order_relaxed);
}

hole playcount_hole_pop(const playcount_zone *z, hole_list *list)
{
    const slot *s = &z->slots[list->first - 1];
    uint64_t word = atomic_load_explicit(&s->word, memory_order_relaxed);
    hole h = {.place = list->first - 1,
              .next = s->check,
              .cell = word & CELL_MASK,
              .at = atomic_load_explicit(&s->id[1], memory_order_relaxed)};

    list->first = h.next;
    list->n--;
    list->generation++;
    return h;
}

void playcount_hole_restore(playcount_zone *z, const hole *h, uint64_t epoch)
{
    slot *s = &z->slots[h->place];

    atomic_store_explicit(&s->word, 0, memory_order_release);
    atomic_signal_fence(memory_order_seq_cst);
    atomic_store_explicit(&s->id[1], h->at, memory_order_release);
    s->check = (uint32_t)h->next;
    atomic_store_explicit(&s->word, hole_word(epoch, h->cell),
                          memory_order_release);
}

uint64_t playcount_slot_cell(const playcount_zone *z, uint64_t place, uint64_t word)
{
    uint64_t length =
        atomic_load_explicit(&z->slots[place].length, memory_order_relaxed);

    if (length <= ID_INLINE) {
        return 0;
    }
    return word_generation(word) ? word & CELL_MASK : words_of(length);
}

/* Rounded up, so that the next id is more likely to fit. */
uint64_t playcount_hole_room(const hole *h, apr_size_t length)
{
    uint64_t words = words_of(length);

    if (length <= ID_INLINE) {
        return 0;
    }
    return words <= h->cell ? h->cell : (words + 7) / 8 * 8;
}

int playcount_hole_fits(const playcount_zone *z, const hole *h, apr_size_t length,
                        uint64_t used, uint64_t *heap_end)
{
    uint64_t room = playcount_hole_room(h, length);
    uint64_t from = z->head->heap_from[word_epoch(zone_state(z)) & 1];
    uint64_t all = z->head->heap_words;
    uint64_t end = *heap_end, taken = end >= from ? end - from : end + all - from;

    if (room <= h->cell) {
        return 1;
    }
    if (end + room > all) { /* what is left before the end of the heap is lost */
        taken += all - end;
    }
    if (taken + room > used * ID_WORDS) {
        return 0;
    }
    *heap_end = heap_after(z, end, room);
    return 1;
}

void playcount_hole_write(playcount_zone *z, const hole *h, const char *id,
                          apr_size_t length, uint64_t hash, uint64_t epoch,
                          uint64_t word)
{
    uint64_t room = playcount_hole_room(h, length);
    uint64_t at = room > h->cell ? playcount_heap_take(z, room) : h->at;

    playcount_slot_write(z, h->place, id, length, hash, at, epoch, word);
}

/* The next song in the slot begins with no plays handed over. Marks that were never
 * written are left alone: their pages take no memory. */
static void forget_marks(playcount_zone *z, uint64_t place)
{
    if (!z->head->next.time &&
        !atomic_load_explicit(&z->head->taken, memory_order_acquire)) {
        return;
    }
    for (int i = 0; i < 3; i++) {
        atomic_store_explicit(&z->marks[i][place], 0, memory_order_release);
    }
}

void playcount_hole_finish(playcount_zone *z)
{
    zone_header *head = z->head;
    uint64_t epoch = word_epoch(zone_state(z));
    uint64_t place = head->op_place;
    hole_list with = {epoch, place + 1, head->op_holes, head->generation};

    if (!is_hole(atomic_load_explicit(&z->slots[place].word, memory_order_acquire),
                 epoch)) {
        return;
    }
    forget_marks(z, place);
    playcount_index_remove(z, place, playcount_slot_hash(z, place));
    z->slots[place].check = (uint32_t)head->op_hole;
    playcount_holes_set(z, &with);
    atomic_store_explicit(&head->forgotten, head->op_forgotten,
                          memory_order_release);
}

/* Holes: places in the ring that forgotten songs left, and songs in them.
 *
 * A song that is forgotten leaves its place in the ring empty. The songs behind it
 * stay where they are, for an add without the lock may be on its way to any of
 * them. New songs are registered at the end of the ring as long as there is room,
 * so that they are listed in the order of their first plays; when there is none
 * they get the holes, the last one first.
 *
 * A hole's word says so, and below it that of a song in a hole:
 *
 *     63   62   61        42 41           26 25            6 5        0
 *    +----+----+------------+---------------+---------------+----------+
 *    | 0  | W  |     0      |       0       |     epoch     |   cell   |
 *    +----+----+------------+---------------+---------------+----------+
 *    | F  | W  |   epoch    | L |        generation         |   cell   |
 *    +----+----+------------+---+---------------------------+----------+
 *
 * No word of a live slot ever comes back within an epoch, and this is what keeps an
 * add or a reader that slept meanwhile from taking one song for another:
 *   - a narrow word with this epoch belongs to the first song in the slot. Songs in
 *     holes are wide from their first play on: they are counted under the lock,
 *     where the slot is looked up again;
 *   - the generation differs for every song that was ever put into a hole, so a
 *     reader that finds the same word twice has read one song.
 *
 * `cell` is how many words of the heap belong to the slot, at id[1] as long as an
 * id longer than 16 bytes is or was there. The next long id goes there if it fits,
 * otherwise to the end of the heap, which is refused when the songs of the epoch
 * would have more than 256 bytes each in all: the zone is full for this id then.
 *
 * The holes are linked through `check`. They are closed when a file is opened in
 * another size or with gaps, and by a clear.
 */
#ifndef PLAYCOUNT_SHM_HOLES_H
#define PLAYCOUNT_SHM_HOLES_H

#include "shm/zone/layout.h"

#define CELL_BITS 6
#define CELL_MASK ((1ULL << CELL_BITS) - 1)

static inline uint64_t hole_word(uint64_t epoch, uint64_t cell)
{
    return WORD_WIDE | epoch << CELL_BITS | cell;
}

/* 1 if the word is that of a hole of this epoch. */
static inline int is_hole(uint64_t word, uint64_t epoch)
{
    return (word & ~CELL_MASK) == hole_word(epoch, 0);
}

/* The word of a song in a hole, without its epoch. */
static inline uint64_t hole_song_word(uint64_t generation, uint64_t cell)
{
    return WORD_WIDE | generation << CELL_BITS | cell;
}

/* 0 for a song that is in no hole. */
static inline uint64_t word_generation(uint64_t word)
{
    return word & WORD_WIDE ? (word & WORD_COUNT) >> CELL_BITS : 0;
}

/* 1 if a slot that had the word `a`, and then `b`, has held one song all along.
 * Also 0 when its count has become wide meanwhile: look again. */
static inline int is_same_song(uint64_t a, uint64_t b)
{
    uint64_t may_differ = WORD_FROZEN | (a & WORD_WIDE ? 0 : WORD_COUNT);

    return !((a ^ b) & ~may_differ);
}

/* What is left of the holes while some are taken. */
typedef struct {
    uint64_t epoch;
    uint64_t first;      /* 1 + the first, 0 for none */
    uint64_t n;          /* how many */
    uint64_t generation; /* of the last song put into one */
} hole_list;

typedef struct {
    uint64_t place;
    uint64_t next; /* 1 + the hole after it */
    uint64_t cell; /* the words of the heap that belong to it ... */
    uint64_t at;   /* ... and where they are */
} hole;

/* All that follows: [lock]. The holes of the present epoch. */
hole_list playcount_holes(const playcount_zone *z);

/* The holes are these from now on. May be repeated. */
void playcount_holes_set(playcount_zone *z, const hole_list *list);

/* Take the first one off the list. */
hole playcount_hole_pop(const playcount_zone *z, hole_list *list);

/* OP_FORGET: what follows once the slot is a hole; nothing if it is not. May be
 * repeated. */
void playcount_hole_finish(playcount_zone *z);

/* A hole as it was before a song was put into it. */
void playcount_hole_restore(playcount_zone *z, const hole *h, uint64_t epoch);

/* How many words of the heap belong to the song of a slot. */
uint64_t playcount_slot_cell(const playcount_zone *z, uint64_t place,
                             uint64_t word);

/* How many belong to the hole once an id of this length is in it: its own if the id
 * fits there. */
uint64_t playcount_hole_room(const hole *h, apr_size_t length);

/* 1 if there is that room when the heap ends at *heap_end and `used` slots are in
 * use; *heap_end is then where it ends afterwards. */
int playcount_hole_fits(const playcount_zone *z, const hole *h, apr_size_t length,
                        uint64_t used, uint64_t *heap_end);

/* Put an id into a hole of this epoch, with this word: see playcount_slot_write().
 */
void playcount_hole_write(playcount_zone *z, const hole *h, const char *id,
                          apr_size_t length, uint64_t hash, uint64_t epoch,
                          uint64_t word);

#endif

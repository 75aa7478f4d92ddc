/* How much of a file one listener has got: the union of the byte intervals that
 * were written, so that what is fetched twice counts once.
 *
 * The intervals lie apart and in order; what touches becomes one:
 *
 *     piece[0]            piece[1]                 piece[2]
 *     |=======|           |===..===|               |==|
 *     begin   end         begin    end             missing == 0
 *                         missing == 2: bytes inside that nobody wrote
 *
 * There are eight pieces. When a ninth is needed, the two with the smallest gap
 * between them become one, and the gap's bytes are `missing` in it. From then on it
 * is not known any more which bytes of that piece are there. An interval that falls
 * into it is taken for new as long as bytes are missing. So
 *
 *     the true union  <=  what is covered  <=  the bytes that were written
 *
 * and the sum is exact, in whatever order the intervals come,
 *   - if they never lie in more than eight pieces, overlapping or not, or
 *   - if no byte is written twice, in however many pieces: a download manager's.
 * What remains: a listener who has more than eight separate pieces and gets bytes
 * of a joined one twice may seem to have more than it has, never more than it was
 * sent, and the order of its requests may then decide whether that is enough.
 *
 * What is needed may change within a window, when the file is replaced. The
 * smallest that was asked counts, because then too the order does not matter.
 *
 * All zeros is an empty union. Plain memory, no pointers: it may lie in a segment
 * that processes share. Nothing here locks.
 */
#ifndef PLAYCOUNT_MEDIA_RULES_UNION_H
#define PLAYCOUNT_MEDIA_RULES_UNION_H

#include <stdint.h>

#define PLAYCOUNT_UNION_PIECES 8

typedef struct {
    uint64_t begin, end; /* end: the first byte behind it; 0: no piece */
    uint64_t missing;
} playcount_piece;

typedef struct {
    uint64_t need; /* how much is enough; 0: nothing was added yet */
    /* The unused ones last; one more than are kept, which is used within
     * playcount_union_add() only. */
    playcount_piece piece[PLAYCOUNT_UNION_PIECES + 1];
} playcount_union;

/* Add the bytes from begin to end - 1; an empty interval changes nothing. */
void playcount_union_add(playcount_union *u, uint64_t begin, uint64_t end);

/* So much is needed (above 0), as far as this request knows. */
void playcount_union_need(playcount_union *u, uint64_t need);

/* The bytes that are there. */
uint64_t playcount_union_covered(const playcount_union *u);

/* Is that enough? Once it is, adding more does not change it. */
int playcount_union_enough(const playcount_union *u);

/* Whether the memory can be a union: in order, apart, nothing impossible. For what
 * a file or a crash left. */
int playcount_union_valid(const playcount_union *u);

#endif

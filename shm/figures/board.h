/* Values that are the same for everybody and cost something: computed by one
 * process, read by all, in memory that they share.
 *
 *     slot:   version   odd while it is written
 *             begun     when that was begun
 *             wanted    when the value was last asked for; any process
 *             key       what it is the value of
 *             facts     when it was made, and more
 *             bytes     of the value
 *             value
 *             check     hash of key, facts, bytes and value
 *
 * A slot is written by whoever makes its version odd (compare and exchange). A
 * writer that was killed leaves it odd: ten seconds later another may write there.
 * If the first one was only stopped, and goes on then, what both have written is a
 * mixture; the check finds that, and the value is not there. So nothing waits, and
 * nothing but a value that was computed comes out.
 *
 * A key that is not there takes the place of the one that nobody has wanted for
 * longest. Times are in µs, of any one clock.
 */
#ifndef PLAYCOUNT_SHM_BOARD_H
#define PLAYCOUNT_SHM_BOARD_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "apr_pools.h"

#define PLAYCOUNT_BOARD_SLOTS 16

/* Where it lies in this process, and its shape: keys of one size, values of at most
 * `value` bytes; both are multiples of 8. */
typedef struct {
    _Atomic uint64_t *memory;
    size_t key, value;
} playcount_board;

typedef struct {
    uint64_t made;  /* when */
    uint64_t cost;  /* µs of a processor */
    uint64_t stamp; /* the caller's: of which state of things */
} playcount_board_facts;

/* Bytes of memory, to be zeroed. */
size_t playcount_board_size(size_t key, size_t value);

/* The value of a key, in the pool, and when it was made; NULL if there is none, or
 * if it is being written. That it is wanted is noted. Any thread. */
void *playcount_board_read(const playcount_board *board, const void *key,
                           uint64_t now, apr_pool_t *pool, size_t *bytes,
                           playcount_board_facts *facts);

/* Keep a value. What is too long, or comes while another is written, is not kept.
 * Any thread. */
void playcount_board_write(const playcount_board *board, const void *key,
                           uint64_t now, const void *value, size_t bytes,
                           const playcount_board_facts *facts);

/* The key and the facts of slot `at` (below PLAYCOUNT_BOARD_SLOTS), and when it was
 * wanted last; 0 if nothing is there. The key may be a mixture, as above. */
int playcount_board_look(const playcount_board *board, unsigned at, void *key,
                         playcount_board_facts *facts, uint64_t *wanted);

#endif

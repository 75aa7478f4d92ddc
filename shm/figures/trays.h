/* What processes have measured and nobody has added to the figures yet.
 *
 * Adding one request to the figures takes eleven atomic additions, to words that
 * lie in ten cache lines. A process that has a tray writes the request down in it
 * instead, 32 bytes one after another; when the tray is full, its requests are
 * added together: sums once, equal buckets once, and with the code and the lines at
 * hand. Whoever reads the figures has all trays emptied before. So nothing is ever
 * late.
 *
 *     used       so many of the trays have ever been claimed, the first of all;
 *                raised only
 *     tray
 *       owner    pid of the process, 0: free. Claimed by CAS; given back by the
 *                process, or by the parent when it has ended
 *       writing  1: a thread of the owner is putting something in; that thread
 *       written  records put into the tray, ever; that thread, release
 *       taken    records taken out, ever; whoever takes them, by CAS
 *     record
 *       when     request time and application time, 32 bits each
 *       out      output time and output blocks, 32 bits each
 *       length   output length
 *       where    route << 32 | cell
 *
 * Nobody waits. A thread that finds another one writing does without the tray. A
 * record belongs to the one that writes until `written` has passed it, then to
 * whoever moves `taken` past it: that thread has read the records before, and if
 * the CAS succeeds nobody else had them and nobody has written over them, since
 * that needs `taken` to be further. A record is added once.
 *
 * A process that is killed leaves its trays as they are: the parent adds what is in
 * them. Only what the process itself had just taken out is lost with it, one tray
 * at most, as a request always was that it was just adding.
 */
#ifndef PLAYCOUNT_SHM_TRAYS_H
#define PLAYCOUNT_SHM_TRAYS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "shm/figures/figures.h"

#define PLAYCOUNT_TRAY_RECORDS 16

typedef struct {
    _Atomic uint64_t when, out, length, where;
} playcount_tray_record;

typedef struct {
    _Alignas(64) _Atomic int32_t owner;
    _Atomic int32_t writing;
    _Atomic uint64_t written;
    _Atomic uint64_t taken;
    _Alignas(64) playcount_tray_record record[PLAYCOUNT_TRAY_RECORDS];
} playcount_tray;

typedef struct {
    uint32_t count; /* written once, at the start */
    _Atomic uint32_t used;
    playcount_tray tray[];
} playcount_trays;

size_t playcount_trays_size(unsigned count);

/* In zeroed memory. */
void playcount_trays_init(playcount_trays *trays, unsigned count);

/* For the calling process alone, until it is given back; NULL if none is free. */
playcount_tray *playcount_tray_claim(playcount_trays *trays, int32_t pid);

/* When no thread puts anything in any more. */
void playcount_tray_give_back(playcount_tray *tray, playcount_figures *figures);

/* Count one request of a route; 0: it is not counted, as another thread is just
 * counting or a value does not fit. Any thread of the owner. figures[] has all
 * routes. */
int playcount_tray_add(playcount_tray *tray, playcount_figures *figures,
                       unsigned route, unsigned cell,
                       const uint64_t value[PLAYCOUNT_FIGURES]);

/* Add what is in the trays to the figures. Any thread of any process. */
void playcount_trays_empty(playcount_trays *trays, playcount_figures *figures);

/* Empty and free the trays of a process that has ended. Parent only. */
void playcount_trays_release(playcount_trays *trays, playcount_figures *figures,
                             int32_t pid);

#endif

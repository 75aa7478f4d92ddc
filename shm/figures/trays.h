/* What threads have measured and nobody has added to the figures yet.
 *
 * Adding one request to the figures takes eleven atomic additions, to words that
 * lie in ten cache lines. A thread that has a tray writes the request down in it
 * instead, 32 bytes one after another; when the tray is full, its requests are
 * added together: sums once, equal buckets once, and with the code and the lines at
 * hand. Whoever reads the figures has all trays emptied before. So nothing is ever
 * late.
 *
 *     used       so many of the trays have ever been claimed, the first of all;
 *                raised only
 *     tray
 *       owner    pid of the thread's process, 0: free. Claimed by a thread, by
 *                CAS; given back by it, or by the parent for a process that ended
 *       written  records put into the tray, ever; the owner, release
 *       taken    records taken out, ever; whoever takes them, by CAS
 *     record
 *       when     request time and application time, 32 bits each
 *       out      output time and output blocks, 32 bits each
 *       length   output length
 *       where    route << 32 | cell
 *
 * Nothing is locked. A record belongs to the owner until `written` has passed it,
 * then to whoever moves `taken` past it: that thread has read the records before,
 * and if the CAS succeeds nobody else had them and the owner has not written over
 * them, since it waits for `taken`. A record is added once.
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

/* For the calling thread alone, until it gives it back; NULL if none is free. */
playcount_tray *playcount_tray_claim(playcount_trays *trays, int32_t pid);
void playcount_tray_give_back(playcount_tray *tray, playcount_figures *figures);

/* Count one request of a route: the owner. figures[] has all routes. */
void playcount_tray_add(playcount_tray *tray, playcount_figures *figures,
                        unsigned route, unsigned cell,
                        const uint64_t value[PLAYCOUNT_FIGURES]);

/* Add what is in the trays to the figures. Any thread of any process. */
void playcount_trays_empty(playcount_trays *trays, playcount_figures *figures);

/* Empty and free the trays of a process that has ended. Parent only. */
void playcount_trays_release(playcount_trays *trays, playcount_figures *figures,
                             int32_t pid);

#endif

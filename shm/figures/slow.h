/* The last hundred slow requests, in shared memory.
 *
 * A ring. A writer takes the next ticket t (atomic add) and with it entry
 * t mod 100: it sets the entry's version to 2t+1, writes, and sets 2t+2. A
 * writer killed half-way leaves an odd version: readers skip the entry, and
 * the next lap takes it over. Readers copy and compare versions.
 */
#ifndef PLAYCOUNT_SHM_SLOW_H
#define PLAYCOUNT_SHM_SLOW_H

#include "shm/figures/figures.h"

#define PLAYCOUNT_SLOW_ENTRIES 100
#define PLAYCOUNT_SLOW_PATH 191

typedef struct {
    uint64_t when; /* end of the response, microseconds since 1970 */
    uint64_t value[PLAYCOUNT_FIGURES];
    uint32_t route, status, outcome, reserved;
    char method[16];                    /* cut, clean UTF-8 */
    char path[PLAYCOUNT_SLOW_PATH + 1]; /* without query; cut, clean UTF-8 */
} playcount_slow_request;

#define PLAYCOUNT_SLOW_WORDS (sizeof(playcount_slow_request) / sizeof(uint64_t))

typedef struct {
    _Atomic uint64_t tickets;
    struct {
        _Atomic uint64_t version;
        _Atomic uint64_t word[PLAYCOUNT_SLOW_WORDS];
    } entry[PLAYCOUNT_SLOW_ENTRIES];
} playcount_slow;

/* Keep one. Any thread of any process; lock-free. */
void playcount_slow_add(playcount_slow *slow, const playcount_slow_request *r);

/* Copies the last ones, the latest first; returns how many. Any thread of any
 * process. */
unsigned playcount_slow_read(const playcount_slow *slow,
                             playcount_slow_request copy[PLAYCOUNT_SLOW_ENTRIES]);

#endif

/* The names of routes, in shared memory, bounded in number.
 *
 * An open-addressed table of `slots` entries, never emptied; entry number
 * `slots` is the route "other", which is not in the table.
 *
 *     entry:  hash   0: free; else SipHash of the name, set once by CAS
 *             name   64 bytes, written (as words) after the hash
 *             created  µs since 1970, written with the name
 *             ready  1 when these are whole; release, after them
 *
 * Nothing is locked. A process that finds its name's hash in an entry that is not
 * ready writes the name too: the same hash is the same name (the key of the hash is
 * secret, so two names cannot be made to collide), the same words are written, and
 * a process killed between claiming and naming holds up no other.
 */
#ifndef PLAYCOUNT_SHM_ROUTES_H
#define PLAYCOUNT_SHM_ROUTES_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "shm/figures/label.h"

typedef struct {
    _Atomic uint64_t hash;
    _Atomic uint64_t ready;
    _Atomic uint64_t created;
    _Atomic uint64_t name[(PLAYCOUNT_LABEL_MAX + 1) / sizeof(uint64_t)];
} playcount_route_entry;

typedef struct {
    uint64_t key[2]; /* random, written once, before any child lives */
    uint64_t slots;
    _Atomic uint64_t refused; /* labels sent to "other": how often */
    playcount_route_entry entry[];
} playcount_routes;

size_t playcount_routes_size(unsigned slots);

/* In zeroed memory. */
void playcount_routes_init(playcount_routes *routes, unsigned slots,
                           const uint64_t key[2]);

/* The number of a (clean) name: 0 .. slots-1, entered if it is new and there
 * is room; else `slots`, the route "other". *first_refusal is set when this is
 * the first name ever that found no room. Any thread of any process. */
unsigned playcount_routes_find(playcount_routes *routes, const char *name,
                               size_t length, int *first_refusal);

/* The name of route `number`, copied; 0 when there is none (yet). */
int playcount_routes_name(const playcount_routes *routes, unsigned number,
                          char name[PLAYCOUNT_LABEL_MAX + 1]);

/* When route `number` was entered, µs since 1970; 0: it was not, or is "other". */
uint64_t playcount_routes_created(const playcount_routes *routes, unsigned number);

/* How many names are in. */
unsigned playcount_routes_used(const playcount_routes *routes);

#endif

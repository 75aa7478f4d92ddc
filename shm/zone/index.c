/* Entries of the index put in and taken away: see index.h. */

#include "shm/zone/index.h"

#include "shm/zone/ring.h"
#include "shm/zone/slots.h"

void playcount_index_insert(playcount_zone *z, uint64_t place, uint64_t hash)
{
    uint64_t at = index_home(z, hash);
    uint32_t entry = index_tag(z, hash) | (uint32_t)(place + 1);

    for (;; at = index_after(z, at)) {
        uint32_t e = atomic_load_explicit(&z->index[at], memory_order_relaxed);

        if (e == entry) {
            return; /* done before a crash */
        }
        if (!e) {
            break;
        }
    }
    atomic_store_explicit(&z->index[at], entry, memory_order_release);
}

static uint32_t entry_at(const playcount_zone *z, uint64_t at)
{
    return atomic_load_explicit(&z->index[at], memory_order_relaxed);
}

/* How far it is from one entry to another, forwards. */
static uint64_t distance(const playcount_zone *z, uint64_t from, uint64_t to)
{
    return to >= from ? to - from : to + z->index_size - from;
}

/* Take the entry at `at` away. Of those behind it, up to an empty one, each that a
 * probe would no longer reach moves up: it is copied, and its old entry is the next
 * to go. A reader that came too early for the copy and too late for the old one
 * sees that `moved` has changed. */
static void vacate(playcount_zone *z, uint64_t at)
{
    uint64_t next = index_after(z, at);
    uint32_t e;

    for (; (e = entry_at(z, next)); next = index_after(z, next)) {
        uint64_t place = (e & z->place_mask) - 1;
        uint64_t home = index_home(z, playcount_slot_hash(z, place));

        if (distance(z, home, next) >= distance(z, at, next)) {
            atomic_store_explicit(&z->index[at], e, memory_order_release);
            atomic_fetch_add_explicit(&z->head->moved, 1, memory_order_acq_rel);
            at = next;
        }
    }
    atomic_store_explicit(&z->index[at], 0, memory_order_release);
}

/* After a crash in vacate() one entry may stand there twice: the second one goes.
 * Searches the entries from `at` up to an empty one. */
static void vacate_double(playcount_zone *z, uint64_t at)
{
    for (; entry_at(z, at); at = index_after(z, at)) {
        uint64_t other = index_after(z, at);

        for (; entry_at(z, other); other = index_after(z, other)) {
            if (entry_at(z, other) == entry_at(z, at)) {
                vacate(z, other);
                return;
            }
        }
    }
}

void playcount_index_remove(playcount_zone *z, uint64_t place, uint64_t hash)
{
    uint32_t entry = index_tag(z, hash) | (uint32_t)(place + 1);
    uint64_t home = index_home(z, hash), at = home;

    while (entry_at(z, at) && entry_at(z, at) != entry) {
        at = index_after(z, at);
    }
    if (entry_at(z, at)) {
        vacate(z, at);
    }
    else {
        vacate_double(z, home);
    }
}

static void empty_one_by_one(playcount_zone *z, uint64_t epoch, uint64_t used)
{
    uint64_t first = zone_first(z, epoch);

    while (used-- > 0) {
        uint64_t place = ring_place(z, first, used);

        playcount_index_remove(z, place, playcount_slot_hash(z, place));
    }
}

void playcount_index_empty(playcount_zone *z, uint64_t epoch, uint64_t used)
{
    /* A nearly empty index is not written all over: its pages would be taken
     * just to hold zeros. */
    if (used < z->index_size / 64) {
        empty_one_by_one(z, epoch, used);
        return;
    }
    for (uint64_t at = 0; at < z->index_size; at++) {
        if (atomic_load_explicit(&z->index[at], memory_order_relaxed)) {
            atomic_store_explicit(&z->index[at], 0, memory_order_release);
        }
    }
}

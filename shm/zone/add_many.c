/* Many adds at once, all or none: the journal is filled here. What it is, and how
 * it is finished or undone: journal.h. */

#include "shm/zone/journal.h"
#include "shm/zone/key_cells.h"
#include "shm/zone/lock.h"
#include "shm/zone/lookup.h"
#include "shm/zone/ring.h"

#define UNKNOWN UINT32_MAX
#define AT_ONCE 48 /* lookups whose cache misses overlap; 16 and 128 are slower */

/* Look the songs up, some at a time, so that their cache misses overlap. */
static void look_up(playcount_zone *z, uint64_t epoch, playcount_play *plays,
                    apr_size_t n)
{
    for (apr_size_t from = 0; from < n; from += AT_ONCE) {
        apr_size_t to = from + AT_ONCE < n ? from + AT_ONCE : n;

        for (apr_size_t i = from; i < to; i++) {
            playcount_index_prefetch(z, plays[i].hash);
        }
        for (apr_size_t i = from; i < to; i++) {
            playcount_index_prefetch_slot(z, plays[i].hash);
        }
        for (apr_size_t i = from; i < to; i++) {
            playcount_play *p = &plays[i];
            song_key key = key_with_hash(p->id, p->length, p->hash);
            uint64_t place = find_song(z, epoch, &key).place;

            p->place = place == NO_PLACE ? UNKNOWN : (uint32_t)place;
        }
    }
}

/* Under the lock: a song that was not there may be there by now, and after a clear
 * nothing is where it was. Returns how many songs are new. */
static uint64_t look_again(playcount_zone *z, uint64_t before,
                           playcount_play *plays, apr_size_t n)
{
    uint64_t epoch = word_epoch(zone_state(z));
    uint64_t fresh = 0;

    if (epoch != before) {
        look_up(z, epoch, plays, n);
    }
    for (apr_size_t i = 0; i < n; i++) {
        if (plays[i].place == UNKNOWN) {
            look_up(z, epoch, &plays[i], 1);
            fresh += plays[i].place == UNKNOWN;
        }
    }
    return fresh;
}

static void prepare(playcount_zone *z, playcount_play *plays, apr_size_t n,
                    const playcount_claim *claim)
{
    zone_header *head = z->head;
    uint64_t state = zone_state(z);
    uint64_t epoch = word_epoch(state);
    uint64_t first = zone_first(z, epoch);
    uint64_t used = state & STATE_USED;

    for (apr_size_t i = 0; i < n; i++) {
        journal_entry *e = &z->journal[i];

        e->fresh = plays[i].place == UNKNOWN;
        if (e->fresh) {
            plays[i].place = (uint32_t)ring_place(z, first, used++);
        }
        e->place = plays[i].place;
        e->by = plays[i].by;
        e->count = 0;
    }
    head->op_entries = (uint32_t)n;
    head->op_used = used;
    head->op_heap_end = head->heap_end;
    head->op_key = claim ? claim->number : 0;
    head->op_fingerprint = claim ? claim->fingerprint : 0;
    head->op_answers = head->answers_end;
    zone_set_op(z, OP_PREPARE);

    for (apr_size_t i = 0; i < n; i++) {
        playcount_play *p = &plays[i];

        if (z->journal[i].fresh) {
            playcount_slot_write(z, p->place, p->id, p->length, p->hash, epoch,
                                 WORD_FROZEN);
        }
        else {
            atomic_fetch_or_explicit(&z->slots[p->place].word, WORD_FROZEN,
                                     memory_order_acq_rel);
        }
    }
}

apr_status_t playcount_zone_add_many(playcount_zone *z, playcount_play *plays,
                                     apr_size_t n, const playcount_claim *claim)
{
    uint64_t epoch = word_epoch(zone_state(z));
    uint64_t state, taken;
    apr_status_t rv;

    if (n < 1 || n > PLAYCOUNT_BATCH_MAX) {
        return APR_EINVAL;
    }
    look_up(z, epoch, plays, n);
    if ((rv = playcount_zone_lock(z)) != APR_SUCCESS) {
        return rv;
    }
    if (claim && !playcount_key_claimed(z, claim->number)) {
        playcount_zone_unlock(z);
        return APR_EBUSY;
    }
    taken = look_again(z, epoch, plays, n);
    state = zone_state(z);
    taken += (state & STATE_USED) + zone_ghosts(z, word_epoch(state));
    if (taken > z->songs) {
        playcount_zone_unlock(z);
        return APR_ENOSPC;
    }
    prepare(z, plays, n, claim);
    zone_set_op(z, OP_COMMIT);
    playcount_journal_finish(z);
    for (apr_size_t i = 0; i < n; i++) {
        plays[i].count = z->journal[i].shown;
    }
    playcount_zone_unlock(z);
    return APR_SUCCESS;
}

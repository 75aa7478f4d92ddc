/* Forgetting one song: what it leaves, and when its place is free, is in left.h. */

#include "shm/zone/left.h"
#include "shm/zone/lock.h"
#include "shm/zone/lookup.h"
#include "shm/zone/ring.h"

apr_status_t playcount_zone_forget(playcount_zone *z, const char *id,
                                   apr_size_t length, uint64_t *count)
{
    song_key key = key_of(z, id, length);
    apr_status_t rv = playcount_zone_lock(z);
    uint64_t place;

    if (rv != APR_SUCCESS) {
        return rv;
    }
    place = find_song(z, word_epoch(zone_state(z)), &key).place;
    if (z->head->writer_step) {
        rv = APR_ENOTIMPL;
    }
    else if (place == NO_PLACE) {
        rv = APR_NOTFOUND;
    }
    else {
        rv = playcount_batch_is_open(z)
                 ? APR_EBUSY
                 : playcount_forget_slot(z, place, count, OP_NONE);
        if (rv == APR_EBUSY) {
            rv = playcount_leave(z, place, &key, count);
        }
    }
    playcount_zone_unlock(z);
    return rv;
}

void playcount_zone_set_handed_over(playcount_zone *z)
{
    z->handed_over = 1;
}

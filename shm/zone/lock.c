/* The lock, over the repair: see lock.h. */

#include "shm/zone/lock.h"

#include "shm/zone/repair.h"

apr_status_t playcount_zone_lock(playcount_zone *z)
{
    if (z->lock) {
        apr_status_t rv = apr_global_mutex_lock(z->lock);

        if (rv != APR_SUCCESS) {
            return rv;
        }
    }
    if (atomic_load_explicit(&z->head->op, memory_order_acquire) != OP_NONE) {
        playcount_repair(z);
    }
    return APR_SUCCESS;
}

void playcount_zone_unlock(playcount_zone *z)
{
    if (z->lock) {
        apr_global_mutex_unlock(z->lock);
    }
}

apr_status_t playcount_zone_repair(playcount_zone *z)
{
    apr_status_t rv = APR_SUCCESS;

    if (atomic_load_explicit(&z->head->op, memory_order_acquire) != OP_NONE) {
        rv = playcount_zone_lock(z);
        if (rv == APR_SUCCESS) {
            playcount_zone_unlock(z);
        }
    }
    return rv;
}

/* Writing a zone to the disk: see sync.h. */

#include "shm/zone/sync.h"

#include <sys/mman.h>

#include "shm/zone/layout.h"

void playcount_zone_set_in_file(playcount_zone *z)
{
    z->in_file = 1;
}

apr_status_t playcount_zone_sync(playcount_zone *z)
{
    uint64_t state = zone_state(z);
    uint64_t generation =
        atomic_load_explicit(&z->head->generation, memory_order_relaxed);

    if (!z->in_file) {
        return APR_SUCCESS;
    }
    if (msync(z->head, z->head->at.end, MS_SYNC) != 0) {
        return apr_get_os_error();
    }
    /* These go to the disk with the next sync: then these songs must be there. */
    atomic_store_explicit(&z->head->generation_synced, generation,
                          memory_order_relaxed);
    atomic_store_explicit(&z->head->synced, state, memory_order_release);
    return APR_SUCCESS;
}

apr_status_t playcount_zone_sync_header(playcount_zone *z)
{
    if (!z->in_file) {
        return APR_SUCCESS;
    }
    return msync(z->head, ZONE_PAGE, MS_SYNC) == 0 ? APR_SUCCESS
                                                   : apr_get_os_error();
}

/* A zone whose file cannot be read or written any more: see failed.h. */

#include "shm/zone/failed.h"

#include "shm/fault/fault.h"
#include "shm/zone/layout.h"

static_assert(ZONE_PAGE == PLAYCOUNT_FAULT_PAGE, "the header is what is replaced");

int playcount_zone_failed(const playcount_zone *z)
{
    return z->failed && atomic_load_explicit(z->failed, memory_order_acquire);
}

void playcount_zone_mark_failed(playcount_zone *z)
{
    if (z->failed) {
        atomic_store_explicit(z->failed, 1, memory_order_release);
    }
}

void playcount_zone_guard(playcount_zone *z, _Atomic uint32_t *failed,
                          apr_pool_t *pool)
{
    _Alignas(zone_header) char page[ZONE_PAGE] = {0};
    zone_header *head = (zone_header *)page;
    playcount_zone_size size = {z->songs, z->head->keys};

    playcount_layout(head, &size);
    head->seed = z->seed;
    head->identity = z->head->identity;
    z->failed = failed;
    playcount_fault_watch(z->head, head->at.end, page, failed, pool);
}

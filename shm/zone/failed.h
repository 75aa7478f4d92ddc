/* A zone whose file cannot be read or written any more: shm/fault/fault.h says what
 * happens then. An empty zone of the same geometry takes its place, with the epoch
 * 0, which no other has: listings and batches that are being read find that it was
 * cleared, and end. Whoever uses the zone asks playcount_zone_failed() (zone.h)
 * after the operation. */
#ifndef PLAYCOUNT_SHM_FAILED_H
#define PLAYCOUNT_SHM_FAILED_H

#include <stdatomic.h>

#include "shm/zone/zone.h"

/* Watch over this handle's mapping, until the pool goes. The mark must be in memory
 * that all processes share, and outlive the pool. Not thread-safe. */
void playcount_zone_guard(playcount_zone *zone, _Atomic uint32_t *failed,
                          apr_pool_t *pool);

/* [any] Mark it as failed, if that is found out otherwise. */
void playcount_zone_mark_failed(playcount_zone *zone);

#endif

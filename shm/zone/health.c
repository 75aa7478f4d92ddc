/* See health.h. The values are independent of each other. */
#include "shm/zone/health.h"

#include "shm/zone/layout.h"

static void store(_Atomic uint64_t *to, uint64_t value)
{
    atomic_store_explicit(to, value, memory_order_relaxed);
}

static uint64_t load(const _Atomic uint64_t *from)
{
    return atomic_load_explicit(from, memory_order_relaxed);
}

void playcount_cluster_report(playcount_zone *z,
                              const playcount_cluster_health *health)
{
    store(&z->head->round_time, health->round_time);
    store(&z->head->unread_tags, health->unread_tags);
    store(&z->head->unfit_songs, health->unfit_songs);
    store(&z->head->forgotten_tags, health->forgotten_tags);
}

int playcount_cluster_get_health(const playcount_zone *z,
                                 playcount_cluster_health *health)
{
    health->round_time = load(&z->head->round_time);
    health->unread_tags = load(&z->head->unread_tags);
    health->unfit_songs = load(&z->head->unfit_songs);
    health->forgotten_tags = load(&z->head->forgotten_tags);
    return z->shows_totals;
}

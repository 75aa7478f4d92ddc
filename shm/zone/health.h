/* How a zone in a cluster (writer.h) is doing, to be shown. */
#ifndef PLAYCOUNT_SHM_HEALTH_H
#define PLAYCOUNT_SHM_HEALTH_H

#include "shm/zone/zone.h"

typedef struct {
    uint64_t round_time;     /* when a round last came to its end, or the server was
                                started since, in seconds since 1970 */
    uint64_t unread_tags;    /* of which it is not known yet what others have */
    uint64_t unfit_songs;    /* of others, that do not fit into the zone */
    uint64_t forgotten_tags; /* ever found behind what the cluster had confirmed */
} playcount_cluster_health;

/* [any] The process that delivers says so. */
void playcount_cluster_report(playcount_zone *zone,
                              const playcount_cluster_health *health);

/* [any] What was said last. 0 when the zone is in no cluster. */
int playcount_cluster_get_health(const playcount_zone *zone,
                                 playcount_cluster_health *health);

#endif

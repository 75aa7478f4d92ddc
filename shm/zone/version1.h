/* Zones of layout version 1, which had no shares: opened as they are, in a private
 * copy, to be made again in the present layout. Only file.c uses this.
 *
 *     version 1                    in the copy
 *     header                       header, with what is new in it 0
 *     index slots marks wide       index slots marks wide
 *     heap journal keys ...        heap journal keys ...
 *                                  shares (0: no cluster has ever seen the zone)
 *
 * In the header the places of the regions were one word shorter; what follows
 * `failing` was nearer. Nothing else has moved, and no value has changed its
 * meaning.
 */
#ifndef PLAYCOUNT_SHM_VERSION1_H
#define PLAYCOUNT_SHM_VERSION1_H

#include "shm/zone/zone.h"

/* 1 if this header (a page) is of a sound zone of version 1 in a file of so many
 * bytes; its size then. */
int playcount_version1_is_sound(const void *header, uint64_t bytes,
                                playcount_zone_size *size);

/* Map the file into memory of our own that reads like a zone of version 2: what is
 * written there does not reach the file. *mapped is its length, for munmap(). NULL
 * with errno set if that fails. */
void *playcount_version1_map(int fd, uint64_t bytes, uint64_t *mapped);

#endif

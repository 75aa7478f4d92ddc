/* What is in a zone's file, and may it be opened? Nothing here changes it. Only
 * file.c uses this, which declares playcount_file_look() (file.h). */
#ifndef PLAYCOUNT_SHM_LOOK_H
#define PLAYCOUNT_SHM_LOOK_H

#include "shm/zone/new_file.h"

#define PLAYCOUNT_FILE_IN_USE "is in use by another server or another zone"

/* Find it (playcount_file_locate() of new_file.h), and see that what has the name,
 * if anything, is a file. */
apr_status_t playcount_file_find(opening *o);

/* The header: sets m->bytes, version and size. */
apr_status_t playcount_file_check_header(const opening *o, mapping *m);

/* All of it, in the present layout from then on: is the zone sound, and has one of
 * this size room for its songs? */
apr_status_t playcount_file_check_songs(const opening *o, playcount_zone *z,
                                        const playcount_zone_size *size);

/* A private copy of the file in memory, of layout version 2 or later: what is
 * written there does not reach the file. For munmap(). */
apr_status_t playcount_file_map_copy(const opening *o, const mapping *m,
                                     void **copy, uint64_t *bytes);

#endif

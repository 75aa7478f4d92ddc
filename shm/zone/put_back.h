/* A zone's file that has lost its name while it is open.
 *
 * A file that still has a name elsewhere (it was moved) gets its own back as well,
 * and nothing has happened.
 *
 * One that was deleted has no name at all, and the system gives it none again. What
 * counts goes on in it, because all processes have it mapped. So a *copy* is put in
 * its place, and brought up to date again and again. What was counted after the
 * last time is lost if the whole server is killed; a server that stops brings it up
 * to date once more at the very end, and loses nothing.
 *
 * The copy is what a power loss leaves of a file: pages of different moments, none
 * older than the last update that ended. The recovery knows how to read that
 * (docs/CRASHES.md). Therefore the header goes last, and says no more of `synced`
 * than was true when the update began; and it names no start of the system, so that
 * it is not trusted. The last one, which nothing counts beside, is.
 *
 * What stands under the name is never overwritten.
 */
#ifndef PLAYCOUNT_SHM_PUT_BACK_H
#define PLAYCOUNT_SHM_PUT_BACK_H

#include "shm/zone/file.h"

typedef struct playcount_zone_copy playcount_zone_copy;

/* Give the open file its name back. APR_EEXIST: something else has the name;
 * ENOENT: it has no name left, or its directory is gone; another error: a copy must
 * do. */
apr_status_t playcount_file_link(const char *path, int fd, apr_pool_t *pool);

/* Begin a copy of the zone, to be put under the name by its first update. It is
 * open, locked and mapped as long as the pool lives. On an error *why is half a
 * sentence about it, here and below. */
apr_status_t playcount_copy_make(playcount_zone_copy **copy, const char *path,
                                 playcount_zone *zone, int fd, apr_pool_t *pool,
                                 const char **why);

/* [lock, for the header] Bring it up to date, for so long: APR_INCOMPLETE if there
 * is more to do, which the next call goes on with. When the first update has come
 * to its end, the copy is put under the name, which must be free. */
apr_status_t playcount_copy_update(playcount_zone_copy *copy, playcount_zone *zone,
                                   apr_interval_time_t limit, const char **why);

/* The same without a limit, when nothing else uses the zone any more; and it is
 * written to the disk. */
apr_status_t playcount_copy_finish(playcount_zone_copy *copy, playcount_zone *zone,
                                   const char **why);

/* Has it got the name? */
int playcount_copy_is_placed(const playcount_zone_copy *copy);

/* Before its pool goes: one that has not got the name is removed. */
void playcount_copy_drop(const playcount_zone_copy *copy);

/* Which file it is. */
void playcount_copy_place(const playcount_zone_copy *copy, uint64_t *device,
                          uint64_t *inode);

#endif

/* A zone in a file.
 *
 * The file is the shared memory: it is mapped, and a play is in the system's
 * page cache the moment it is counted, so killing every process loses nothing.
 * Against power loss playcount_zone_sync() writes it to the disk.
 *
 * The file has its full size from its creation (a hole on a full disk would be
 * a SIGBUS later) and is locked (flock) for as long as a process that inherited
 * its descriptor lives, so that a second server cannot open it. It is made, and
 * made again in another size, under the name PATH.new and renamed when it is
 * whole and on the disk: whatever happens, the old one stays as it was.
 */
#ifndef PLAYCOUNT_SHM_FILE_H
#define PLAYCOUNT_SHM_FILE_H

#include "shm/zone/zone.h"

typedef struct {
    void *memory;   /* the mapping, for playcount_zone_attach() */
    uint64_t bytes; /* its size */
    uint64_t gaps;  /* songs that a power loss took: they were registered after
                       the last sync */
    int created;    /* 1 if there was no file */
    uint64_t device, inode; /* which file it is */
    int fd;                 /* open and locked */
} playcount_file;

/* Open the zone in the file `path`, or make it, in exactly this size. Descriptor
 * and mapping belong to the pool. When it cannot be opened, *why says so in
 * half a sentence ("is in use by another server"), and the file is as it was.
 * Not for two threads at the same time. */
apr_status_t playcount_file_open(playcount_file *file, const char *path,
                                 const playcount_zone_size *size, apr_pool_t *pool,
                                 const char **why);

/* The same for a file that has failed (failed.h), or what has been put in its
 * place: `fd` is the one that was opened, with its lock, which other processes may
 * share. No other process may use the zone meanwhile: hold its lock. There must be
 * a file.
 */
apr_status_t playcount_file_reopen(playcount_file *file, const char *path,
                                   const playcount_zone_size *size, int fd,
                                   apr_pool_t *pool, const char **why);

/* Could that be opened or made? Looks only: nothing is made or changed. All of the
 * file is read. APR_EAGAIN: a server has it open; no more can be said then, and it
 * is none the worse for it. *why as above. */
apr_status_t playcount_file_look(const char *path, const playcount_zone_size *size,
                                 apr_pool_t *pool, const char **why);

/* [any] Is the file with this name still the one that was opened? 1 if it is, or if
 * this process may not look; 0 if there is none; -1 if it is another one. */
int playcount_file_is_there(const char *path, uint64_t device, uint64_t inode);

#endif

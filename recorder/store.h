/* The directory of a recorder. It knows nothing of httpd; all calls may wait for
 * the disk.
 *
 *     DIR/                                          0700, of the user who serves
 *       20261125T231455.123456Z-17-4711-GET-song/   one record, the 17th, by 4711
 *         request-headers  request-body  response-headers  response-body  meta
 *       .writing-4711-1/                            a store's own, locked (flock)
 *         20261125T.../                             a record on its way
 *
 * A record is written in the store's own directory and renamed when it is whole; an
 * old one is renamed back into it before it is removed. So DIR holds whole records
 * only, whatever is killed when. What a killed process leaves is one .writing-
 * directory without a lock, which the next store that is opened removes.
 *
 * Names begin with the time in UTC, so they sort by it; number and process make
 * them unique.
 *
 * No link is followed below DIR's own name, and DIR must be a directory of our own
 * in which nobody else may write: what is created there is created where it seems.
 */
#ifndef PLAYCOUNT_RECORDER_STORE_H
#define PLAYCOUNT_RECORDER_STORE_H

#include <stdint.h>
#include <sys/types.h>

#include "apr_pools.h"

typedef struct playcount_store playcount_store;

/* A file of a record. */
typedef struct {
    const char *name;
    const char *data;
    apr_size_t length;
} playcount_store_file;

/* Is DIR, or what is above it if it is not there yet, fit for this user's records?
 * NULL, or half a sentence about DIR. */
const char *playcount_store_fault(const char *dir, uid_t uid, apr_pool_t *pool);

/* Make DIR for this user if it is not there. By root, or by that user. errno or 0.
 */
int playcount_store_make(const char *dir, uid_t uid, gid_t gid);

/* The highest number of a record in DIR, 0 if there is none. */
uint64_t playcount_store_last(const char *dir);

/* Open a store in DIR, remove what killed ones left. 0 and a malloc()ed store, or
 * errno (EPERM: not our own, or others may write there). */
int playcount_store_open(const char *dir, playcount_store **store);

void playcount_store_close(playcount_store *store);

/* Write one record; errno or 0. There is no part of it in DIR after an error. */
int playcount_store_write(playcount_store *store, const char *name,
                          const playcount_store_file *files, int n);

/* Remove the oldest records until `keep` are left; how many are, or -1. */
int playcount_store_keep(playcount_store *store, int keep);

#endif

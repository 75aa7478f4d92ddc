/* May root open this path for writing? A user who may write into a directory can
 * put a link where a file is expected, and root would write to what the link leads
 * to. */
#ifndef PLAYCOUNT_SHM_TRUST_H
#define PLAYCOUNT_SHM_TRUST_H

#include "apr_pools.h"

/* NULL, or half a sentence that says what is wrong. Always NULL for users other
 * than root: they can lose no more than what is theirs.
 *
 * Each directory on the way must belong to root, and be writable by no other user
 * unless it is sticky, as /tmp is; the file itself may be a link only if root made
 * it. Parts of the path that are not there are passed over: opening them will
 * report that. */
const char *playcount_path_distrust(const char *path, apr_pool_t *pool);

#endif

/* May root open this path for writing? Whoever may write into a directory can put a
 * link where a file is expected, and root would write to what the link leads to.
 * Only file.c uses this. */
#ifndef PLAYCOUNT_SHM_TRUST_H
#define PLAYCOUNT_SHM_TRUST_H

#include "apr_pools.h"

/* NULL, or half a sentence that says what is wrong. For other users than root
 * always NULL: they can lose no more than what is theirs.
 *
 * Each directory on the way must belong to root, and be writable for nobody else
 * unless it is sticky, as /tmp is; the file itself may be a link only if root made
 * it. Parts of the path that are not there are passed over: to open them will say
 * so. */
const char *playcount_path_distrust(const char *path, apr_pool_t *pool);

#endif

/* XXH3 (xxhash.com), whose results are fixed for good since its release 0.8; so
 * they may stand in files. Inlined: an id is hashed for every play. */
#ifndef PLAYCOUNT_SHM_HASH_H
#define PLAYCOUNT_SHM_HASH_H

#define XXH_INLINE_ALL
#include <xxhash.h>

#endif

/* What every request goes through, and what hardly one does.
 *
 * A request of httpd's runs through more code than the processor's first cache
 * holds. So each line of ours that it touches is fetched anew: what a small
 * function costs is not its instructions but its lines. The linker puts hot
 * functions side by side, without the rest of their files in between, and cold ones
 * elsewhere. The same goes for what they read: the few variables that every request
 * needs lie together, and hardly one is written after the start.
 */
#ifndef PLAYCOUNT_SHM_HOT_H
#define PLAYCOUNT_SHM_HOT_H

#include <stdint.h>

#include "apr_pools.h"

#define PLAYCOUNT_HOT __attribute__((hot))
#define PLAYCOUNT_COLD __attribute__((noinline, cold))
#define PLAYCOUNT_AT_HAND __attribute__((section("playcount_at_hand")))

/* What seldom holds: what follows from it stands behind the function's end. */
#define PLAYCOUNT_SELDOM(x) __builtin_expect(!!(x), 0)

/* Zeroed memory that begins with a line of the cache, for what is ordered so that
 * each request touches its first line only. */
static inline void *playcount_on_a_line(apr_pool_t *pool, apr_size_t size)
{
    const uintptr_t line = 64;
    char *memory = apr_pcalloc(pool, size + line - 1);

    return memory + (-(uintptr_t)memory & (line - 1));
}

#endif

/* What every request goes through, and what hardly one does.
 *
 * A request of httpd's runs through more code than the processor's first cache
 * holds. So each line of ours that it touches is fetched anew: what a small
 * function costs is not its instructions but its lines. The linker puts hot
 * functions side by side, without the rest of their files in between, and cold ones
 * elsewhere.
 */
#ifndef PLAYCOUNT_SHM_HOT_H
#define PLAYCOUNT_SHM_HOT_H

#define PLAYCOUNT_HOT __attribute__((hot))
#define PLAYCOUNT_COLD __attribute__((noinline, cold))

/* What seldom holds: what follows from it stands behind the function's end. */
#define PLAYCOUNT_SELDOM(x) __builtin_expect(!!(x), 0)

#endif

/* A page of a mapped file that cannot be read or written.
 *
 * The file was cut short, the disk has no room for a page that was a hole, or it is
 * broken: the system then raises SIGBUS at the instruction that touched the page. A
 * process that did not catch it would die, and so would every one that is started
 * in its place, which takes the whole server down.
 *
 * So it is caught. The memory is marked as failed, in memory that all processes
 * share, and the whole mapping is replaced, by one system call, by private memory
 * that begins with a given page, and is zero behind it. The instruction is done
 * again there and goes on: whatever was under way ends, with results that mean
 * nothing. Therefore whoever uses such memory looks at the mark *after* the
 * operation, and throws the result away. Other processes may still have the file;
 * what they did there before they saw the mark is done. It stays marked until the
 * server ends.
 *
 * The page must be such that no operation on what it begins fails or loops: an
 * empty zone, or empty tables, of the same geometry.
 *
 * No jump out of the signal handler: it would have to leave locks behind, and every
 * operation would have to save where to jump to.
 */
#ifndef PLAYCOUNT_SHM_FAULT_H
#define PLAYCOUNT_SHM_FAULT_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "apr_pools.h"

#define PLAYCOUNT_FAULT_PAGE 4096

/* Watch over this mapping, until the pool goes. `page` has the first bytes of what
 * takes its place, copied now. The mark must be in memory that all processes share,
 * and outlive the pool. Not thread-safe. */
void playcount_fault_watch(void *mapping, size_t bytes,
                           const char page[PLAYCOUNT_FAULT_PAGE],
                           _Atomic uint32_t *failed, apr_pool_t *pool);

/* Catch SIGBUS in this process from now on, if it is not caught yet; what is not in
 * a mapping that is watched over goes on to the handler that was there before. A
 * child inherits it. httpd sets a handler of its own at each start, so this is
 * called in each child, and in the parent before it touches such memory. */
void playcount_fault_catch(void);

/* Have this called for each SIGBUS that is not of a mapping that is watched over,
 * before it goes on to the handler that was there before; in the signal handler, so
 * it may do only what is safe there. NULL: nobody. */
void playcount_fault_tell(void (*stranger)(int signal_number));

/* No longer, because the code of the handler may go. */
void playcount_fault_release(void);

#endif

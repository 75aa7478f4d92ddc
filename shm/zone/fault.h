/* A page of a zone's file that cannot be read or written.
 *
 * The file was cut short, the disk has no room for a page that was a hole, or it is
 * broken: the system then raises SIGBUS at the instruction that touched the page. A
 * process that did not catch it would die, and so would every one that is started
 * in its place, which takes the whole server down.
 *
 * So it is caught. The zone is marked as failed, in memory that all processes
 * share, and the whole mapping is replaced, by one system call, by private memory
 * with an empty zone of the same geometry. The instruction is done again there and
 * goes on: whatever was under way ends, with results that mean nothing. Therefore
 * who uses a zone asks playcount_zone_failed() *after* the operation, and throws
 * the result away. Other processes may still have the file; what they counted there
 * before they saw the mark is counted. It stays marked until the server ends.
 *
 * The empty zone has the epoch 0, which no other has: listings and batches that are
 * being read find that it was cleared, and end.
 *
 * No jump out of the signal handler: it would have to leave locks behind, and every
 * operation would have to save where to jump to.
 */
#ifndef PLAYCOUNT_SHM_FAULT_H
#define PLAYCOUNT_SHM_FAULT_H

#include <stdatomic.h>

#include "shm/zone/zone.h"

/* Watch over this handle's mapping, until the pool goes. The mark must be in memory
 * that all processes share, and outlive the pool. Not thread-safe. */
void playcount_fault_guard(playcount_zone *zone, _Atomic uint32_t *failed,
                           apr_pool_t *pool);

/* Catch SIGBUS in this process from now on, if it is not caught yet; what is not in
 * a mapping that is watched over goes on to the handler that was there before. A
 * child inherits it. httpd sets a handler of its own at each start, so this is
 * called in each child, and in the parent before it touches a zone. */
void playcount_fault_catch(void);

/* No longer, because the code of the handler may go. */
void playcount_fault_release(void);

/* Mark it as failed, if that is found out otherwise. */
void playcount_fault_mark(playcount_zone *zone);

#endif

/* What is left of an operation whose process died, put right. What that can be, and
 * why this is enough: docs/CRASHES.md. */
#ifndef PLAYCOUNT_SHM_REPAIR_H
#define PLAYCOUNT_SHM_REPAIR_H

#include "shm/zone/layout.h"

/* [lock] Finish or undo the operation that the header names. May itself be cut off
 * at any instruction, and repeated. */
void playcount_repair(playcount_zone *z);

#endif

/* What others may know of the recorder: how many requests are recorded, and how
 * many are not. */
#ifndef PLAYCOUNT_RECORDER_SHOWN_H
#define PLAYCOUNT_RECORDER_SHOWN_H

#include <stdint.h>

#include "apr_pools.h"

/* One directory, since the server started. A request is in one of the numbers when
 * it is written or given up, a moment after its response. */
typedef struct {
    const char *dir; /* valid UTF-8 */
    uint64_t records;
    uint64_t dropped; /* not recorded: no memory, or the disk refused */
    int paused;       /* the disk refuses */
} playcount_recorder_shown;

/* All directories that are recorded into, in the pool; returns how many. While the
 * server serves; by any thread. */
int playcount_recorder_show(apr_pool_t *p, playcount_recorder_shown **shown);

/* pre_config: the section in mod_status. */
void playcount_recorder_register_status(void);

#endif

/* What the lane knows of the MPM's threads. */
#ifndef PLAYCOUNT_LANE_WORKER_H
#define PLAYCOUNT_LANE_WORKER_H

#include "httpd.h"
#include "scoreboard.h"

/* This thread begins to work for a connection: returns the count of its turns,
 * which moves on once more when it ends. Any thread may read it as long as the
 * child lives.
 */
_Atomic uint64_t *playcount_lane_worker_turn(void);

/* Have some idle worker take a turn, soon. One call at a time is under way; calls
 * made meanwhile do nothing. The workers have their turns in the order in which
 * they began to wait, by and large. */
void playcount_lane_worker_call(void);

/* In child_init, before the others. */
apr_status_t playcount_lane_worker_child(void);

/* The connection is served in this thread: give it the thread's place in the
 * scoreboard, by this handle, and its number. */
void playcount_lane_worker_sit(conn_rec *c, ap_sb_handle_t *handle);

#endif

/* What the lane knows of the MPM's threads. */
#ifndef PLAYCOUNT_LANE_WORKER_H
#define PLAYCOUNT_LANE_WORKER_H

#include "httpd.h"
#include "scoreboard.h"

/* This thread begins to work for a connection; returns the count of such turns, to
 * be read by any thread as long as the child lives. */
_Atomic uint64_t *playcount_lane_worker_turn(void);

/* The connection is served in this thread: give it the thread's place in the
 * scoreboard, by this handle, and its number. */
void playcount_lane_worker_sit(conn_rec *c, ap_sb_handle_t *handle);

#endif

/* What the lane has done and holds, over all children, in memory that they share.
 * Shown by mod_status. */
#ifndef PLAYCOUNT_LANE_ACCOUNT_H
#define PLAYCOUNT_LANE_ACCOUNT_H

#include "httpd.h"

/* In post_config: find or make the memory. */
apr_status_t playcount_lane_account_open(server_rec *s);

/* In child_init; and in the parent, when a child has ended, in whatever way. */
void playcount_lane_account_child(void);
void playcount_lane_account_ended(pid_t pid);

/* By the loop's thread. */
void playcount_lane_account_connections(int more);
void playcount_lane_account_requests(uint64_t more);
void playcount_lane_account_lent(void);

void playcount_lane_account_register(void);

#endif

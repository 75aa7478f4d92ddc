/* What the files of the loop share with each other only. All of it is for the
 * loop's thread. */
#ifndef PLAYCOUNT_LANE_LOOP_H
#define PLAYCOUNT_LANE_LOOP_H

#include "lane/lane.h"

/* batch.c */
#define PLAYCOUNT_LANE_GROUP                                                       \
    16 /* connections whose requests are answered together */

apr_status_t playcount_lane_batch_create(apr_pool_t *p);

/* Read from these connections (unless may_read is 0: then what was read before is
 * looked at), answer what is known, and see to what comes next for each. */
void playcount_lane_batch(playcount_lane_connection *const *connections, int n,
                          int may_read);

/* enter.c: a connection comes from a worker; is there one whose worker has not let
 * go yet; and take over those whose worker has. `early`: a client waits for that.
 */
void playcount_lane_enter(playcount_lane_connection *k);
int playcount_lane_entering(void);
void playcount_lane_look_at_entering(int early);

/* connection.c: what a connection does next. */
void playcount_lane_watch(playcount_lane_connection *k, int what); /* EPOLL... */
void playcount_lane_unwatch(playcount_lane_connection *k);
void playcount_lane_read_on(playcount_lane_connection *k);
void playcount_lane_write_on(playcount_lane_connection *k);
void playcount_lane_close(playcount_lane_connection *k);   /* gently */
void playcount_lane_destroy(playcount_lane_connection *k); /* at once */
void playcount_lane_ready(playcount_lane_connection *k);   /* its socket is */
void playcount_lane_overdue(
    playcount_lane_connection *k); /* its deadline is past */
void playcount_lane_returned(playcount_lane_connection *k); /* by a worker */

/* loop.c */
extern int playcount_lane_epoll;
extern apr_time_t playcount_lane_now; /* of this pass */
void playcount_lane_link(playcount_lane_connection *k);
void playcount_lane_unlink(playcount_lane_connection *k);

#endif

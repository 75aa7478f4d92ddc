/* A window's requests together, as part of the live JSON: inside the room only. */
#ifndef PLAYCOUNT_METRICS_LIVE_WINDOW_H
#define PLAYCOUNT_METRICS_LIVE_WINDOW_H

#include "metrics/formats.h"

/* The member "window", of one route or (-1) of all, and a comma. OK, or an HTTP
 * status without memory. */
int playcount_write_live_window(playcount_writer *w, unsigned minutes, int route);

/* Once in each child, before it serves. */
void playcount_live_window_child(apr_pool_t *p);

#endif

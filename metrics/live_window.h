/* A window's requests together, as part of the live JSON: inside the room only. */
#ifndef PLAYCOUNT_METRICS_LIVE_WINDOW_H
#define PLAYCOUNT_METRICS_LIVE_WINDOW_H

#include "metrics/formats.h"

/* The member "window", with the histograms of these figures (a bit for each), and a
 * comma. */
void playcount_write_live_window(playcount_writer *w, const playcount_totals *sum,
                                 unsigned figures);

#endif

/* What of the live JSON changes with the interval only, as text: inside the room
 * only. */
#ifndef PLAYCOUNT_METRICS_LIVE_SERIES_H
#define PLAYCOUNT_METRICS_LIVE_SERIES_H

#include "metrics/live.h"

#define PLAYCOUNT_SPARKS                                                           \
    30 /* columns of a row's sparkline, over the whole window */

typedef struct {
    char *bytes; /* malloc'd */
    size_t used, room;
    int failed; /* no memory */
} playcount_text;

typedef struct {
    playcount_text series; /* the member "series" */
    playcount_text routes; /* the rows, each from behind its first two values on */
    struct {
        unsigned route;
        size_t at, end; /* in `routes` */
    } * row;            /* malloc'd */
    unsigned rows;
} playcount_live_text;

/* Compute both from the shared memory; `route` is the number of the query's route,
 * -1 for all. The text must be empty. 0 without memory. playcount_live_forget() in
 * any case. */
int playcount_live_compute(playcount_live_text *text,
                           const playcount_live_query *query, int route,
                           uint64_t now);

void playcount_live_forget(playcount_live_text *text);

#endif

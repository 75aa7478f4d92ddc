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

/* A thousand routes take a tenth of a second. What is that expensive is computed
 * again when it has been good for so many times as long as it took, so that it
 * never costs more than half a percent of a processor. With fifty routes that is
 * each interval. */
#define PLAYCOUNT_LIVE_WORTH 200

/* The member "series". */
typedef struct {
    playcount_text text;
} playcount_live_series;

/* The routes' rows, each from behind its first two values on. */
typedef struct {
    playcount_text text;
    struct {
        unsigned route;
        size_t at, end; /* in `text` */
    } * row;            /* malloc'd */
    unsigned rows;
} playcount_live_rows;

/* The names of a row's values, as JSON strings: the first two, then those of the
 * row. */
extern const char playcount_live_columns[];

/* Compute them from the shared memory; `route` is the number of the query's route,
 * -1 for all. What they write to must be empty. 0 without memory.
 * playcount_live_forget_*() in any case. The rows are the expensive part:
 * milliseconds for fifty routes, a tenth of a second for a thousand. */
int playcount_live_compute_series(playcount_live_series *series,
                                  const playcount_live_query *query, int route,
                                  uint64_t now);
int playcount_live_compute_rows(playcount_live_rows *rows, unsigned minutes,
                                uint64_t now);

/* All requests of the window together, those of one route or (-1) of all. 0 without
 * memory. As expensive as the rows. */
int playcount_live_compute_window(playcount_totals *sum, unsigned minutes,
                                  int route, uint64_t now);

void playcount_live_forget_series(playcount_live_series *series);
void playcount_live_forget_rows(playcount_live_rows *rows);

#endif

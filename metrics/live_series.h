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

void playcount_live_forget_series(playcount_live_series *series);
void playcount_live_forget_rows(playcount_live_rows *rows);

#endif

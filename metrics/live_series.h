/* What of the live JSON changes with the interval only: inside the room only. The
 * rows, the rates and the window are computed once for all processes (kept.h), the
 * series, of which each page wants another part, in each. */
#ifndef PLAYCOUNT_METRICS_LIVE_SERIES_H
#define PLAYCOUNT_METRICS_LIVE_SERIES_H

#include "metrics/live.h"

#define PLAYCOUNT_SPARKS 30 /* parts of a row's sparkline, at most */

typedef struct {
    char *bytes; /* malloc'd */
    size_t used, room;
    int failed; /* no memory */
} playcount_text;

/* The member "series": what is of all figures, then each figure's columns. */
typedef struct {
    playcount_text text;
    size_t figure[PLAYCOUNT_FIGURES + 1]; /* where in `text` they begin, and end */
} playcount_live_series;

/* Columns of the routes' table. The first are of the moment: */
enum {
    PLAYCOUNT_COLUMN_ROUTE,
    PLAYCOUNT_COLUMN_IN_FLIGHT,
    PLAYCOUNT_COLUMN_RATE,
    PLAYCOUNT_COLUMN_ERROR_RATE,
    PLAYCOUNT_COLUMN_ABORTED_RATE,
    PLAYCOUNT_COLUMN_REQUESTS, /* the first of the rows' own */
    PLAYCOUNT_COLUMN_AVERAGE = PLAYCOUNT_COLUMN_REQUESTS + 3,
    PLAYCOUNT_COLUMN_LENGTH_SUM = PLAYCOUNT_COLUMN_REQUESTS + 14,
    PLAYCOUNT_COLUMN_SPARK,
    PLAYCOUNT_COLUMNS
};
#define PLAYCOUNT_ROW_VALUES (PLAYCOUNT_COLUMN_SPARK - PLAYCOUNT_COLUMN_REQUESTS)

extern const char *const playcount_live_columns[PLAYCOUNT_COLUMNS];

/* One route in the last minutes. */
typedef struct {
    uint32_t route, at, end; /* its values as JSON, from REQUESTS on: from where to
                                where of the text that follows the rows */
    uint32_t silent;         /* 1: nothing came */
    double value[PLAYCOUNT_ROW_VALUES];
} playcount_live_row;

typedef struct {
    uint64_t rows;
    double spark_seconds; /* of one part of the sparklines */
    playcount_live_row row[];
    /* text */
} playcount_live_rows;

/* One route in the newest interval: a second, and the same as JSON. */
typedef struct {
    double rate[3]; /* requests, errors, aborted */
    char text[40];
} playcount_live_rate;

typedef playcount_live_rate playcount_live_rates[]; /* by route */

/* What a value of kept.h may take: this, and so much for each route. */
#define PLAYCOUNT_LIVE_VALUE ((sizeof(playcount_totals) + 7) / 8 * 8)
#define PLAYCOUNT_LIVE_ROUTE 768

/* Compute it from the shared memory; `route` is the number of the query's route,
 * -1 for all. What it writes to must be empty. 0 without memory. */
int playcount_live_compute_series(playcount_live_series *series,
                                  const playcount_live_query *query, int route,
                                  uint64_t now);
void playcount_live_forget_series(playcount_live_series *series);

/* The beginning of the first interval that may be shown, counted from 0; the first
 * one of a series is number 0. All that start later than `since` come after it. */
uint64_t playcount_live_intervals_until(uint64_t since);

#endif

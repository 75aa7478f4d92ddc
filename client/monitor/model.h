/* What is known of the server: its last answer, and what the answers before it said
 * of the past.
 *
 * The past and the window are those of one route or of the whole server, as was
 * asked for; the routes' table is always there. Rates are of the intervals of the
 * series (requests in the interval by its length), so they do not depend on how
 * often the monitor asks. A gap in the series is a gap; a server that was restarted
 * begins a new one.
 */
#ifndef PLAYCOUNT_MONITOR_MODEL_H
#define PLAYCOUNT_MONITOR_MODEL_H

#include <stdbool.h>

#include "client/monitor/feed.h"

enum { MODEL_PAST = 3600, MODEL_TREND = 64 };

/* The figures of a request, in the order of the JSON: three times (us), blocks,
 * bytes; and what is known of each in an interval. */
enum { MODEL_FIGURES = 5 };
enum { MODEL_MEDIAN, MODEL_AVERAGE, MODEL_P95, MODEL_P99, MODEL_P999, MODEL_SHORT };
extern const char *const model_figure_names[MODEL_FIGURES];

/* One interval; a rate or a value below 0: nothing is known of that time. */
typedef struct {
    double start;
    double requests, errors, aborted, bytes; /* a second */
    double figure[MODEL_FIGURES][MODEL_SHORT];
} model_moment;

/* What the routes' table has of each, in the order of the live page. */
typedef enum {
    MODEL_REQUESTS,
    MODEL_RATE, /* a second, in the last interval */
    MODEL_IN_FLIGHT,
    MODEL_ERRORS,
    MODEL_ABORTED,
    MODEL_ROUTE_AVERAGE, /* of the request time, as the next */
    MODEL_ROUTE_MEDIAN,
    MODEL_ROUTE_P95,
    MODEL_ROUTE_P99,
    MODEL_ROUTE_P999,
    MODEL_APPLICATION_P95,
    MODEL_OUTPUT_P95,
    MODEL_BLOCKS,
    MODEL_BLOCKS_P95,
    MODEL_BYTES,
    MODEL_BYTES_P95,
    MODEL_COLUMNS
} model_column;

/* One route in the last minutes. Values below 0 are not known: nothing came. */
typedef struct {
    const char *name;
    double value[MODEL_COLUMNS];
    double error_rate, aborted_rate; /* a second, in the last interval */
    double trend[MODEL_TREND];       /* requests a second in `trends` equal parts;
                                        below 0: that time was not measured */
    int trends;
} model_route;

typedef struct {
    const char *zone, *song;
    double count, rate; /* rate below 0: not known yet */
} model_song;

typedef struct model model;

model *model_new(void);
void model_free(model *m);

/* Take in an answer; it becomes the model's. */
void model_take(model *m, json_t *answer, double now);

/* From when on the series of this route ("": of all) and of so many minutes is
 * wanted; 0: all of it. */
double model_since(const model *m, const char *route, int minutes);

/* Of which route the past and the window are; "": of all. */
const char *model_scope(const model *m);

const json_t *model_answer(const model *m);  /* NULL: none yet */
const json_t *model_metrics(const model *m); /* NULL: measured nowhere */

/* All requests of the last minutes together: "requests", "status", "request_time",
 * "histograms" ... */
const json_t *model_window(const model *m);

/* The past, oldest first. */
const model_moment *model_past(const model *m, int *n);

double model_interval(const model *m);  /* seconds, of the series */
double model_restarted(const model *m); /* when it was seen to start; 0: never */

const model_route *model_routes(const model *m, size_t *n);
const model_song *model_songs(const model *m, size_t *n);

/* The slow requests, newest first, as JSON; while they are held, as they were when
 * that began. And how many have come since. */
void model_hold_slow(model *m, bool held);
const json_t *model_slow(const model *m, int *newer);

/* A number at object.a.b (b may be NULL), 0 if there is none. */
double model_number(const json_t *object, const char *a, const char *b);

#endif

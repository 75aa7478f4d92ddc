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

#include "client/monitor/feed.h"

enum { MODEL_PAST = 3600, MODEL_TREND = 64 };

/* One interval; a rate below 0: nothing is known of that time. */
typedef struct {
    double start;
    double requests, errors, aborted, bytes; /* a second */
    double median, average, p95, p99;        /* of the request time, us */
} model_moment;

/* One route in the last minutes. */
typedef struct {
    const char *name;
    double in_flight, requests;
    double rate, errors, aborted; /* a second, in the last interval */
    double median, p95, p99;      /* of the request time, us */
    double blocks, bytes;         /* medians */
    double trend[MODEL_TREND];    /* requests in `trends` equal parts */
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

/* A number at object.a.b (b may be NULL), 0 if there is none. */
double model_number(const json_t *object, const char *a, const char *b);

#endif

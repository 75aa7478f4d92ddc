/* The JSON of the live page and of `playcount monitor`: inside the room only.
 *
 *     ?format=live[&minutes=M][&since=T][&route=NAME][&top=N[&by=COLUMN]]
 *                 [&figures=F,F...][&parts=P,P...][&window=1]
 *
 * The same figures as ?format=json, made for polling: the series in columns, one
 * row for each route, and only what came after `since`. What is the same for all
 * polls of one interval is computed once: the series in each process, all else for
 * all of them (kept.h). In flight, slow requests, events and the handoff are of the
 * moment. docs/metrics.md has the form.
 */
#ifndef PLAYCOUNT_METRICS_LIVE_H
#define PLAYCOUNT_METRICS_LIVE_H

#include "metrics/formats.h"

/* What the answer has, besides what is always there: times, requests in flight,
 * events. */
enum {
    PLAYCOUNT_PART_SERIES = 1,
    PLAYCOUNT_PART_ROUTES = 2,
    PLAYCOUNT_PART_WINDOW = 4, /* all of the minutes together, with histograms */
    PLAYCOUNT_PART_SLOW = 8,
    PLAYCOUNT_PART_ZONES = 16,
    PLAYCOUNT_PART_MEDIA = 32,
    PLAYCOUNT_PARTS = 64 - 1
};

typedef struct {
    unsigned
        minutes; /* what the routes' rows span, and how far the series goes back */
    uint64_t since;    /* µs since 1970: only intervals that start later */
    const char *route; /* its series; NULL: of all routes together */
    unsigned parts;
    unsigned figures; /* a bit for each: of the series and the window */
    unsigned top;     /* so many rows, */
    unsigned by;      /* the highest by this column */
} playcount_live_query;

/* What the URL says. NULL, or the sentence of a 400. */
const char *playcount_live_find_query(request_rec *r,
                                      const playcount_json_query *json,
                                      playcount_live_query *query);

int playcount_write_live(playcount_writer *w, const playcount_live_query *query);

/* Once in each child, before it serves. */
void playcount_live_child(apr_pool_t *p);

#endif

/* The JSON of the live page and of `playcount monitor`: inside the room only.
 *
 *     ?format=live[&minutes=M][&since=T][&route=NAME][&window=1]
 *
 * The same figures as ?format=json, made for polling: the series in columns, one
 * row for each route, and only what came after `since`. What is the same for all
 * polls of one interval is computed once in each process; in flight, slow requests,
 * events and zones are of the moment. docs/metrics.md has the form.
 */
#ifndef PLAYCOUNT_METRICS_LIVE_H
#define PLAYCOUNT_METRICS_LIVE_H

#include "metrics/formats.h"

typedef struct {
    unsigned
        minutes; /* what the routes' rows span, and how far the series goes back */
    uint64_t since;    /* µs since 1970: only intervals that start later */
    const char *route; /* its series; NULL: of all routes together */
    int window;        /* also all of it together, with histograms */
} playcount_live_query;

int playcount_write_live(playcount_writer *w, const playcount_live_query *query);

/* Once in each child, before it serves. */
void playcount_live_child(apr_pool_t *p);

#endif

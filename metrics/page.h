/* The page playcount-metrics: inside the room only. */
#ifndef PLAYCOUNT_METRICS_PAGE_H
#define PLAYCOUNT_METRICS_PAGE_H

#include "metrics/metrics.h"

#include "apr_buckets.h"

/* A response that is written piece by piece; what is ready goes out as it
 * grows, so memory stays small. */
typedef struct {
    request_rec *r;
    apr_bucket_brigade *bb;
} playcount_page;

void playcount_page_put(playcount_page *page, const char *text);
__attribute__((format(printf, 2, 3))) void
playcount_page_printf(playcount_page *page, const char *format, ...);

/* What a query may ask of the JSON. */
typedef struct {
    unsigned minutes; /* how far `recent` and the series go back; 1 to 60 */
    uint64_t since;   /* only intervals that start later, µs since 1970;
                         to a millisecond, as doubles are printed */
} playcount_json_query;

/* prometheus.c, json.c: write all of it. HTTP status or OK. */
int playcount_write_prometheus(playcount_page *page, int openmetrics);
int playcount_write_json(playcount_page *page, const playcount_json_query *query);

/* zones.c: the zones' use, if there are zones. */
void playcount_write_zones_prometheus(playcount_page *page, int openmetrics);
void playcount_write_zones_json(playcount_page *page);

/* A string as JSON has it, without the quotes around it. */
const char *playcount_json_text(apr_pool_t *p, const char *s);

/* A label's value as Prometheus has it, without the quotes around it. */
const char *playcount_prometheus_escape(apr_pool_t *p, const char *s);

#endif

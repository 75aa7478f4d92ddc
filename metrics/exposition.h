/* Metrics in one of the forms that Prometheus reads: its text, OpenMetrics, or
 * protobuf, in which histograms are native ones too. What is shown calls the form's
 * functions and need not know which it is:
 *
 *     begin a family, its samples or histograms, end it; then the next; finish
 *
 * A number is given as a whole one and a scale that it is divided by: 1 for counts,
 * 1e6 for what is counted in µs and shown in seconds.
 *
 * With counters and histograms OpenMetrics and protobuf also say when they began at
 * 0: a Prometheus that reads it sees the first event of one that appears with it.
 */
#ifndef PLAYCOUNT_METRICS_EXPOSITION_H
#define PLAYCOUNT_METRICS_EXPOSITION_H

#include "metrics/metrics.h"
#include "metrics/writer.h"

typedef struct {
    const char *name; /* of a counter without _total */
    enum { PLAYCOUNT_COUNTER, PLAYCOUNT_GAUGE, PLAYCOUNT_HISTOGRAM } type;
    const char *unit; /* or NULL */
    const char *help;
} playcount_family;

typedef struct {
    const char *name;
    const char *value; /* UTF-8 */
    apr_size_t length; /* of the value */
} playcount_pair;

typedef struct {
    const uint64_t *bucket; /* [buckets], log-linear: histogram.h */
    unsigned buckets;
    uint64_t sum;
    double scale;
    const uint64_t *limit; /* [limits]: the buckets of a classic histogram */
    size_t limits;
} playcount_shown_histogram;

typedef struct playcount_form_of_metrics playcount_form_of_metrics;

typedef struct {
    playcount_writer *w;
    const playcount_form_of_metrics *form;
    const playcount_family *family; /* the one under way */
    uint64_t created;    /* of the samples to come, µs since 1970; 0: not known */
    char *message;       /* protobuf: of the family */
    size_t length, room; /* of that */
} playcount_exposition;

struct playcount_form_of_metrics {
    const char *media_type;
    void (*begin)(playcount_exposition *e, const playcount_family *family);
    void (*sample)(playcount_exposition *e, const playcount_pair *labels, int n,
                   uint64_t value, double scale);
    void (*histogram)(playcount_exposition *e, const playcount_pair *label,
                      const playcount_shown_histogram *h);
    void (*end)(playcount_exposition *e);
    void (*finish)(playcount_exposition *e);
};

extern const playcount_form_of_metrics playcount_form_text;
extern const playcount_form_of_metrics playcount_form_openmetrics;
extern const playcount_form_of_metrics playcount_form_protobuf;

#endif

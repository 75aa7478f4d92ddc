/* What the handler playcount-metrics and the formats it can answer in share: inside
 * the room only. */
#ifndef PLAYCOUNT_METRICS_FORMATS_H
#define PLAYCOUNT_METRICS_FORMATS_H

#include "metrics/exposition.h"
#include "metrics/metrics.h"
#include "metrics/writer.h"

/* What a query may ask of the JSON. */
typedef struct {
    unsigned minutes; /* how far `recent` and the series go back; 1 to 60 */
    uint64_t since;   /* only intervals that start later, µs since 1970;
                         to a millisecond, as doubles are printed */
} playcount_json_query;

/* prometheus.c, json.c: write all of it. HTTP status or OK. */
int playcount_write_prometheus(playcount_writer *w,
                               const playcount_form_of_metrics *form);
int playcount_write_json(playcount_writer *w, const playcount_json_query *query);

/* zones.c: the zones' use, if there are zones. `kept`: what reads a whole zone may
 * be an interval old (kept.h). */
void playcount_write_zones_prometheus(playcount_exposition *e);
void playcount_write_zones_json(playcount_writer *w, int kept);

/* json.c: requests by method, status and outcome, and the figures in short, as
 * members. */
void playcount_write_totals_json(playcount_writer *w, const playcount_totals *t);

/* media.c: what media/ has counted, if it counts. */
void playcount_write_media_prometheus(playcount_exposition *e);
void playcount_write_media_json(playcount_writer *w);

/* tasks.c: what one process at a time does, and does it go on? */
void playcount_write_tasks_prometheus(playcount_exposition *e);
void playcount_write_tasks_json(playcount_writer *w);

/* recorder.c: what recorder/ has recorded, if it records; a JSON array. */
void playcount_write_recorder_prometheus(playcount_exposition *e);
void playcount_write_recorder_json(playcount_writer *w);

/* json.c: the members "slow" and "events". */
void playcount_write_slow_json(playcount_writer *w);
void playcount_write_events_json(playcount_writer *w);

/* json.c: a member whose value is a moment: seconds since 1970, with microseconds.
 */
void playcount_json_moment(playcount_writer *w, const char *name, uint64_t us);

/* json.c: a member whose value is a string, with the comma that `before` holds. */
void playcount_json_string(playcount_writer *w, const char *before,
                           const char *name, const char *text);

#endif

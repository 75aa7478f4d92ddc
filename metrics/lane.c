/* Requests that the lane answered: measured without a request_rec. */

#include "metrics/metrics.h"

#include "metrics/clock.h"

int playcount_metrics_lane_route(request_rec *r, int *route, int *method)
{
    const playcount_metrics_dir *conf =
        playcount_dir_conf(r->per_dir_config, PLAYCOUNT_ROOM_METRICS);
    const playcount_sample *s = playcount_sample_of(r);

    *route = s ? (int)s->route : -1;
    *method = r->header_only              ? PLAYCOUNT_METHOD_HEAD
              : r->method_number == M_GET ? PLAYCOUNT_METHOD_GET
                                          : PLAYCOUNT_METHOD_POST;
    return !conf->expr;
}

void playcount_metrics_lane_add(int route, int method, uint64_t all,
                                uint64_t output, uint64_t bytes)
{
    unsigned cell = playcount_cell((playcount_method_e)method, 200 / 100 - 1,
                                   PLAYCOUNT_COMPLETE);
    playcount_sample s;

    s.route = (unsigned)route;
    s.value[PLAYCOUNT_REQUEST_TIME] = playcount_ticks_us(all);
    s.value[PLAYCOUNT_APPLICATION_TIME] = s.value[PLAYCOUNT_REQUEST_TIME];
    s.value[PLAYCOUNT_OUTPUT_TIME] = playcount_ticks_us(output);
    s.value[PLAYCOUNT_OUTPUT_BLOCKS] = 1;
    s.value[PLAYCOUNT_OUTPUT_LENGTH] = bytes;
    playcount_count(s.route, cell, s.value);
    if (playcount_metrics_global->statsd) {
        playcount_statsd_keep(&s, cell);
    }
}

/* Slow requests: a log line, and an entry among the last hundred. */

#include "metrics/metrics.h"

#include "http_log.h"
#include "apr_strings.h"

APLOG_USE_MODULE(playcount);

/* Whole UTF-8 characters only, as many as fit; a question mark for the rest. */
static void clean(char *out, size_t size, const char *in)
{
    size_t used = 0;

    while (*in) {
        size_t n = playcount_utf8_length(in);
        size_t taken = n ? n : 1;

        if (used + taken >= size) {
            break;
        }
        memcpy(out + used, n ? in : "?", taken);
        used += taken;
        in += taken;
    }
    out[used] = '\0';
}

void playcount_slow_keep(request_rec *r, const playcount_sample *s)
{
    playcount_slow_request slow = {
        .when = (uint64_t)apr_time_now(),
        .route = s->route,
        .status = (uint32_t)s->status,
        .outcome = s->outcome,
    };

    memcpy(slow.value, s->value, sizeof(slow.value));
    clean(slow.method, sizeof(slow.method), r->method);
    clean(slow.path, sizeof(slow.path), r->uri);
    playcount_slow_add(playcount_metrics_segment->slow, &slow);
    ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r,
                  "slow request: route \"%s\", %s %s, %s",
                  playcount_route_name(r->pool, s->route), slow.method, slow.path,
                  playcount_sample_text(r, s));
}

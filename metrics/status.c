/* A section on mod_status' page, and lines in its ?auto form, through its hook. */

#include "metrics/metrics.h"

#include "apr_lib.h"

#include "http_protocol.h"
#include "mod_status.h"
#include "apr_optional_hooks.h"
#include "apr_strings.h"

#include "metrics/snapshot.h"

#define RECENT_MINUTES 5

static double ms(uint64_t us)
{
    return (double)us / 1000;
}

/* A route's name as part of a line's key: letters, digits, some signs. */
static const char *key_part(apr_pool_t *p, const char *name)
{
    char *key = apr_pstrdup(p, name);

    for (char *c = key; *c; c++) {
        if (!apr_isalnum(*c) && !strchr("_-./", *c)) {
            *c = '_';
        }
    }
    return key;
}

static void write_line(request_rec *r, const char *key, uint32_t in_flight,
                       const playcount_totals *t)
{
    playcount_summary time;

    playcount_totals_summary(t, PLAYCOUNT_REQUEST_TIME, &time);
    ap_rprintf(
        r,
        "Playcount%s%sRequests: %" APR_UINT64_T_FMT
        "\nPlaycount%s%sInFlight: %u\nPlaycount%s%sAborted: %" APR_UINT64_T_FMT
        "\nPlaycount%s%sErrors: %" APR_UINT64_T_FMT
        "\nPlaycount%s%sRequestTimeMedianMs: %.3f\nPlaycount%s%sRequestTimeP99Ms: "
        "%.3f\nPlaycount%s%sOutputBytes: %" APR_UINT64_T_FMT "\n",
        key, *key ? "-" : "", playcount_totals_requests(t), key, *key ? "-" : "",
        in_flight, key, *key ? "-" : "",
        playcount_totals_outcome(t, PLAYCOUNT_ABORTED), key, *key ? "-" : "",
        playcount_totals_outcome(t, PLAYCOUNT_ERROR), key, *key ? "-" : "",
        ms(time.median), key, *key ? "-" : "", ms(time.p99), key, *key ? "-" : "",
        t->sum[PLAYCOUNT_OUTPUT_LENGTH]);
}

static void write_lines(request_rec *r, const playcount_snapshot *snap)
{
    write_line(r, "", snap->in_flight, snap->life);
    for (unsigned i = 0; i < snap->count; i++) {
        const playcount_route_view *v = &snap->route[i];

        write_line(r, apr_pstrcat(r->pool, "-", key_part(r->pool, v->name), NULL),
                   v->in_flight, v->life);
    }
}

static void write_row(request_rec *r, const char *name, uint32_t in_flight,
                      const playcount_totals *t)
{
    playcount_summary request, application, output, length;

    playcount_totals_summary(t, PLAYCOUNT_REQUEST_TIME, &request);
    playcount_totals_summary(t, PLAYCOUNT_APPLICATION_TIME, &application);
    playcount_totals_summary(t, PLAYCOUNT_OUTPUT_TIME, &output);
    playcount_totals_summary(t, PLAYCOUNT_OUTPUT_LENGTH, &length);
    ap_rprintf(
        r,
        "<tr><td>%s</td><td>%" APR_UINT64_T_FMT
        "</td><td>%u</td><td>%" APR_UINT64_T_FMT "</td><td>%" APR_UINT64_T_FMT
        "</td><td>%.3f</td><td>%.3f</td><td>%.3f</td><td>%.3f</td><td>%.3f</td>"
        "<td>%.3f</td><td>%" APR_UINT64_T_FMT "</td></tr>\n",
        name, playcount_totals_requests(t), in_flight,
        playcount_totals_outcome(t, PLAYCOUNT_ABORTED),
        playcount_totals_outcome(t, PLAYCOUNT_ERROR), ms(request.median),
        ms(request.p95), ms(request.p99), ms(request.highest),
        ms(application.median), ms(output.median), length.sum);
}

static void write_table(request_rec *r, const char *title,
                        const playcount_snapshot *snap, int recent)
{
    ap_rprintf(
        r,
        "<h3>%s</h3>\n<table border=\"1\"><tr><th>Route</th><th>Requests</th>"
        "<th>In flight</th><th>Aborted</th><th>Errors</th>"
        "<th>Request time, median (ms)</th><th>95 %%</th><th>99 %%</th>"
        "<th>max</th><th>Application, median (ms)</th>"
        "<th>Output, median (ms)</th><th>Bytes</th></tr>\n",
        title);
    for (unsigned i = 0; i < snap->count; i++) {
        const playcount_route_view *v = &snap->route[i];
        const playcount_totals *t = recent ? v->recent : v->life;

        if (t) {
            write_row(r, ap_escape_html(r->pool, v->name), v->in_flight, t);
        }
    }
    write_row(r, "<em>all</em>", snap->in_flight,
              recent ? snap->recent : snap->life);
    ap_rputs("</table>\n", r);
}

static int status(request_rec *r, int flags)
{
    const playcount_snapshot *snap;

    if (!playcount_metrics_segment) {
        return DECLINED;
    }
    snap = playcount_snapshot_take(r->pool,
                                   flags & AP_STATUS_SHORT ? 0 : RECENT_MINUTES);
    if (!snap) {
        return DECLINED;
    }
    if (flags & AP_STATUS_SHORT) {
        write_lines(r, snap);
        return OK;
    }
    ap_rputs("<hr />\n<h2>Requests by route (mod_playcount)</h2>\n", r);
    write_table(r, "The last 5 minutes", snap, 1);
    write_table(r, "Since the start", snap, 0);
    return OK;
}

static int late_hook(apr_pool_t *p, apr_pool_t *plog, apr_pool_t *ptemp)
{
    APR_OPTIONAL_HOOK(ap, status_hook, status, NULL, NULL, APR_HOOK_MIDDLE);
    return OK;
}

void playcount_status_register_hooks(apr_pool_t *p)
{
    ap_hook_pre_config(late_hook, NULL, NULL, APR_HOOK_MIDDLE);
}

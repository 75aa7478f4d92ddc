/* A section on mod_status' page, and lines in its ?auto form, through its hook. */

#include "metrics/metrics.h"

#include "apr_lib.h"

#include "mod_status.h"
#include "apr_optional_hooks.h"
#include "apr_strings.h"

#include "metrics/snapshot.h"
#include "metrics/writer.h"

#define RECENT_MINUTES 5

static double ms(uint64_t us)
{
    return (double)us / 1000;
}

/* A route's name as part of a line's key: letters, digits and some signs as they
 * are, the rest as %XX, so that two names never make one key. */
static const char *key_part(apr_pool_t *p, const char *name)
{
    char *key = apr_palloc(p, 3 * strlen(name) + 1), *to = key;

    for (; *name; name++) {
        if (apr_isalnum(*name) || strchr("_-./", *name)) {
            *to++ = *name;
        }
        else {
            to += apr_snprintf(to, 4, "%%%02X", (unsigned char)*name);
        }
    }
    *to = '\0';
    return key;
}

/* The beginning of a line: "Playcount", the route, what it says. */
static void put_key(playcount_writer *w, const char *route, const char *what)
{
    playcount_printf(w, "Playcount%s%s%s%s: ", route ? "-" : "", route ? route : "",
                     route ? "-" : "", what);
}

static void put_count(playcount_writer *w, const char *route, const char *what,
                      uint64_t n)
{
    put_key(w, route, what);
    playcount_put_number(w, n);
    playcount_put(w, "\n");
}

static void put_ms(playcount_writer *w, const char *route, const char *what,
                   uint64_t us)
{
    put_key(w, route, what);
    playcount_printf(w, "%.3f\n", ms(us));
}

static void write_lines(playcount_writer *w, const char *route, uint32_t in_flight,
                        const playcount_totals *t)
{
    playcount_summary time;

    playcount_totals_summary(t, PLAYCOUNT_REQUEST_TIME, &time);
    put_count(w, route, "Requests", playcount_totals_requests(t));
    put_count(w, route, "InFlight", in_flight);
    put_count(w, route, "Aborted", playcount_totals_outcome(t, PLAYCOUNT_ABORTED));
    put_count(w, route, "Errors", playcount_totals_outcome(t, PLAYCOUNT_ERROR));
    put_ms(w, route, "RequestTimeMedianMs", time.median);
    put_ms(w, route, "RequestTimeP99Ms", time.p99);
    put_count(w, route, "OutputBytes", t->sum[PLAYCOUNT_OUTPUT_LENGTH]);
}

static void write_auto(playcount_writer *w, const playcount_snapshot *snap)
{
    write_lines(w, NULL, snap->in_flight, snap->life);
    for (unsigned i = 0; i < snap->count; i++) {
        const playcount_route_view *v = &snap->route[i];

        write_lines(w, key_part(w->r->pool, v->name), v->in_flight, v->life);
    }
}

static void put_cell(playcount_writer *w, uint64_t n)
{
    playcount_put(w, "<td>");
    playcount_put_number(w, n);
    playcount_put(w, "</td>");
}

static void put_ms_cell(playcount_writer *w, uint64_t us)
{
    playcount_printf(w, "<td>%.3f</td>", ms(us));
}

/* The cells of a row after its name. */
static void write_cells(playcount_writer *w, uint32_t in_flight,
                        const playcount_totals *t)
{
    playcount_summary request, application, output, length;

    playcount_totals_summary(t, PLAYCOUNT_REQUEST_TIME, &request);
    playcount_totals_summary(t, PLAYCOUNT_APPLICATION_TIME, &application);
    playcount_totals_summary(t, PLAYCOUNT_OUTPUT_TIME, &output);
    playcount_totals_summary(t, PLAYCOUNT_OUTPUT_LENGTH, &length);
    put_cell(w, playcount_totals_requests(t));
    put_cell(w, in_flight);
    put_cell(w, playcount_totals_outcome(t, PLAYCOUNT_ABORTED));
    put_cell(w, playcount_totals_outcome(t, PLAYCOUNT_ERROR));
    put_ms_cell(w, request.median);
    put_ms_cell(w, request.p95);
    put_ms_cell(w, request.p99);
    put_ms_cell(w, request.highest);
    put_ms_cell(w, application.median);
    put_ms_cell(w, output.median);
    put_cell(w, length.sum);
}

static void write_route(playcount_writer *w, const playcount_route_view *v,
                        const playcount_totals *t)
{
    playcount_put(w, "<tr><td>");
    playcount_put_html(w, v->name, strlen(v->name));
    playcount_put(w, "</td>");
    write_cells(w, v->in_flight, t);
    playcount_put(w, "</tr>\n");
}

static void write_table(playcount_writer *w, const char *title,
                        const playcount_snapshot *snap, int recent)
{
    playcount_printf(
        w,
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
            write_route(w, v, t);
        }
    }
    playcount_put(w, "<tr><td><em>all</em></td>");
    write_cells(w, snap->in_flight, recent ? snap->recent : snap->life);
    playcount_put(w, "</tr>\n</table>\n");
}

static int status(request_rec *r, int flags)
{
    const playcount_snapshot *snap;
    playcount_writer w;

    if (!playcount_metrics_segment) {
        return DECLINED;
    }
    snap = playcount_snapshot_take(r->pool,
                                   flags & AP_STATUS_SHORT ? 0 : RECENT_MINUTES);
    if (!snap) {
        return DECLINED;
    }
    playcount_writer_begin(&w, r);
    if (flags & AP_STATUS_SHORT) {
        write_auto(&w, snap);
    }
    else {
        playcount_put(&w, "<hr />\n<h2>Requests by route (mod_playcount)</h2>\n");
        write_table(&w, "The last 5 minutes", snap, 1);
        write_table(&w, "Since the start", snap, 0);
    }
    playcount_writer_end(&w);
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

/* The handler playcount-metrics: which format is asked for. */

#include "metrics/formats.h"

#include "http_core.h"
#include "http_protocol.h"
#include "apr_lib.h"

#include "server/accept.h"
#include "server/answer.h"
#include "server/dispatch.h"
#include "server/query.h"
#include "server/root.h"

#define DEFAULT_MINUTES 5

typedef enum { PROMETHEUS, OPENMETRICS, JSON } format_e;

static const char *const media_types[] = {
    "text/plain", "application/openmetrics-text", "application/json"};

/* Prometheus' text where Accept leaves the choice, or nothing fits. */
static format_e by_accept(request_rec *r)
{
    return (format_e)playcount_accept_best(
        apr_table_get(r->headers_in, "Accept"), media_types,
        (int)(sizeof(media_types) / sizeof(media_types[0])));
}

/* These return NULL, or the sentence of a 400. */

static const char *find_format(request_rec *r, format_e *format)
{
    const char *error = NULL;
    const char *name = playcount_query_value(r->pool, r->args, "format", &error);

    if (!name) {
        *format = by_accept(r);
    }
    else if (!strcmp(name, "json")) {
        *format = JSON;
    }
    else if (!strcmp(name, "openmetrics")) {
        *format = OPENMETRICS;
    }
    else if (!strcmp(name, "prometheus")) {
        *format = PROMETHEUS;
    }
    else {
        error = "format is not json, prometheus or openmetrics.";
    }
    return error;
}

static const char *find_since(request_rec *r, uint64_t *since)
{
    const char *error = NULL;
    const char *text = playcount_query_value(r->pool, r->args, "since", &error);
    char *end;
    double seconds = text ? strtod(text, &end) : 0;

    if (text && (!apr_isdigit(*text) || *end || !(seconds < 1e12))) {
        return "since is not a time in seconds since 1970.";
    }
    *since = (uint64_t)(seconds * 1e6 + 0.5);
    return error;
}

static const char *find_query(request_rec *r, playcount_json_query *query)
{
    uint64_t minutes = DEFAULT_MINUTES;
    const char *error =
        playcount_query_number(r->pool, r->args, "minutes", 60, &minutes);

    query->minutes = (unsigned)minutes;
    return error ? error : find_since(r, &query->since);
}

static int write_page(request_rec *r, format_e format,
                      const playcount_json_query *query)
{
    playcount_writer w;
    int result;

    playcount_writer_begin(&w, r);
    switch (format) {
    case JSON:
        ap_set_content_type(r, "application/json");
        result = playcount_write_json(&w, query);
        break;
    case OPENMETRICS:
        ap_set_content_type(
            r, "application/openmetrics-text; version=1.0.0; charset=utf-8");
        result = playcount_write_prometheus(&w, 1);
        break;
    default:
        ap_set_content_type(r, "text/plain; version=0.0.4; charset=utf-8");
        result = playcount_write_prometheus(&w, 0);
    }
    if (result == OK) {
        playcount_writer_end(&w);
    }
    return result;
}

static int get_page(request_rec *r, const playcount_request *q)
{
    playcount_json_query query;
    format_e format;
    const char *error = find_format(r, &format);

    apr_table_setn(r->headers_out, "Cache-Control", "no-store");
    apr_table_mergen(r->headers_out, "Vary", "Accept");
    if (error || (error = find_query(r, &query))) {
        return playcount_refuse(r, HTTP_BAD_REQUEST, error);
    }
    return write_page(r, format, &query);
}

static const playcount_endpoint page_endpoint = {
    NULL, {{M_GET, get_page, PLAYCOUNT_NO_BODY}}};

static int handler(request_rec *r)
{
    return r->handler && !strcmp(r->handler, PLAYCOUNT_METRICS_HANDLER)
               ? playcount_endpoint_run(&page_endpoint, r, playcount_request_of(r))
               : DECLINED;
}

void playcount_handler_register_hooks(apr_pool_t *p)
{
    ap_hook_handler(handler, NULL, NULL, APR_HOOK_MIDDLE);
}

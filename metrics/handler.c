/* The handler playcount-metrics: which format is asked for. */

#include "metrics/formats.h"

#include "http_core.h"
#include "http_protocol.h"
#include "apr_lib.h"
#include "apr_strings.h"

#include "server/answer.h"

#define HANDLER "playcount-metrics"
#define ALLOW "GET, HEAD, OPTIONS"
#define DEFAULT_MINUTES 5

typedef enum { PROMETHEUS, OPENMETRICS, JSON } format_e;

static const char *const media_types[] = {
    "text/plain", "application/openmetrics-text", "application/json"};

/* The quality (0 to 1000) that an Accept header gives a media type: that of
 * the most specific range that matches (RFC 9110, 12.5.1). */
static int quality(apr_pool_t *p, const char *accept, const char *type)
{
    const char *slash = ap_strchr_c(type, '/');
    int best = -1, result = 0;

    for (const char *at = accept; at && *at;) {
        char *range = ap_getword(p, &at, ',');
        char *params = strchr(range, ';');
        double q = 1;
        int specific = -1;

        if (params) {
            const char *value = ap_strcasestr(params, "q=");

            *params = '\0';
            q = value ? strtod(value + 2, NULL) : 1;
        }
        apr_collapse_spaces(range, range);
        if (!ap_cstr_casecmp(range, type)) {
            specific = 2;
        }
        else if (!ap_cstr_casecmpn(range, type, (apr_size_t)(slash - type) + 1) &&
                 !strcmp(range + (slash - type) + 1, "*")) {
            specific = 1;
        }
        else if (!strcmp(range, "*/*")) {
            specific = 0;
        }
        if (specific > best) {
            best = specific;
            result = q >= 0 && q <= 1 ? (int)(q * 1000) : 0;
        }
    }
    return result;
}

/* The format of the highest quality; Prometheus' text where that leaves the
 * choice, or nothing fits. */
static format_e by_accept(request_rec *r)
{
    const char *accept = apr_table_get(r->headers_in, "Accept");
    format_e best = PROMETHEUS;

    if (accept) {
        for (int f = OPENMETRICS; f <= JSON; f++) {
            if (quality(r->pool, accept, media_types[f]) >
                quality(r->pool, accept, media_types[best])) {
                best = f;
            }
        }
    }
    return best;
}

/* The value of a key in the query string, NULL without it. */
static const char *argument(request_rec *r, const char *key)
{
    const char *at = r->args;
    apr_size_t length = strlen(key);

    while (at && *at) {
        const char *pair = ap_getword(r->pool, &at, '&');

        if (!strncmp(pair, key, length) && pair[length] == '=') {
            return pair + length + 1;
        }
    }
    return NULL;
}

static int refuse(request_rec *r, const char *sentence)
{
    r->status = HTTP_BAD_REQUEST;
    ap_set_content_type(r, "text/plain; charset=utf-8");
    ap_rputs(sentence, r);
    return OK;
}

static int find_format(request_rec *r, format_e *format)
{
    const char *name = argument(r, "format");

    if (!name) {
        *format = by_accept(r);
        return 1;
    }
    if (!strcmp(name, "json")) {
        *format = JSON;
    }
    else if (!strcmp(name, "openmetrics")) {
        *format = OPENMETRICS;
    }
    else if (!strcmp(name, "prometheus")) {
        *format = PROMETHEUS;
    }
    else {
        return 0;
    }
    return 1;
}

static int find_query(request_rec *r, playcount_json_query *query)
{
    const char *minutes = argument(r, "minutes"), *since = argument(r, "since");
    char *end;

    query->minutes = DEFAULT_MINUTES;
    query->since = 0;
    if (minutes) {
        apr_int64_t n = apr_strtoi64(minutes, &end, 10);

        if (!apr_isdigit(*minutes) || *end || n < 1 || n > 60) {
            return 0;
        }
        query->minutes = (unsigned)n;
    }
    if (since) {
        double seconds = strtod(since, &end);

        if (!apr_isdigit(*since) || *end || !(seconds < 1e12)) {
            return 0;
        }
        query->since = (uint64_t)(seconds * 1e6 + 0.5);
    }
    return 1;
}

static int handler(request_rec *r)
{
    playcount_json_query query;
    playcount_writer w;
    format_e format;
    int result;

    if (!r->handler || strcmp(r->handler, HANDLER)) {
        return DECLINED;
    }
    if (r->method_number != M_GET) {
        return r->method_number == M_OPTIONS ? playcount_options(r, ALLOW)
                                             : playcount_not_allowed(r, ALLOW);
    }
    apr_table_setn(r->headers_out, "Cache-Control", "no-store");
    apr_table_mergen(r->headers_out, "Vary", "Accept");
    if (!find_format(r, &format)) {
        return refuse(r, "format is json, prometheus or openmetrics\n");
    }
    if (!find_query(r, &query)) {
        return refuse(r, "minutes is a whole number from 1 to 60, since a time in "
                         "seconds since 1970\n");
    }

    playcount_writer_begin(&w, r);
    switch (format) {
    case JSON:
        ap_set_content_type(r, "application/json");
        result = playcount_write_json(&w, &query);
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

void playcount_handler_register_hooks(apr_pool_t *p)
{
    (void)p;
    ap_hook_handler(handler, NULL, NULL, APR_HOOK_MIDDLE);
}

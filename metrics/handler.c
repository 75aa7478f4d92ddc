/* The handler playcount-metrics: which format is asked for. */

#include "metrics/formats.h"

#include "http_config.h"
#include "http_core.h"
#include "http_protocol.h"
#include "http_request.h"
#include "apr_lib.h"

#include "metrics/live.h"
#include "metrics/page.h"
#include "metrics/songs.h"
#include "server/accept.h"
#include "server/answer.h"
#include "server/dispatch.h"
#include "server/query.h"
#include "server/root.h"
#include "shm/hot.h"

#define DEFAULT_MINUTES 5

typedef enum {
    PROMETHEUS,
    OPENMETRICS,
    JSON,
    PAGE,
    LIVE,
    SONGS,
    PROTOBUF
} format_e;

/* Those that an Accept header may ask for, in the order of format_e; HTML only
 * where it is named, as browsers do: "any type" is not a request for a page. */
static const char *const media_types[] = {
    "text/plain", "application/openmetrics-text", "application/json", "text/html"};

/* Those that have a name. */
static const struct {
    const char *name;
    format_e format;
} names[] = {{"json", JSON},
             {"openmetrics", OPENMETRICS},
             {"prometheus", PROMETHEUS},
             {"protobuf", PROTOBUF},
             {"html", PAGE},
             {"live", LIVE},
             {"songs", SONGS}};

/* Prometheus' protobuf has parameters that must be right, and is for those who
 * prefer it to all else: Prometheus does if it takes native histograms. */
static int wants_protobuf(const char *accept, const char *otherwise)
{
    playcount_accept_e how = PLAYCOUNT_UNNAMED;
    int quality;

    if (!accept ||
        !ap_strcasestr(accept, "proto=io.prometheus.client.MetricFamily") ||
        !ap_strcasestr(accept, "encoding=delimited")) {
        return 0;
    }
    quality =
        playcount_accept_quality(accept, "application/vnd.google.protobuf", &how);
    return how == PLAYCOUNT_NAMED && quality > 0 &&
           quality >= playcount_accept_quality(accept, otherwise, NULL);
}

/* Prometheus' text where Accept leaves the choice, or nothing fits. */
static format_e by_accept(request_rec *r)
{
    const char *accept = apr_table_get(r->headers_in, "Accept");
    playcount_accept_e how = PLAYCOUNT_UNNAMED;
    int types = (int)(sizeof(media_types) / sizeof(media_types[0]));
    format_e best;

    if (accept) {
        playcount_accept_quality(accept, "text/html", &how);
    }
    best = (format_e)playcount_accept_best(
        accept, media_types, how == PLAYCOUNT_NAMED ? types : types - 1);
    return wants_protobuf(accept, media_types[best]) ? PROTOBUF : best;
}

/* These return NULL, or the sentence of a 400. */

static const char *find_format(request_rec *r, format_e *format)
{
    const char *error = NULL;
    const char *name = playcount_query_value(r->pool, r->args, "format", &error);

    if (!name) {
        *format = by_accept(r);
        return error;
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (!strcmp(name, names[i].name)) {
            *format = names[i].format;
            return NULL;
        }
    }
    return "format is not json, prometheus, openmetrics, protobuf, html, live or "
           "songs.";
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

static const char *find_songs_query(request_rec *r, playcount_songs_query *query)
{
    uint64_t top = PLAYCOUNT_SONGS_SHOWN;
    const char *error = NULL;

    query->zone = playcount_query_value(r->pool, r->args, "zone", &error);
    query->prefix =
        error ? NULL : playcount_query_value(r->pool, r->args, "prefix", &error);
    if (!error) {
        error = playcount_query_number(r->pool, r->args, "top",
                                       PLAYCOUNT_SONGS_SHOWN, &top);
    }
    query->top = (unsigned)top;
    return error;
}

static const playcount_form_of_metrics *const forms[] = {
    [PROMETHEUS] = &playcount_form_text,
    [OPENMETRICS] = &playcount_form_openmetrics,
    [PROTOBUF] = &playcount_form_protobuf,
};

static const char *const types[] = {
    [JSON] = "application/json",
    [LIVE] = "application/json",
    [SONGS] = "application/json",
};

/* What the query says, for each of the formats. */
typedef struct {
    playcount_json_query json;
    playcount_live_query live;
    playcount_songs_query songs;
} queries;

static const char *find_queries(request_rec *r, queries *q)
{
    const char *error = find_query(r, &q->json);

    error = error ? error : playcount_live_find_query(r, &q->json, &q->live);
    return error ? error : find_songs_query(r, &q->songs);
}

static int write_answer(request_rec *r, format_e format, const queries *q)
{
    playcount_writer w;
    int result;

    ap_set_content_type(r, format == JSON || format == LIVE || format == SONGS
                               ? types[format]
                               : forms[format]->media_type);
    playcount_writer_begin(&w, r);
    switch (format) {
    case JSON:
        result = playcount_write_json(&w, &q->json);
        break;
    case LIVE:
        result = playcount_write_live(&w, &q->live);
        break;
    case SONGS:
        result = playcount_write_songs(&w, &q->songs);
        break;
    default:
        result = playcount_write_prometheus(&w, forms[format]);
    }
    if (result == OK) {
        playcount_writer_end(&w);
    }
    return result;
}

static int get_page(request_rec *r, const playcount_request *q)
{
    queries asked;
    format_e format;
    const char *error = NULL;
    const char *file = playcount_query_value(r->pool, r->args, "file", &error);

    if (file) {
        return playcount_page_send_file(r, file);
    }
    apr_table_setn(r->headers_out, "Cache-Control", "no-store");
    apr_table_mergen(r->headers_out, "Vary", "Accept");
    if (error || (error = find_format(r, &format)) ||
        (error = find_queries(r, &asked))) {
        return playcount_refuse(r, HTTP_BAD_REQUEST, error);
    }
    return format == PAGE ? playcount_page_send(r)
                          : write_answer(r, format, &asked);
}

static const playcount_endpoint page_endpoint = {
    NULL, {{M_GET, get_page, PLAYCOUNT_NO_BODY}}};

static int is_ours(const request_rec *r)
{
    return r->handler && !strcmp(r->handler, PLAYCOUNT_METRICS_HANDLER);
}

static PLAYCOUNT_HOT int handler(request_rec *r)
{
    if (!is_ours(r)) {
        return DECLINED;
    }
    return playcount_may_answer(r)
               ? playcount_endpoint_run(&page_endpoint, r, playcount_request_of(r))
               : playcount_refuse_handler(r);
}

/* The page, its files and its polls are known by their URL and Accept header;
 * before they are measured and logged. */
static PLAYCOUNT_HOT int fixups(request_rec *r)
{
    const char *error = NULL;
    format_e format;

    if (is_ours(r) &&
        (playcount_query_value(r->pool, r->args, "file", &error) ||
         (!find_format(r, &format) && format >= PAGE && format != PROTOBUF))) {
        playcount_page_mark(r);
    }
    return DECLINED;
}

void playcount_handler_register_hooks(apr_pool_t *p)
{
    ap_hook_fixups(fixups, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_handler(handler, NULL, NULL, APR_HOOK_MIDDLE);
}

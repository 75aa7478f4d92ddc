/* One request, from its content handler's start to its log line.
 *
 *     insert_filter        clock started, route found, filter added; also for
 *     insert_error_filter  what httpd answers itself, where it replaces filters
 *     log_transaction      values derived and counted: atomics only; the end of
 *                          the response (EOR) comes by here, under event and in
 *                          HTTP/2 too, also when the client has gone
 *
 * The sample hangs on the initial request. An internal redirect or an error
 * document adds the filter again and goes on with the same sample; subrequests
 * are not measured. */

#include "metrics/metrics.h"

#include "http_log.h"
#include "http_protocol.h"
#include "http_request.h"
#include "apr_strings.h"

#include "metrics/clock.h"
#include "metrics/page.h"
#include "server/delivered.h"
#include "server/request.h"
#include "server/text.h"
#include "shm/hot.h"

APLOG_USE_MODULE(playcount);

static inline playcount_sample *of_first(const request_rec *first)
{
    const playcount_request *q = playcount_request_of(first);

    return q ? q->sample : NULL;
}

playcount_sample *playcount_sample_of(request_rec *r)
{
    return of_first(playcount_request_first(r));
}

static const playcount_metrics_dir *conf_of(const request_rec *r)
{
    return playcount_dir_conf(r->per_dir_config, PLAYCOUNT_ROOM_METRICS);
}

static int measured(const request_rec *first)
{
    return playcount_metrics_segment && conf_of(first)->on == 1;
}

/* Counts a request out that ends without log_transaction, if there is one. */
static PLAYCOUNT_HOT apr_status_t leave(void *data)
{
    playcount_sample *s = data;

    if (s->in_flight) {
        s->in_flight = 0;
        playcount_inflight_add(playcount_metrics_row, s->route, -1);
    }
    return APR_SUCCESS;
}

static PLAYCOUNT_HOT void enter(playcount_sample *s, request_rec *r)
{
    int passing;

    s->route = playcount_route_find(r, conf_of(r), &passing);
    s->on_its_way = passing != 0;
    s->in_flight = 1;
    playcount_inflight_add(playcount_metrics_row, s->route, 1);
}

static PLAYCOUNT_COLD void tell_start(request_rec *first, const playcount_sample *s)
{
    ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, first, "start: route \"%s\", %s %s",
                  playcount_route_name(first->pool, s->route), first->method,
                  first->uri);
}

static PLAYCOUNT_HOT playcount_sample *begin(request_rec *first)
{
    void *memory;
    playcount_request *q =
        playcount_request_with(first, sizeof(playcount_sample), &memory);
    playcount_sample *s = memory;
    int64_t before;

    s->start = playcount_ticks();
    before = (int64_t)playcount_ticks_wall(s->start) - first->request_time;
    s->before = before > 0 ? (uint64_t)before : 0;
    enter(s, first);
    apr_pool_cleanup_register(first->pool, s, leave, apr_pool_cleanup_null);
    q->sample = s;
    s->conf = conf_of(first);
    if (PLAYCOUNT_SELDOM(APLOGrdebug(first))) {
        s->told = 1;
        tell_start(first, s);
    }
    return s;
}

/* The start of a handler, of the initial request or of one it was redirected
 * to; or the start of an answer of httpd's own. */
static PLAYCOUNT_HOT void start(request_rec *r)
{
    request_rec *first;
    playcount_sample *s;

    if (r->main) {
        return;
    }
    first = playcount_request_first(r);
    if (!measured(first) || playcount_page_is_own(r)) {
        return;
    }
    s = of_first(first);
    if (!s) {
        s = begin(first);
    }
    else if (s->on_its_way && r->prev && r->prev->status == HTTP_OK) {
        leave(s);
        enter(s, r);
    }
    if (PLAYCOUNT_SELDOM(playcount_notes_wanted)) {
        playcount_notes_add(s, r);
    }
    playcount_filter_add(r, s);
}

static playcount_method_e method_of(const request_rec *r)
{
    static const unsigned char known[] = {
        [M_GET] = PLAYCOUNT_METHOD_GET,
        [M_POST] = PLAYCOUNT_METHOD_POST,
        [M_PUT] = PLAYCOUNT_METHOD_PUT,
        [M_DELETE] = PLAYCOUNT_METHOD_DELETE,
        [M_PATCH] = PLAYCOUNT_METHOD_PATCH,
        [M_OPTIONS] = PLAYCOUNT_METHOD_OPTIONS,
        [M_CONNECT] = PLAYCOUNT_METHOD_CONNECT,
        [M_TRACE] = PLAYCOUNT_METHOD_OTHER,
    };

    if (r->header_only && r->method_number == M_GET) {
        return PLAYCOUNT_METHOD_HEAD;
    }
    return r->method_number >= 0 && r->method_number < (int)sizeof(known)
               ? (playcount_method_e)known[r->method_number]
               : PLAYCOUNT_METHOD_OTHER;
}

static void derive_times(playcount_sample *s)
{
    uint64_t end = playcount_ticks();
    uint64_t all = end > s->start ? end - s->start : 0;
    uint64_t below = s->below;

    /* From EOS on there is nothing left but to send what is on its way. */
    if (s->handed_on && end > s->handed_on) {
        below += end - s->handed_on;
    }
    s->value[PLAYCOUNT_APPLICATION_TIME] = playcount_ticks_us(all);
    s->value[PLAYCOUNT_REQUEST_TIME] = s->before + playcount_ticks_us(all);
    s->value[PLAYCOUNT_OUTPUT_TIME] = playcount_ticks_us(below < all ? below : all);
}

/* Whether the client went away before the response had ended. The connection knows;
 * in HTTP/2 that of a stream is aborted when its response was sent to the end, too,
 * and all of a response may have been passed on long before any of it is sent:
 * there its bytes tell. */
static int went_away(const playcount_sample *s, const request_rec *last)
{
    const conn_rec *c = last->connection;

    return s->aborted ||
           (c->master && s->given ? !playcount_stream_complete(last) : c->aborted);
}

/* Whether what made the response broke it off: it said so, or its length falls
 * short of what was promised, or some of it came and no end. A response that has no
 * body by its status promises nothing. */
static int broken_off(const playcount_sample *s)
{
    int has_body = s->status != HTTP_NO_CONTENT && s->status != HTTP_NOT_MODIFIED;

    return s->broken || (has_body && s->bytes < s->promised) ||
           (s->blocks && !s->handed_on);
}

static void finish(playcount_sample *s, const request_rec *last)
{
    derive_times(s);
    s->value[PLAYCOUNT_OUTPUT_BLOCKS] = s->blocks;
    s->value[PLAYCOUNT_OUTPUT_LENGTH] = s->bytes;
    s->status = last->status;
    s->outcome = went_away(s, last)                  ? PLAYCOUNT_ABORTED
                 : s->status >= 500 || broken_off(s) ? PLAYCOUNT_ERROR
                                                     : PLAYCOUNT_COMPLETE;
    s->finished = 1;
}

const char *playcount_sample_text(request_rec *r, const playcount_sample *s)
{
    return apr_psprintf(r->pool,
                        "status %d, %s, request %" APR_UINT64_T_FMT
                        " us, application %" APR_UINT64_T_FMT
                        " us, output %" APR_UINT64_T_FMT " us, %" APR_UINT64_T_FMT
                        " blocks, %" APR_UINT64_T_FMT " bytes",
                        s->status, playcount_outcome_names[s->outcome], s->value[0],
                        s->value[1], s->value[2], s->value[3], s->value[4]);
}

static PLAYCOUNT_COLD void tell_finish(request_rec *first,
                                       const playcount_sample *s)
{
    ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, first, "finish: %s",
                  playcount_sample_text(first, s));
}

static PLAYCOUNT_HOT int log_sample(request_rec *r)
{
    request_rec *first = playcount_request_first(r);
    playcount_sample *s = of_first(first);
    unsigned status_class, cell;

    if (PLAYCOUNT_SELDOM(!s)) {
        if (!measured(first) || playcount_page_is_own(first)) {
            return DECLINED;
        }
        s = begin(first); /* refused before httpd had any answer to filter */
    }
    if (s->finished) {
        return DECLINED;
    }
    finish(s, playcount_request_last(first));
    if (PLAYCOUNT_SELDOM(s->notes)) {
        playcount_notes_fill(s, first);
    }
    status_class = s->status >= 100 && s->status < 600
                       ? (unsigned)s->status / 100 - 1
                       : PLAYCOUNT_CLASSES - 1;
    cell = playcount_cell(method_of(first), status_class, s->outcome);
    playcount_count(s->route, cell, s->value);
    leave(s);
    if (PLAYCOUNT_SELDOM(s->conf->slow > 0) &&
        s->value[PLAYCOUNT_REQUEST_TIME] > (uint64_t)s->conf->slow) {
        playcount_slow_keep(first, s);
    }
    if (PLAYCOUNT_SELDOM(playcount_metrics_global->statsd)) {
        playcount_statsd_keep(s, cell);
    }
    if (PLAYCOUNT_SELDOM(s->told)) {
        tell_finish(first, s);
    }
    return DECLINED;
}

void playcount_sample_register_hooks(apr_pool_t *p)
{
    ap_hook_insert_filter(start, NULL, NULL, APR_HOOK_LAST);
    ap_hook_insert_error_filter(start, NULL, NULL, APR_HOOK_LAST);
    /* Before mod_log_config, whose items want the values. */
    ap_hook_log_transaction(log_sample, NULL, NULL, APR_HOOK_REALLY_FIRST);
    playcount_filter_register();
}

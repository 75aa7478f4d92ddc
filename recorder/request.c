/* Which requests are recorded, and when they are over. */

#include "recorder/recorder.h"

#include "http_log.h"
#include "http_protocol.h"
#include "http_request.h"

#include "server/delivered.h"
#include "server/request.h"
#include "shm/hot.h"

APLOG_USE_MODULE(playcount);

static playcount_record *record_of(const request_rec *first)
{
    const playcount_request *q = playcount_request_of(first);

    return q ? q->record : NULL;
}

/* Whether the client left before it had all. In HTTP/2 its connection tells nothing
 * of a stream: server/delivered.h. */
static int went_away(const playcount_record *record, const request_rec *last)
{
    const conn_rec *c = last->connection;

    return record->aborted ||
           (c->master && record->ended ? !playcount_stream_complete(last)
                                       : c->aborted);
}

/* Is it one of those that are wanted? The expression sees the request as the client
 * sent it, and the status that the client got. */
static int is_wanted(const playcount_recorder *recorder, request_rec *first)
{
    const ap_expr_info_t *when = recorder->when;
    const char *error = NULL;
    int status = first->status, wanted;

    if (!when) {
        return 1;
    }
    first->status = playcount_request_last(first)->status;
    wanted = ap_expr_exec(first, when, &error);
    first->status = status;
    if (wanted < 0) {
        ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, first,
                      "PlaycountRecorder when=: %s", error ? error : "fails");
    }
    return wanted != 0;
}

static void finish(playcount_record *record, request_rec *first, int is_over)
{
    const request_rec *last = playcount_request_last(first);

    playcount_request_get(first)->record = NULL;
    if (!is_wanted(record->recorder, first)) {
        playcount_record_free(record);
        return;
    }
    if (!record->has_head) {
        playcount_heads_mask(record, first->pool);
    }
    playcount_meta_finish(record, first,
                          went_away(record, last)            ? "aborted"
                          : record->broken || !record->ended ? "broken"
                          : is_over                          ? "complete"
                                                             : "unfinished");
    playcount_recorder_write(record);
}

/* A request that ends without log_transaction: its connection was torn down. */
static apr_status_t cleanup(void *data)
{
    request_rec *first = data;
    playcount_record *record = record_of(first);

    if (record) {
        finish(record, first, 0);
    }
    return APR_SUCCESS;
}

/* Begin, at the first sight of a request; see to the filters at every one. */
static PLAYCOUNT_HOT void see(request_rec *r)
{
    request_rec *first = playcount_request_first(r);
    playcount_recorder *recorder = playcount_recorder_of(first->server);
    playcount_request *q;

    if (r->main || !recorder || !first->the_request) {
        return;
    }
    q = playcount_request_get(first);
    if (!q->record && !q->seen) {
        q->seen = 1;
        q->record = playcount_record_begin(recorder, first);
        q->unrecorded = !q->record;
        if (q->record) {
            apr_pool_pre_cleanup_register(first->pool, first, cleanup);
        }
    }
    if (q->record) {
        playcount_recorder_add_filters(q->record, r);
    }
}

static PLAYCOUNT_HOT int post_read_request(request_rec *r)
{
    see(r);
    return DECLINED;
}

/* Of those that could not be recorded, the ones that were wanted count. */
static void miss(request_rec *first)
{
    const playcount_recorder *recorder = playcount_recorder_of(first->server);

    if (recorder && is_wanted(recorder, first)) {
        playcount_record_dropped(recorder);
    }
}

static PLAYCOUNT_HOT int log_transaction(request_rec *r)
{
    request_rec *first = playcount_request_first(r);
    playcount_request *q = playcount_request_of(first);

    if (q && q->record) {
        finish(q->record, first, 1);
    }
    else if (q && q->unrecorded) {
        q->unrecorded = 0;
        miss(first);
    }
    return DECLINED;
}

void playcount_recorder_register_requests(void)
{
    /* Before modules that change the headers. */
    ap_hook_post_read_request(post_read_request, NULL, NULL, APR_HOOK_REALLY_FIRST);
    /* An internal redirect has none of our filters for the body; a request that
     * httpd refuses as it reads it has come by none of the hooks before. */
    ap_hook_insert_filter(see, NULL, NULL, APR_HOOK_LAST);
    ap_hook_insert_error_filter(see, NULL, NULL, APR_HOOK_LAST);
    ap_hook_log_transaction(log_transaction, NULL, NULL, APR_HOOK_FIRST);
}

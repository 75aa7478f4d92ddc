/* The filters: they look at what passes and change nothing, so the blocks that go
 * on are the same, files are sent as files. */

#include "recorder/recorder.h"

#include <unistd.h>

#include "apr_buckets.h"
#include "apr_portable.h"
#include "http_protocol.h"
#include "http_request.h"
#include "util_filter.h"

static ap_filter_rec_t *input, *output;

static int is_gone(apr_status_t rv)
{
    return APR_STATUS_IS_EOF(rv) || APR_STATUS_IS_INCOMPLETE(rv) ||
           APR_STATUS_IS_ECONNRESET(rv) || APR_STATUS_IS_ECONNABORTED(rv) ||
           APR_STATUS_IS_EPIPE(rv) || APR_STATUS_IS_TIMEUP(rv);
}

/* --- the request's body --- */

static apr_status_t see_input(ap_filter_t *f, apr_bucket_brigade *bb,
                              ap_input_mode_t mode, apr_read_type_e block,
                              apr_off_t readbytes)
{
    apr_status_t rv = ap_get_brigade(f->next, bb, mode, block, readbytes);
    playcount_record *record = f->ctx;
    apr_size_t most = record->recorder->max_body;

    if (rv != APR_SUCCESS || mode == AP_MODE_SPECULATIVE || mode == AP_MODE_INIT) {
        record->aborted |= is_gone(rv);
        return rv;
    }
    for (apr_bucket *b = APR_BRIGADE_FIRST(bb); b != APR_BRIGADE_SENTINEL(bb);
         b = APR_BUCKET_NEXT(b)) {
        const char *data;
        apr_size_t n;

        if (APR_BUCKET_IS_EOS(b)) {
            record->request_ended = 1;
        }
        if (!APR_BUCKET_IS_METADATA(b) && b->length != (apr_size_t)-1 &&
            apr_bucket_read(b, &data, &n, APR_NONBLOCK_READ) == APR_SUCCESS) {
            playcount_record_keep(record, PLAYCOUNT_REQUEST_BODY, data, n, most);
        }
    }
    return rv;
}

/* --- the response --- */

static void end_head(playcount_record *record, request_rec *r)
{
    record->has_head = 1;
    record->answered = apr_time_now();
    playcount_heads_mask(record, r->pool);
}

/* The headers' bytes at the beginning of these; how many there are. */
static apr_size_t keep_head(playcount_record *record, const char *data,
                            apr_size_t length, request_rec *r)
{
    static const char end[] = "\r\n\r\n";
    apr_size_t n = 0;

    while (n < length && !record->has_head) {
        char c = data[n++];

        record->head_at = c == end[record->head_at] ? record->head_at + 1
                          : c == '\r'               ? 1
                                                    : 0;
        record->has_head = record->head_at == 4;
    }
    playcount_record_keep(record, PLAYCOUNT_RESPONSE_HEADERS, data, n,
                          PLAYCOUNT_RECORDER_HEAD_MAX);
    if (record->has_head) {
        end_head(record, r);
    }
    return n;
}

static void keep_bytes(playcount_record *record, const char *data, apr_size_t n,
                       request_rec *r)
{
    apr_size_t head = record->has_head ? 0 : keep_head(record, data, n, r);

    playcount_record_keep(record, PLAYCOUNT_RESPONSE_BODY, data + head, n - head,
                          record->unseen ? 0 : record->recorder->max_body);
}

/* Read a file beside its bucket, which stays whole and is sent as a file. */
static int keep_file(playcount_record *record, const apr_bucket *b)
{
    playcount_kept *body = &record->part[PLAYCOUNT_RESPONSE_BODY];
    const apr_bucket_file *file = b->data;
    apr_size_t most = record->recorder->max_body, n = 0;
    apr_os_file_t fd;
    ssize_t got = 0;
    char *room;

    if (body->length == body->passed && body->length < most) {
        n = most - body->length < b->length ? most - body->length : b->length;
    }
    room = n ? playcount_record_room(record, PLAYCOUNT_RESPONSE_BODY, n) : NULL;
    if (room && apr_os_file_get(&fd, file->fd) == APR_SUCCESS) {
        got = pread(fd, room, n, (off_t)b->start);
        body->length += got > 0 ? (apr_size_t)got : 0;
    }
    playcount_record_passed(record, PLAYCOUNT_RESPONSE_BODY, b->length);
    return !room || got == (ssize_t)n;
}

static void see_data(playcount_record *record, apr_bucket *b, request_rec *r)
{
    const char *data;
    apr_size_t n;

    if (b->length == (apr_size_t)-1) {
        record->unseen = 1; /* waiting for it here would hold up what is before */
    }
    else if (APR_BUCKET_IS_FILE(b) && record->has_head) {
        if (!keep_file(record, b)) {
            record->unseen = 1;
        }
    }
    else if (apr_bucket_read(b, &data, &n, APR_NONBLOCK_READ) == APR_SUCCESS) {
        keep_bytes(record, data, n, r);
    }
    else {
        record->unseen = 1;
    }
}

static void see_metadata(playcount_record *record, const apr_bucket *b,
                         request_rec *r)
{
    if (APR_BUCKET_IS_EOS(b)) {
        record->ended = 1;
    }
    else if (AP_BUCKET_IS_ERROR(b)) {
        record->broken = 1;
    }
    else if (!record->has_head && r->status >= 200 &&
             !strcmp(b->type->name, "H2HEADERS")) {
        /* mod_http2 makes no text of a response's headers; in r they are complete
         * when its bucket comes. */
        playcount_heads_response(record, r);
        record->has_head = 1;
        record->answered = apr_time_now();
    }
}

static apr_status_t see_output(ap_filter_t *f, apr_bucket_brigade *bb)
{
    playcount_record *record = f->ctx;
    int last = 0;
    apr_status_t rv;

    if (f->r->assbackwards) {
        record->has_head = 1; /* HTTP/0.9 */
    }
    for (apr_bucket *b = APR_BRIGADE_FIRST(bb); b != APR_BRIGADE_SENTINEL(bb);
         b = APR_BUCKET_NEXT(b)) {
        if (AP_BUCKET_IS_EOR(b)) {
            last = 1; /* the record goes with it */
            break;
        }
        if (APR_BUCKET_IS_METADATA(b)) {
            see_metadata(record, b, f->r);
        }
        else if (b->length) {
            see_data(record, b, f->r);
        }
    }
    rv = ap_pass_brigade(f->next, bb);
    if (!last && is_gone(rv)) {
        record->aborted = 1;
    }
    return rv;
}

/* --- putting them there --- */

static int is_there(const ap_filter_t *f, const ap_filter_rec_t *which)
{
    while (f && f->frec != which) {
        f = f->next;
    }
    return f != NULL;
}

void playcount_recorder_add_filters(playcount_record *record, request_rec *r)
{
    if (!is_there(r->input_filters, input)) {
        ap_add_input_filter_handle(input, record, r, r->connection);
    }
    if (!is_there(r->output_filters, output)) {
        ap_add_output_filter_handle(output, record, r, r->connection);
    }
}

void playcount_recorder_register_filters(void)
{
    input = ap_register_input_filter("PLAYCOUNT_RECORDER_IN", see_input, NULL,
                                     AP_FTYPE_PROTOCOL - 1);
    output = ap_register_output_filter("PLAYCOUNT_RECORDER_OUT", see_output, NULL,
                                       AP_FTYPE_PROTOCOL + 1);
}

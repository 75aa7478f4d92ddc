/* Answers: see answer.h. */

#include "server/answer.h"

#include <stdlib.h>

#include "apr_strings.h"
#include "apr_thread_proc.h"
#include "http_core.h"
#include "http_protocol.h"
#include "util_filter.h"

#include "server/accept.h"
#include "server/text.h"
#include "server/zones.h"

#define PIECE 65536

/* --- short answers --- */

int playcount_discard_body(request_rec *r)
{
    const char *length = apr_table_get(r->headers_in, "Content-Length");

    if ((length && strcmp(length, "0")) ||
        apr_table_get(r->headers_in, "Transfer-Encoding")) {
        return ap_discard_request_body(r);
    }
    return OK;
}

const char *playcount_body_error(int status)
{
    return status == HTTP_REQUEST_ENTITY_TOO_LARGE
               ? "The body is longer than it may be here."
           : status == HTTP_REQUEST_TIME_OUT ? "The body did not come in time."
                                             : "The body could not be read.";
}

/* No answer is sent in part: a count has no parts, and a play that has been counted
 * must not be answered with 416. Not by ap_remove_output_filter_byhandle(), which
 * looks the name up in a trie each time. */
static void remove_byterange(request_rec *r)
{
    for (ap_filter_t *f = r->output_filters; f; f = f->next) {
        if (*f->frec->name == 'b' && !strcmp(f->frec->name, "byterange")) {
            ap_remove_output_filter(f);
            return;
        }
    }
}

static void set_headers(request_rec *r, const char *type)
{
    ap_set_content_type(r, type ? type : "text/plain");
    apr_table_setn(r->headers_out, "Cache-Control", "no-store");
    remove_byterange(r);
}

/* APR_SUCCESS or an error that means that the client is gone: that is logged
 * anyway, so the handler need not log it. */
static int pass(request_rec *r, apr_bucket_brigade *bb)
{
    ap_pass_brigade(r->output_filters, bb);
    return OK;
}

int playcount_answer(request_rec *r, int status, const char *type, const char *body,
                     apr_size_t length)
{
    apr_bucket_alloc_t *alloc = r->connection->bucket_alloc;
    apr_bucket_brigade *bb;

    if (status != HTTP_SERVICE_UNAVAILABLE && playcount_zone_has_failed_for(r)) {
        return playcount_refuse_unavailable(r, playcount_zone_of(r));
    }
    bb = apr_brigade_create(r->pool, alloc);
    r->status = status;
    set_headers(r, type);
    ap_set_content_length(r, (apr_off_t)length);
    if (length) {
        APR_BRIGADE_INSERT_TAIL(bb,
                                apr_bucket_heap_create(body, length, NULL, alloc));
    }
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_eos_create(alloc));
    return pass(r, bb);
}

int playcount_refuse(request_rec *r, int status, const char *sentence)
{
    const char *title = ap_get_status_line(status) + 4;
    apr_size_t length = strlen(sentence);
    char *detail, *body;

    r->status = status;
    if (status == AP_FILTER_ERROR || playcount_discard_body(r) == AP_FILTER_ERROR) {
        return AP_FILTER_ERROR;
    }
    if (!playcount_wants_json(r)) {
        return playcount_answer(r, status, NULL, sentence, length);
    }
    detail = apr_palloc(r->pool, 6 * length + 1);
    detail[playcount_json_escape(detail, sentence, length)] = '\0';
    body = apr_psprintf(r->pool,
                        "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,"
                        "\"detail\":\"%s\"}",
                        title, status, detail);
    return playcount_answer(r, status, "application/problem+json", body,
                            strlen(body));
}

int playcount_not_found(request_rec *r)
{
    return playcount_refuse(r, HTTP_NOT_FOUND, "Not Found");
}

int playcount_not_allowed(request_rec *r, const char *allow)
{
    apr_table_setn(r->headers_out, "Allow", allow);
    return playcount_refuse(r, HTTP_METHOD_NOT_ALLOWED, "Method Not Allowed");
}

int playcount_options(request_rec *r, const char *allow)
{
    int status = playcount_discard_body(r);

    if (status != OK) {
        return playcount_refuse(r, status, playcount_body_error(status));
    }
    apr_table_setn(r->headers_out, "Allow", allow);
    return playcount_answer(r, HTTP_OK, NULL, "", 0);
}

/* --- long answers --- */

void playcount_stream_begin(playcount_stream *st, request_rec *r, const char *type)
{
    memset(st, 0, sizeof(*st));
    st->r = r;
    st->brigade = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    st->size = PIECE;
    st->buffer = ap_malloc(st->size);
    set_headers(r, type);
}

/* Hand the buffer down; the filters free it when it is written. */
static void send_piece(playcount_stream *st)
{
    apr_bucket_alloc_t *alloc = st->r->connection->bucket_alloc;

    APR_BRIGADE_INSERT_TAIL(
        st->brigade, apr_bucket_heap_create(st->buffer, st->filled, free, alloc));
    st->sent++;
    if (ap_pass_brigade(st->r->output_filters, st->brigade) != APR_SUCCESS ||
        st->r->connection->aborted) {
        st->broken = 1;
    }
    apr_brigade_cleanup(st->brigade);
    /* A long answer is in no hurry: let the short ones go first. */
    apr_thread_yield();
}

char *playcount_stream_room(playcount_stream *st, apr_size_t room)
{
    if (st->filled + room > st->size) {
        if (!st->broken) {
            send_piece(st);
            st->buffer = NULL;
        }
        st->filled = 0;
        st->size = room > PIECE ? room : PIECE;
        st->buffer = ap_realloc(st->buffer, st->size);
    }
    return st->buffer + st->filled;
}

void playcount_stream_advance(playcount_stream *st, apr_size_t length)
{
    st->filled += length;
}

void playcount_stream_write(playcount_stream *st, const char *text,
                            apr_size_t length)
{
    memcpy(playcount_stream_room(st, length), text, length);
    playcount_stream_advance(st, length);
}

int playcount_stream_end(playcount_stream *st)
{
    request_rec *r = st->r;

    if (playcount_zone_has_failed_for(r)) {
        return playcount_stream_abort(st);
    }
    if (!st->broken) {
        apr_bucket_alloc_t *alloc = r->connection->bucket_alloc;

        if (!st->sent) {
            ap_set_content_length(r, (apr_off_t)st->filled);
        }
        if (st->filled) {
            APR_BRIGADE_INSERT_TAIL(
                st->brigade,
                apr_bucket_heap_create(st->buffer, st->filled, free, alloc));
            st->buffer = NULL;
        }
        APR_BRIGADE_INSERT_TAIL(st->brigade, apr_bucket_eos_create(alloc));
        ap_pass_brigade(r->output_filters, st->brigade);
    }
    free(st->buffer);
    st->buffer = NULL;
    return OK;
}

int playcount_stream_abort(playcount_stream *st)
{
    conn_rec *c = st->r->connection;

    free(st->buffer);
    st->buffer = NULL;
    if (!st->sent) {
        return playcount_refuse(
            st->r, HTTP_CONFLICT,
            "What was asked for changed while it was being read; ask "
            "again.");
    }
    c->aborted = 1;
    c->keepalive = AP_CONN_CLOSE;
    return DONE;
}

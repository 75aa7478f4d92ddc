/* Answers: short ones in one piece, long ones as a stream; plain text, or JSON if
 * the client asks for it. Every answer is `Cache-Control: no-store`.
 *
 * An answer of any status is sent here, with its body, so that ErrorDocument
 * does not come between; the functions return what the handler returns.
 */
#ifndef PLAYCOUNT_SERVER_ANSWER_H
#define PLAYCOUNT_SERVER_ANSWER_H

#include "httpd.h"

/* A body of a few bytes, copied. NULL as type is text/plain, of ASCII. */
int playcount_answer(request_rec *r, int status, const char *type, const char *body,
                     apr_size_t length);

/* A refusal: the sentence as text, or as a problem (RFC 9457). Whatever of the
 * request's body has not been read is thrown away, and not asked for (100
 * Continue). With AP_FILTER_ERROR as status a filter has answered already. */
int playcount_refuse(request_rec *r, int status, const char *sentence);

/* The two that have no sentence: 404 and 405 with Allow. */
int playcount_not_found(request_rec *r);
int playcount_not_allowed(request_rec *r, const char *allow);

/* The answer to OPTIONS. */
int playcount_options(request_rec *r, const char *allow);

/* Throw the request's body away, if it has one. OK, or the status of the refusal
 * if its end was not reached. */
int playcount_discard_body(request_rec *r);

/* The sentence for a body that could not be read, with this status. */
const char *playcount_body_error(int status);

/* --- long answers -------------------------------------------------------------
 * Begin, write, end. What fits into one piece is sent with its length, more than
 * that as it is written; a slow client slows the writer. */
typedef struct {
    request_rec *r;
    apr_bucket_brigade *brigade;
    char *buffer;
    apr_size_t filled;
    apr_size_t size; /* of the buffer */
    int sent;        /* pieces so far */
    int broken;      /* the client is gone: what is written is thrown away */
} playcount_stream;

void playcount_stream_begin(playcount_stream *stream, request_rec *r,
                            const char *type);

/* Room for at least `room` bytes at the returned place; say with
 * playcount_stream_advance() how many were written there. */
char *playcount_stream_room(playcount_stream *stream, apr_size_t room);
void playcount_stream_advance(playcount_stream *stream, apr_size_t length);
void playcount_stream_write(playcount_stream *stream, const char *text,
                            apr_size_t length);

/* The end of the answer. */
int playcount_stream_end(playcount_stream *stream);

/* The answer cannot be finished: the client sees it cut off, not ended. */
int playcount_stream_abort(playcount_stream *stream);

#endif

/* The writer that every output of this room goes through: JSON, Prometheus' text
 * and the section in mod_status. Text goes out as it grows, so memory stays small
 * however long the answer is, and escapes are written straight into it: nothing is
 * allocated from the request's pool.
 *
 * One thread's. Errors of the connection are not reported: what is written after
 * the client has gone is thrown away by httpd's filters.
 */
#ifndef PLAYCOUNT_METRICS_WRITER_H
#define PLAYCOUNT_METRICS_WRITER_H

#include <stdint.h>

#include "httpd.h"
#include "apr_buckets.h"

typedef struct {
    request_rec *r;
    apr_bucket_brigade *bb; /* what has not gone out yet */
} playcount_writer;

/* Begin; and pass on what is left. Between the two, and only then, the functions
 * below. The end of the response is the handler's to say. */
void playcount_writer_begin(playcount_writer *w, request_rec *r);
void playcount_writer_end(playcount_writer *w);

/* Text as it is. */
void playcount_put(playcount_writer *w, const char *text);
void playcount_put_bytes(playcount_writer *w, const char *text, apr_size_t length);
__attribute__((format(printf, 2, 3))) void
playcount_printf(playcount_writer *w, const char *format, ...);

/* A number in decimal: like printf, without parsing a format. */
void playcount_put_number(playcount_writer *w, uint64_t n);

/* The inside of a string, escaped: of JSON; of a label's value in Prometheus' text;
 * of HTML's text and attributes. The text is UTF-8. */
void playcount_put_json_text(playcount_writer *w, const char *text,
                             apr_size_t length);
void playcount_put_label(playcount_writer *w, const char *text, apr_size_t length);
void playcount_put_html(playcount_writer *w, const char *text, apr_size_t length);

#endif

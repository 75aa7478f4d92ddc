/* The writer of the room's outputs: see writer.h. */

#include "metrics/writer.h"

#include <string.h>

#include "util_filter.h"

#include "server/text.h"

/* Of an escape for JSON, in bytes of text at a time: what fits on the stack. */
#define PIECE 256

void playcount_writer_begin(playcount_writer *w, request_rec *r)
{
    w->r = r;
    w->bb = apr_brigade_create(r->pool, r->connection->bucket_alloc);
}

void playcount_writer_end(playcount_writer *w)
{
    ap_pass_brigade(w->r->output_filters, w->bb);
}

void playcount_put_bytes(playcount_writer *w, const char *text, apr_size_t length)
{
    apr_brigade_write(w->bb, ap_filter_flush, w->r->output_filters, text, length);
}

void playcount_put(playcount_writer *w, const char *text)
{
    playcount_put_bytes(w, text, strlen(text));
}

void playcount_printf(playcount_writer *w, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    apr_brigade_vprintf(w->bb, ap_filter_flush, w->r->output_filters, format, args);
    va_end(args);
}

void playcount_put_number(playcount_writer *w, uint64_t n)
{
    char digits[PLAYCOUNT_DIGITS_MAX];

    playcount_put_bytes(w, digits, playcount_digits(digits, n));
}

void playcount_put_json_text(playcount_writer *w, const char *text,
                             apr_size_t length)
{
    char out[6 * PIECE];

    while (length) {
        apr_size_t n = length < PIECE ? length : PIECE;

        playcount_put_bytes(w, out, playcount_json_escape(out, text, n));
        text += n;
        length -= n;
    }
}

/* Writes the text with each character of `special` replaced by what stands in
 * `escape` at the same place. */
static void put_escaped(playcount_writer *w, const char *text, apr_size_t length,
                        const char *special, const char *const *escape)
{
    apr_size_t from = 0;

    for (apr_size_t i = 0; i < length; i++) {
        const char *found = text[i] ? strchr(special, text[i]) : NULL;

        if (found) {
            playcount_put_bytes(w, text + from, i - from);
            playcount_put(w, escape[found - special]);
            from = i + 1;
        }
    }
    playcount_put_bytes(w, text + from, length - from);
}

void playcount_put_label(playcount_writer *w, const char *text, apr_size_t length)
{
    static const char *const escape[] = {"\\\\", "\\\"", "\\n"};

    put_escaped(w, text, length, "\\\"\n", escape);
}

void playcount_put_html(playcount_writer *w, const char *text, apr_size_t length)
{
    static const char *const escape[] = {"&lt;", "&gt;", "&amp;", "&quot;",
                                         "&#39;"};

    put_escaped(w, text, length, "<>&\"'", escape);
}

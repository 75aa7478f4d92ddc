/* Which bytes of the file a response brought: by its status, its Content-Range, or
 * the Range that it answers in several parts.
 *
 *     200                        0 to what went out
 *     206, Content-Range         from its first byte
 *     206, multipart/byteranges  part by part, in the order of the Range header
 *
 * Each part comes after lines of its own:
 *
 *         CRLF --boundary CRLF
 *         Content-type: audio/mpeg CRLF
 *         Content-range: bytes 0-99/30000000 CRLF CRLF
 */

#include "media/private.h"

#include "apr_strings.h"
#include "http_protocol.h"

#include "media/rules/intervals.h"

#define PARTS_MOST 256

/* Let a part that begins `before` bytes behind the last one have what is left. */
static void cut(playcount_interval *part, uint64_t before, uint64_t *left)
{
    uint64_t length = part->end - part->begin, n;

    *left = *left > before ? *left - before : 0;
    n = *left < length ? *left : length;
    part->end = part->begin + n;
    *left -= n;
}

/* The lines before a part, as httpd's byterange filter writes them, without the
 * numbers. */
static uint64_t lines_of(const request_rec *r)
{
    const char *boundary = ap_strstr_c(r->content_type, "boundary=");

    return (boundary ? strlen(boundary) - 9 : 0) +
           sizeof("\r\n--\r\nContent-type: audio/mpeg\r\nContent-range: bytes "
                  "\r\n\r\n");
}

static uint64_t digits(uint64_t n)
{
    uint64_t count = 1;

    while (n > 9) {
        n /= 10;
        count++;
    }
    return count;
}

/* A Content-Length; UINT64_MAX: it is not said. */
static uint64_t length_of(const char *text)
{
    uint64_t n = 0;
    int digits_n = 0;

    for (; text && text[digits_n] >= '0' && text[digits_n] <= '9'; digits_n++) {
        n = n * 10 + (uint64_t)(text[digits_n] - '0');
    }
    return digits_n && digits_n < 19 && !text[digits_n] ? n : UINT64_MAX;
}

static const char *several(request_rec *r, const playcount_media_answer *answer,
                           uint64_t body, uint64_t size,
                           playcount_media_parts *parts)
{
    const char *range = apr_table_get(r->headers_in, "Range");
    uint64_t lines = lines_of(r), left = body;
    int n;

    if (size == UINT64_MAX) {
        return "it has several ranges of a file whose length is not known";
    }
    parts->interval = apr_palloc(r->pool, PARTS_MOST * sizeof(*parts->interval));
    n = playcount_range_read(range ? range : "", size, parts->interval, PARTS_MOST);
    if (n <= 0 || n > PARTS_MOST) {
        return "its ranges are not those that were asked for";
    }
    parts->n = (size_t)n;
    parts->size = size;
    if (body >= length_of(answer->length)) {
        return NULL;
    }
    for (int i = 0; i < n; i++) {
        playcount_interval *part = &parts->interval[i];

        cut(part,
            lines + digits(part->begin) + digits(part->end - 1) + digits(size) + 2,
            &left);
    }
    return NULL;
}

const char *playcount_media_parts_of(request_rec *r,
                                     const playcount_media_answer *answer,
                                     apr_off_t body, uint64_t size,
                                     playcount_media_parts *parts)
{
    uint64_t left = body > 0 ? (uint64_t)body : 0;
    int partial = r->status == HTTP_PARTIAL_CONTENT;

    parts->interval = NULL;
    parts->n = 0;
    parts->size = UINT64_MAX;
    if (partial && !answer->range) {
        return r->content_type && !ap_cstr_casecmpn(r->content_type,
                                                    "multipart/byteranges", 20)
                   ? several(r, answer, left, size, parts)
                   : "it has no Content-Range";
    }
    parts->interval = &parts->one;
    parts->n = 1;
    if (partial) {
        if (!playcount_content_range_read(answer->range, parts->interval,
                                          &parts->size) ||
            parts->size == UINT64_MAX) {
            return "its Content-Range does not say the length of the file";
        }
        cut(parts->interval, 0, &left);
        return NULL;
    }
    parts->one = (playcount_interval){0, UINT64_MAX};
    cut(parts->interval, 0, &left);
    parts->size = length_of(answer->length);
    if (parts->size == UINT64_MAX) {
        parts->size = size;
    }
    return parts->size == UINT64_MAX ? "its length is not known" : NULL;
}

const char *playcount_media_got_text(apr_pool_t *p,
                                     const playcount_media_request *m)
{
    char *text;

    if (!m->has_got) {
        return "-";
    }
    text = apr_palloc(p, (m->got.n + 1) * PLAYCOUNT_INTERVAL_TEXT);
    playcount_intervals_write(text, m->got.interval, m->got.n);
    return text;
}

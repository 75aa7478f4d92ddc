/* POST of many songs at once. */

#include "httpd.h"
#include "apr_strings.h"

#include "api/api.h"
#include "server/accept.h"
#include "server/answer.h"
#include "server/listing.h"

/* The kinds of bodies. Their numbers are part of what an idempotency key remembers.
 */
typedef enum { OTHER, TEXT = 2, JSON = 3, FORM = 4 } kind;

static int is_type(const char *type, apr_size_t length, const char *name)
{
    return length == strlen(name) && !ap_cstr_casecmpn(type, name, length);
}

/* A body without a type is text. */
static kind kind_of(const request_rec *r)
{
    const char *type = apr_table_get(r->headers_in, "Content-Type");
    apr_size_t length = type ? strcspn(type, "; \t") : 0;

    if (!length || is_type(type, length, "text/plain")) {
        return TEXT;
    }
    if (is_type(type, length, "application/x-www-form-urlencoded")) {
        return FORM; /* what curl calls its text, too */
    }
    return is_type(type, length, "application/json") ? JSON : OTHER;
}

static playcount_body_read *reader_of(kind k)
{
    return k == JSON   ? playcount_body_json
           : k == FORM ? playcount_body_form
                       : playcount_body_text;
}

/* Is the body still compressed or the like? An input filter that decodes it takes
 * its coding out of the header, when it has seen the body. */
static int is_encoded(const request_rec *r)
{
    const char *coding = apr_table_get(r->headers_in, "Content-Encoding");

    return coding && *coding && ap_cstr_casecmp(coding, "identity");
}

static int refuse_encoding(request_rec *r)
{
    apr_table_setn(r->headers_out, "Accept-Encoding", "identity");
    return playcount_refuse(
        r, HTTP_UNSUPPORTED_MEDIA_TYPE,
        "The body has a Content-Encoding, and this server does not decode it: send "
        "it without, or let the server decode it by SetInputFilter DEFLATE.");
}

/* The new count after each entry, in the order and form of the request. Of a song
 * that stands there more than once, plays[].count is the count after the last; when
 * that is the top, it is not known how far below it the others were. */
static int answer_counts(request_rec *r, playcount_batch_body *b, kind k)
{
    playcount_listing listing;
    uint64_t *after = apr_palloc(r->pool, (b->entries + 1) * sizeof(*after));

    for (apr_size_t i = b->entries; i-- > 0;) {
        playcount_play *play = &b->plays[b->order[i]];

        after[i] = play->count;
        if (play->count < PLAYCOUNT_MAX) {
            play->count -= b->by[i];
        }
    }
    playcount_listing_begin(&listing, r,
                            k == JSON || playcount_wants_json(r) ? PLAYCOUNT_MAP
                            : b->in_lines                        ? PLAYCOUNT_LINES
                                                                 : PLAYCOUNT_TEXT);
    for (apr_size_t i = 0; i < b->entries; i++) {
        const playcount_play *play = &b->plays[b->order[i]];

        playcount_listing_add(&listing, play->id, play->length, after[i]);
    }
    return playcount_listing_end(&listing);
}

static int add_body(request_rec *r, playcount_served_zone *zone,
                    playcount_idempotency *i, kind k)
{
    playcount_batch_body batch = {0};
    char *body;
    apr_size_t length;
    const char *error = NULL;
    uint64_t fingerprint = 0;
    int too_many = 0;
    int status = playcount_request_body(r, &body, &length, &error);

    if (status != OK) {
        playcount_idempotency_release(zone, i);
        return playcount_refuse(r, status, error);
    }
    if (is_encoded(r)) {
        playcount_idempotency_release(zone, i);
        return refuse_encoding(r);
    }
    if (i->present) { /* before the body is decoded in place */
        fingerprint = playcount_key_fingerprint(k, body, length);
    }
    error = reader_of(k)(r->pool, zone->zone, body, length, &batch, &too_many);
    if (error) {
        playcount_idempotency_release(zone, i);
        return playcount_refuse(
            r, too_many ? HTTP_REQUEST_ENTITY_TOO_LARGE : HTTP_BAD_REQUEST, error);
    }
    if (!batch.n && !i->repeated) {
        playcount_idempotency_release(zone, i);
        return answer_counts(r, &batch, k);
    }
    return playcount_add_once(r, zone, i, fingerprint, batch.plays, batch.n)
               ? answer_counts(r, &batch, k)
               : OK;
}

int playcount_post_songs(request_rec *r, const playcount_request *q)
{
    playcount_idempotency i = {0};
    kind k = kind_of(r);

    if (k == OTHER) {
        return playcount_refuse(r, HTTP_UNSUPPORTED_MEDIA_TYPE,
                                "The body's Content-Type is neither text/plain nor "
                                "application/json nor that of a form.");
    }
    return playcount_idempotency_begin(r, q->zone, &i) ? add_body(r, q->zone, &i, k)
                                                       : OK;
}

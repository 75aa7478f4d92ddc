/* POST of many songs at once. */

#include "httpd.h"
#include "apr_strings.h"

#include "api/api.h"
#include "server/accept.h"
#include "server/answer.h"
#include "server/listing.h"

/* 1 for JSON, 0 for the text form, -1 for what is neither. A body without a type,
 * or with the one that curl gives by itself, is text. */
static int is_json(const request_rec *r)
{
    const char *type = apr_table_get(r->headers_in, "Content-Type");
    apr_size_t length = type ? strcspn(type, "; \t") : 0;

    if (!length ||
        !ap_cstr_casecmpn(type, "text/plain", length > 10 ? length : 10) ||
        !ap_cstr_casecmpn(type, "application/x-www-form-urlencoded",
                          length > 33 ? length : 33)) {
        return 0;
    }
    return ap_cstr_casecmpn(type, "application/json", length > 16 ? length : 16)
               ? -1
               : 1;
}

/* The new count after each entry, in the order and form of the request. Of a song
 * that stands there more than once, plays[].count is the count after the last; when
 * that is the top, nobody knows how far below it the others were. */
static int answer_counts(request_rec *r, playcount_batch_body *b, int json)
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
                            json || playcount_wants_json(r) ? PLAYCOUNT_MAP
                            : b->in_lines                   ? PLAYCOUNT_LINES
                                                            : PLAYCOUNT_TEXT);
    for (apr_size_t i = 0; i < b->entries; i++) {
        const playcount_play *play = &b->plays[b->order[i]];

        playcount_listing_add(&listing, play->id, play->length, after[i]);
    }
    return playcount_listing_end(&listing);
}

static int add_body(request_rec *r, playcount_served_zone *zone,
                    playcount_idempotency *i, int json)
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
    if (i->present) { /* before the body is decoded in place */
        fingerprint = playcount_key_fingerprint(json ? 3 : 2, body, length);
    }
    error = (json ? playcount_body_json : playcount_body_text)(
        r->pool, zone->zone, body, length, &batch, &too_many);
    if (error) {
        playcount_idempotency_release(zone, i);
        return playcount_refuse(
            r, too_many ? HTTP_REQUEST_ENTITY_TOO_LARGE : HTTP_BAD_REQUEST, error);
    }
    if (!batch.n && !i->repeated) {
        playcount_idempotency_release(zone, i);
        return answer_counts(r, &batch, json);
    }
    return playcount_add_once(r, zone, i, fingerprint, batch.plays, batch.n)
               ? answer_counts(r, &batch, json)
               : OK;
}

int playcount_post_songs(request_rec *r, const playcount_request *q)
{
    playcount_idempotency i = {0};
    int json = is_json(r);

    if (json < 0) {
        return playcount_refuse(r, HTTP_UNSUPPORTED_MEDIA_TYPE,
                                "The body's Content-Type is neither text/plain nor "
                                "application/json.");
    }
    return playcount_idempotency_begin(r, q->zone, &i)
               ? add_body(r, q->zone, &i, json)
               : OK;
}

/* GET, POST and DELETE of one song. */

#include "httpd.h"
#include "apr_strings.h"

#include "api/api.h"
#include "server/accept.h"
#include "server/answer.h"
#include "server/listing.h"
#include "server/query.h"
#include "server/text.h"

static int answer_count(request_rec *r, const playcount_request *q, uint64_t count)
{
    char text[PLAYCOUNT_DIGITS_MAX];

    if (playcount_wants_json(r)) {
        char *object = apr_palloc(r->pool, PLAYCOUNT_OBJECT_MAX + 3 * q->root);

        return playcount_answer(r, HTTP_OK, "application/json", object,
                                playcount_listing_object(object, q->uri, q->root,
                                                         q->id, q->length, count));
    }
    return playcount_answer(r, HTTP_OK, NULL, text, playcount_digits(text, count));
}

/* NULL, or the sentence of a 400. */
static const char *check_id(request_rec *r, const playcount_request *q)
{
    const char *wrong = playcount_id_error(q->id, q->length);

    return wrong ? apr_pstrcat(r->pool, "The id ", wrong, ".", NULL) : NULL;
}

int playcount_get_song(request_rec *r, const playcount_request *q)
{
    playcount_zone *zone;
    const char *error = check_id(r, q);

    if (!error) {
        error = playcount_asked_zone(r, q, &zone);
    }
    return error ? playcount_refuse(r, HTTP_BAD_REQUEST, error)
                 : answer_count(
                       r, q,
                       playcount_zone_get_hashed(zone, q->id, q->length, q->hash));
}

/* With a key, the song is a batch of one: only a batch keeps its answer in the
 * same step in which it counts. */
static int add_with_key(request_rec *r, const playcount_request *q,
                        playcount_idempotency *i, uint64_t by)
{
    playcount_play play = {
        .id = q->id, .length = (uint8_t)q->length, .hash = q->hash, .by = by};
    uint64_t fingerprint =
        playcount_key_fingerprint(1, (const char *)&by, sizeof(by));

    fingerprint = playcount_key_fingerprint(fingerprint, q->id, q->length);
    return playcount_add_once(r, q->zone, i, fingerprint, &play, 1)
               ? answer_count(r, q, play.count)
               : OK;
}

int playcount_post_song(request_rec *r, const playcount_request *q)
{
    playcount_idempotency i = {0};
    uint64_t by = 1, count;
    const char *error = check_id(r, q);
    apr_status_t rv;
    int status;

    if (error ||
        (r->args && (error = playcount_query_number(r->pool, r->args, "by",
                                                    PLAYCOUNT_BY_MAX, &by)))) {
        return playcount_refuse(r, HTTP_BAD_REQUEST, error);
    }
    if ((status = playcount_discard_body(r)) != OK) {
        return playcount_refuse(r, status, playcount_body_error(status));
    }
    if (!playcount_idempotency_begin(r, q->zone, &i)) {
        return OK;
    }
    if (i.present) {
        return add_with_key(r, q, &i, by);
    }
    rv = playcount_zone_add_hashed(q->zone->zone, q->id, q->length, q->hash, by,
                                   &count);
    return rv == APR_SUCCESS ? answer_count(r, q, count)
                             : playcount_refuse_add(r, q->zone, rv);
}

/* The same song cannot wait twice to be handed over, and not any number of songs
 * can. */
static int refuse_until_handed_over(request_rec *r)
{
    apr_table_setn(r->headers_out, "Retry-After", "5");
    return playcount_refuse(
        r, HTTP_CONFLICT,
        "The song was deleted before, or 256 others were, and plays from before "
        "that "
        "are still to be handed over; try again when the next batch has been "
        "acknowledged.");
}

int playcount_forget_song(request_rec *r, const playcount_request *q)
{
    const char *error = check_id(r, q);
    uint64_t count = 0;
    apr_status_t rv;

    if (error) {
        return playcount_refuse(r, HTTP_BAD_REQUEST, error);
    }
    rv = playcount_zone_forget(q->zone->zone, q->id, q->length, &count);
    if (rv == APR_NOTFOUND) {
        return playcount_not_found(r);
    }
    if (rv == APR_EBUSY) {
        return refuse_until_handed_over(r);
    }
    if (rv == APR_ENOTIMPL) {
        return playcount_refuse(
            r, HTTP_CONFLICT,
            "The zone belongs to a cluster, in which a single song "
            "cannot be forgotten.");
    }
    return rv == APR_SUCCESS ? answer_count(r, q, count)
                             : playcount_refuse_add(r, q->zone, rv);
}

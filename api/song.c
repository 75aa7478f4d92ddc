/* GET and POST of one song. */

#include "httpd.h"
#include "apr_strings.h"

#include "api/api.h"
#include "server/answer.h"
#include "server/listing.h"
#include "server/text.h"

static int answer_count(request_rec *r, const playcount_id *id, uint64_t count)
{
    char text[PLAYCOUNT_DIGITS_MAX];

    if (playcount_wants_json(r)) {
        char *object =
            apr_palloc(r->pool, PLAYCOUNT_OBJECT_MAX + 3 * strlen(r->uri));

        return playcount_answer(
            r, HTTP_OK, "application/json", object,
            playcount_listing_object(object, r, id->bytes, id->length, count));
    }
    return playcount_answer(r, HTTP_OK, NULL, text, playcount_digits(text, count));
}

int playcount_get_song(request_rec *r, playcount_served_zone *zone)
{
    playcount_id id;
    const char *error = playcount_request_id(r, &id);

    playcount_discard_body(r);
    return error ? playcount_refuse(r, HTTP_BAD_REQUEST, error)
                 : answer_count(
                       r, &id, playcount_zone_get(zone->zone, id.bytes, id.length));
}

/* With a key, the song is a batch of one: only a batch keeps its answer in the
 * same step in which it counts. */
static int add_with_key(request_rec *r, playcount_served_zone *zone,
                        playcount_idempotency *i, const playcount_id *id,
                        uint64_t by)
{
    playcount_play play = {
        .id = id->bytes, .length = (uint8_t)id->length, .by = by};
    uint64_t fingerprint =
        playcount_key_fingerprint(1, (const char *)&by, sizeof(by));

    play.hash = playcount_zone_hash(zone->zone, id->bytes, id->length);
    fingerprint = playcount_key_fingerprint(fingerprint, id->bytes, id->length);
    return playcount_add_once(r, zone, i, fingerprint, &play, 1)
               ? answer_count(r, id, play.count)
               : OK;
}

static const char *read_by(request_rec *r, uint64_t *by)
{
    const char *error = NULL;
    const char *text =
        r->args ? playcount_request_parameter(r, "by", &error) : NULL;

    *by = text ? playcount_read_number(text, strlen(text), PLAYCOUNT_BY_MAX) : 1;
    return *by ? error : "by is not a whole number from 1 to 1000000000.";
}

int playcount_post_song(request_rec *r, playcount_served_zone *zone)
{
    playcount_idempotency i = {0};
    playcount_id id;
    uint64_t by, count;
    const char *error = playcount_request_id(r, &id);
    apr_status_t rv;
    int status;

    if (error || (error = read_by(r, &by))) {
        return playcount_refuse(r, HTTP_BAD_REQUEST, error);
    }
    if ((status = playcount_discard_body(r)) != OK) {
        return playcount_refuse(r, status, playcount_body_error(status));
    }
    if (!playcount_idempotency_begin(r, zone, &i)) {
        return OK;
    }
    if (i.present) {
        return add_with_key(r, zone, &i, &id, by);
    }
    rv = playcount_zone_add(zone->zone, id.bytes, id.length, by, &count);
    return rv == APR_SUCCESS ? answer_count(r, &id, count)
                             : playcount_refuse_add(r, zone, rv);
}

/* Batches over HTTP, for consumers that fetch them:
 *
 *   POST /handoff           take a batch, or get the one that is open again
 *   GET /handoff            the one that is open
 *   DELETE /handoff/NUMBER  acknowledge it
 */
#include "handoff/handoff.h"

#include "apr_strings.h"
#include "http_log.h"
#include "http_protocol.h"

#include "server/accept.h"
#include "server/answer.h"
#include "server/dispatch.h"
#include "server/listing.h"
#include "server/text.h"

APLOG_USE_MODULE(playcount);

#define NUMBERS "/handoff/"

static int refuse(request_rec *r, playcount_served_zone *zone, apr_status_t rv)
{
    if (APR_STATUS_IS_TIMEUP(rv)) {
        return playcount_refuse_frozen(r, zone);
    }
    ap_log_rerror(APLOG_MARK, APLOG_ERR, rv, r, "the handoff cannot be done");
    return playcount_refuse(r, HTTP_INTERNAL_SERVER_ERROR,
                            "The zone cannot be locked or written to the disk.");
}

static void set_number(request_rec *r, const char *header, uint64_t number)
{
    apr_table_setn(r->headers_out, header,
                   apr_psprintf(r->pool, "%" APR_UINT64_T_FMT, number));
}

static int list(request_rec *r, const playcount_served_zone *zone,
                const playcount_batch *batch)
{
    playcount_listing listing;
    playcount_batch_cursor cursor;
    playcount_song song;
    int more = 1;

    set_number(r, "Playcount-Batch", batch->number);
    /* A consumer that has no number above this does not have the batch. */
    set_number(r, "Playcount-Previous",
               batch->since > batch->previous ? batch->since : batch->previous);
    apr_table_setn(r->headers_out, "Playcount-At-Open", batch->at_open ? "1" : "0");
    playcount_listing_begin(
        &listing, r, playcount_wants_json(r) ? PLAYCOUNT_MAP : PLAYCOUNT_TEXT);
    playcount_batch_begin(zone->zone, batch, &cursor);
    while (!listing.stream.broken &&
           (more = playcount_batch_next(zone->zone, &cursor, &song)) > 0) {
        playcount_listing_add(&listing, song.id, song.length, song.count);
    }
    if (more < 0) {
        /* Acknowledged meanwhile: what was sent may not be the batch. */
        return playcount_stream_abort(&listing.stream);
    }
    return playcount_listing_end(&listing);
}

static int get_batch(request_rec *r, const playcount_request *q)
{
    playcount_batch batch;
    apr_status_t rv = playcount_batch_get(q->zone->zone, &batch);

    if (rv == APR_NOTFOUND) {
        return playcount_not_found(r);
    }
    return rv == APR_SUCCESS ? list(r, q->zone, &batch) : refuse(r, q->zone, rv);
}

static int delivered_elsewhere(request_rec *r)
{
    return playcount_refuse(r, HTTP_CONFLICT,
                            "This zone is delivered by the server itself "
                            "(PlaycountHandoff), and a zone has one consumer.");
}

static int take_batch(request_rec *r, const playcount_request *q)
{
    playcount_batch batch;
    apr_status_t rv;

    if (playcount_handoff_of(q->zone)) {
        return delivered_elsewhere(r);
    }
    rv = playcount_batch_take(q->zone->zone, &batch);
    if (rv == APR_NOTFOUND) {
        r->status = HTTP_NO_CONTENT;
        apr_table_setn(r->headers_out, "Cache-Control", "no-store");
        return OK;
    }
    return rv == APR_SUCCESS ? list(r, q->zone, &batch) : refuse(r, q->zone, rv);
}

static int acknowledge(request_rec *r, const playcount_request *q)
{
    const char *text = q->path + strlen(NUMBERS);
    uint64_t number = playcount_read_number(text, strlen(text), PLAYCOUNT_MAX);
    apr_status_t rv;

    if (!number) {
        return playcount_not_found(r);
    }
    if (playcount_handoff_of(q->zone)) {
        return delivered_elsewhere(r);
    }
    rv = playcount_batch_acknowledge(q->zone->zone, number);
    if (rv == APR_EMISMATCH) {
        return playcount_refuse(r, HTTP_CONFLICT,
                                "This is the number neither of the open batch nor "
                                "of the one acknowledged last.");
    }
    return rv == APR_SUCCESS ? playcount_answer(r, HTTP_OK, NULL, "OK", 2)
                             : refuse(r, q->zone, rv);
}

const playcount_endpoint playcount_lease_endpoints[] = {
    {"/handoff",
     {{M_GET, get_batch, PLAYCOUNT_NO_BODY},
      {M_POST, take_batch, PLAYCOUNT_NO_BODY}}},
    {NUMBERS, {{M_DELETE, acknowledge, PLAYCOUNT_NO_BODY}}},
    {.path = NULL},
};

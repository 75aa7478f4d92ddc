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

#include "server/answer.h"
#include "server/listing.h"
#include "server/root.h"
#include "server/text.h"

APLOG_USE_MODULE(playcount);

#define ALLOW_BATCH "GET, HEAD, POST, OPTIONS"
#define ALLOW_NUMBER "DELETE, OPTIONS"

static int refuse(request_rec *r, apr_status_t rv)
{
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
    /* Who has no number above this has not got the batch. */
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

static int get_batch(request_rec *r, playcount_served_zone *zone)
{
    playcount_batch batch;
    apr_status_t rv = playcount_batch_get(zone->zone, &batch);

    playcount_discard_body(r);
    if (rv == APR_NOTFOUND) {
        return playcount_not_found(r);
    }
    return rv == APR_SUCCESS ? list(r, zone, &batch) : refuse(r, rv);
}

static int delivered_elsewhere(request_rec *r)
{
    return playcount_refuse(r, HTTP_CONFLICT,
                            "This zone is delivered by the server itself "
                            "(PlaycountHandoff), and a zone has one consumer.");
}

static int take_batch(request_rec *r, playcount_served_zone *zone)
{
    playcount_batch batch;
    apr_status_t rv;

    if (playcount_handoff_of(zone)) {
        return delivered_elsewhere(r);
    }
    playcount_discard_body(r);
    rv = playcount_batch_take(zone->zone, &batch);
    if (rv == APR_NOTFOUND) {
        r->status = HTTP_NO_CONTENT;
        apr_table_setn(r->headers_out, "Cache-Control", "no-store");
        return OK;
    }
    return rv == APR_SUCCESS ? list(r, zone, &batch) : refuse(r, rv);
}

static int acknowledge(request_rec *r, playcount_served_zone *zone, uint64_t number)
{
    apr_status_t rv;

    if (playcount_handoff_of(zone)) {
        return delivered_elsewhere(r);
    }
    playcount_discard_body(r);
    rv = playcount_batch_acknowledge(zone->zone, number);
    if (rv == APR_EMISMATCH) {
        return playcount_refuse(r, HTTP_CONFLICT,
                                "This is the number neither of the open batch nor "
                                "of the one acknowledged last.");
    }
    return rv == APR_SUCCESS ? playcount_answer(r, HTTP_OK, NULL, "OK", 2)
                             : refuse(r, rv);
}

static int handle_number(request_rec *r, const char *text)
{
    uint64_t number = playcount_read_number(text, strlen(text), PLAYCOUNT_MAX);

    if (!number) {
        return playcount_not_found(r);
    }
    if (r->method_number == M_DELETE) {
        return acknowledge(r, playcount_zone_of(r), number);
    }
    return r->method_number == M_OPTIONS ? playcount_options(r, ALLOW_NUMBER)
                                         : playcount_not_allowed(r, ALLOW_NUMBER);
}

int playcount_lease_handler(request_rec *r)
{
    const char *path;

    if (!r->handler || strcmp(r->handler, PLAYCOUNT_HANDLER) ||
        !strstr(r->uri, "/handoff")) {
        return DECLINED;
    }
    path = playcount_path_below_root(r);
    if (!strncmp(path, "/handoff/", 9)) {
        return handle_number(r, path + 9);
    }
    if (strcmp(path, "/handoff")) {
        return DECLINED;
    }
    switch (r->method_number) {
    case M_GET:
        return get_batch(r, playcount_zone_of(r));
    case M_POST:
        return take_batch(r, playcount_zone_of(r));
    case M_OPTIONS:
        return playcount_options(r, ALLOW_BATCH);
    default:
        return playcount_not_allowed(r, ALLOW_BATCH);
    }
}

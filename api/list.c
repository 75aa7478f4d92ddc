/* GET of many songs, DELETE of all. */

#include "httpd.h"
#include "apr_strings.h"

#include "api/api.h"
#include "server/accept.h"
#include "server/answer.h"
#include "server/listing.h"
#include "server/query.h"
#include "shm/zone/writer.h"

/* Pages that are to form one listing must come from one mapping, in one order: a
 * clear makes another one, and so may a start of the server, as the zone's file can
 * be an older state of itself then. */
static void name_mapping(request_rec *r, const playcount_served_zone *zone,
                         const playcount_cursor *cursor)
{
    apr_table_setn(
        r->headers_out, "Playcount-Mapping",
        apr_psprintf(r->pool, "%016" APR_UINT64_T_HEX_FMT "-%" APR_UINT64_T_HEX_FMT,
                     zone->opening, cursor->epoch));
}

const char *playcount_asked_zone(request_rec *r, const playcount_request *q,
                                 playcount_zone **zone)
{
    const char *error = NULL;
    const char *local =
        r->args ? playcount_query_value(r->pool, r->args, "local", &error) : NULL;

    *zone = q->zone->zone;
    if (local && !strcmp(local, "1")) {
        *zone = playcount_zone_local(*zone);
    }
    return local && strcmp(local, "1") && strcmp(local, "0")
               ? "local is neither 0 nor 1."
               : error;
}

int playcount_list_all(request_rec *r, const playcount_request *q)
{
    playcount_listing listing;
    playcount_cursor cursor;
    playcount_song song;
    playcount_zone *zone;
    const char *error = playcount_asked_zone(r, q, &zone);

    if (error) {
        return playcount_refuse(r, HTTP_BAD_REQUEST, error);
    }
    playcount_zone_begin(zone, &cursor);
    name_mapping(r, q->zone, &cursor);
    playcount_listing_begin(
        &listing, r, playcount_wants_json(r) ? PLAYCOUNT_MAP : PLAYCOUNT_TEXT);
    while (!listing.stream.broken && playcount_zone_next(zone, &cursor, &song)) {
        playcount_listing_add(&listing, song.id, song.length, song.count);
    }
    return playcount_listing_end(&listing);
}

int playcount_clear_all(request_rec *r, const playcount_request *q)
{
    apr_status_t rv = playcount_zone_clear(q->zone->zone);

    return rv == APR_SUCCESS ? playcount_answer(r, HTTP_OK, NULL, "OK", 2)
                             : playcount_refuse_add(r, q->zone, rv);
}

/* What GET /songs asks for. */
typedef struct {
    uint64_t top;       /* 0: in the listing's order */
    uint64_t limit;     /* songs at most */
    const char *prefix; /* NULL: any id */
    const char *after;  /* NULL: from the beginning */
} selection;

static const char *read_selection(request_rec *r, selection *s)
{
    const char *error = NULL;

    s->limit = PLAYCOUNT_SONGS_MAX;
    s->prefix = playcount_query_value(r->pool, r->args, "prefix", &error);
    if (!error) {
        s->after = playcount_query_value(r->pool, r->args, "after", &error);
    }
    if (!error) {
        error = playcount_query_number(r->pool, r->args, "limit",
                                       PLAYCOUNT_SONGS_MAX, &s->limit);
    }
    if (!error) {
        error = playcount_query_number(r->pool, r->args, "top", PLAYCOUNT_SONGS_MAX,
                                       &s->top);
    }
    if (!error && s->top && (s->prefix || s->after)) {
        error = "top goes neither with prefix nor with after.";
    }
    return error;
}

static void list_song(void *listing, const playcount_song *song)
{
    playcount_listing_add(listing, song->id, song->length, song->count);
}

static void list_in_order(playcount_listing *listing, playcount_zone *zone,
                          playcount_cursor *cursor, const selection *s)
{
    apr_size_t length = s->prefix ? strlen(s->prefix) : 0;
    playcount_song song;

    while (listing->songs < s->limit && !listing->stream.broken &&
           playcount_zone_next(zone, cursor, &song)) {
        if (song.length >= length &&
            !memcmp(song.id, s->prefix ? s->prefix : "", length)) {
            playcount_listing_add(listing, song.id, song.length, song.count);
        }
    }
}

int playcount_list_some(request_rec *r, const playcount_request *q)
{
    playcount_listing listing;
    playcount_cursor cursor;
    selection s = {0};
    playcount_zone *zone;
    const char *error = read_selection(r, &s);
    int there;

    if (!error) {
        error = playcount_asked_zone(r, q, &zone);
    }
    if (error) {
        return playcount_refuse(r, HTTP_BAD_REQUEST, error);
    }
    playcount_zone_begin(zone, &cursor);
    there = !s.after ||
            playcount_zone_begin_after(zone, &cursor, s.after, strlen(s.after));
    if (!s.top) {
        name_mapping(r, q->zone, &cursor);
    }
    if (!there) {
        return playcount_refuse(r, HTTP_BAD_REQUEST,
                                "after names no song that is here.");
    }
    playcount_listing_begin(
        &listing, r, playcount_wants_json(r) ? PLAYCOUNT_ARRAY : PLAYCOUNT_TEXT);
    if (s.top) {
        playcount_zone_top(zone, (apr_size_t)(s.top < s.limit ? s.top : s.limit),
                           list_song, &listing);
    }
    else {
        list_in_order(&listing, zone, &cursor, &s);
    }
    return playcount_listing_end(&listing);
}

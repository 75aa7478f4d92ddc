/* Songs and numbers in the forms that answers have: see listing.h. */

#include "server/listing.h"

#include <string.h>

#include "http_protocol.h"

#include "server/request.h"
#include "server/text.h"

/* Ids need not be ASCII, as counts and sentences are: without a charset, clients
 * take text for Latin-1. */
#define UTF8 "text/plain; charset=utf-8"

static const struct {
    const char *type, *open, *between, *close;
} forms[] = {
    [PLAYCOUNT_TEXT] = {UTF8, "", ",", ""},
    [PLAYCOUNT_LINES] = {UTF8, "", "\n", ""},
    [PLAYCOUNT_MAP] = {"application/json", "{", ",", "}"},
    [PLAYCOUNT_ARRAY] = {"application/json", "[", ",", "]"},
};

static char *put(char *at, const char *text)
{
    apr_size_t length = strlen(text);

    memcpy(at, text, length);
    return at + length;
}

apr_size_t playcount_listing_object(char *out, const char *root,
                                    apr_size_t root_length, const char *id,
                                    apr_size_t length, uint64_t count)
{
    char *at = put(out, "{\"song\":\"");

    at += playcount_json_escape(at, id, length);
    at = put(at, "\",\"count\":");
    at += playcount_digits(at, count);
    at = put(at, ",\"href\":\"");
    at += playcount_url_escape(at, root, root_length);
    at = put(at, "/song/");
    at += playcount_url_escape_id(at, id, length);
    at = put(at, "\"}");
    return (apr_size_t)(at - out);
}

void playcount_listing_begin(playcount_listing *l, request_rec *r,
                             playcount_form form)
{
    l->form = form;
    l->root = r->uri;
    l->root_length =
        form == PLAYCOUNT_ARRAY ? playcount_request_complete(r)->root : 0;
    l->songs = 0;
    playcount_stream_begin(&l->stream, r, forms[form].type);
    playcount_stream_write(&l->stream, forms[form].open, strlen(forms[form].open));
}

void playcount_listing_add(playcount_listing *l, const char *id, apr_size_t length,
                           uint64_t count)
{
    char *room = playcount_stream_room(&l->stream,
                                       PLAYCOUNT_OBJECT_MAX + 3 * l->root_length);
    char *at = room;

    if (l->songs++) {
        *at++ = *forms[l->form].between;
    }
    if (l->form == PLAYCOUNT_ARRAY) {
        at += playcount_listing_object(at, l->root, l->root_length, id, length,
                                       count);
    }
    else if (l->form == PLAYCOUNT_MAP) {
        *at++ = '"';
        at += playcount_json_escape(at, id, length);
        at = put(at, "\":");
        at += playcount_digits(at, count);
    }
    else {
        at += playcount_listing_escape(at, id, length);
        *at++ = '=';
        at += playcount_digits(at, count);
    }
    playcount_stream_advance(&l->stream, (apr_size_t)(at - room));
}

int playcount_listing_end(playcount_listing *l)
{
    playcount_stream_write(&l->stream, forms[l->form].close,
                           strlen(forms[l->form].close));
    return playcount_stream_end(&l->stream);
}

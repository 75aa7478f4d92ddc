/* The Idempotency-Key header (draft-ietf-httpapi-idempotency-key-header): a
 * request that is sent again under its key is answered again, not counted again.
 */

#include "httpd.h"
#include "apr_lib.h"
#include "apr_strings.h"
#include "apr_time.h"

#include "api/api.h"
#include "server/answer.h"

#define KEY_MAX 255

/* The key in the header: a string of structured fields ("..."), or bare. The
 * sentence of a 400 when there is no key in it. */
static const char *read_header(request_rec *r, const char *header, const char **key,
                               apr_size_t *length)
{
    char *out = apr_palloc(r->pool, strlen(header) + 1);
    int quoted = *header == '"';
    const char *at = header + quoted;

    *key = out;
    for (; *at && !(quoted && *at == '"'); at++) {
        if (quoted && *at == '\\') {
            at++;
        }
        if (!apr_isprint(*at) || (!quoted && (*at == '"' || *at == ' '))) {
            return "Idempotency-Key is not a string of printable ASCII characters "
                   "in "
                   "double quotes.";
        }
        *out++ = *at;
    }
    *length = (apr_size_t)(out - *key);
    if (quoted && (*at != '"' || at[1])) {
        return "Idempotency-Key does not end with its closing quote.";
    }
    return *length >= 1 && *length <= KEY_MAX
               ? NULL
               : "Idempotency-Key is not 1 to 255 characters long.";
}

static int refuse(request_rec *r, int status, const char *sentence)
{
    playcount_refuse(r, status, sentence);
    return 0;
}

static int refuse_busy(request_rec *r)
{
    apr_table_setn(r->headers_out, "Retry-After", "1");
    return refuse(
        r, HTTP_CONFLICT,
        "The first request with this Idempotency-Key is still being answered; "
        "try again.");
}

int playcount_idempotency_begin(request_rec *r, playcount_served_zone *zone,
                                playcount_idempotency *i)
{
    const char *header = apr_table_get(r->headers_in, "Idempotency-Key");
    const char *key, *error;
    apr_size_t length;
    apr_status_t rv;

    if (!header) {
        return 1;
    }
    if ((error = read_header(r, header, &key, &length))) {
        return refuse(r, HTTP_BAD_REQUEST, error);
    }
    i->key = playcount_key_hash(zone->zone, key, length);
    rv = playcount_key_claim(zone->zone, &i->key,
                             (uint64_t)apr_time_sec(r->request_time),
                             zone->key_seconds, &i->claim);
    if (rv == APR_EBUSY) {
        return refuse_busy(r);
    }
    if (rv == APR_ENOTIMPL) {
        return refuse(
            r, HTTP_NOT_IMPLEMENTED,
            "Idempotency-Key is switched off here (PlaycountIdempotency 0); the "
            "request was not counted.");
    }
    if (rv != APR_SUCCESS && rv != APR_EEXIST) {
        playcount_refuse_add(r, zone, rv);
        return 0;
    }
    i->present = 1;
    i->repeated = rv == APR_EEXIST;
    return 1;
}

void playcount_idempotency_release(playcount_served_zone *zone,
                                   playcount_idempotency *i)
{
    if (i->present && !i->repeated) {
        playcount_key_release(zone->zone, &i->claim);
    }
}

/* The first answer's counts. When a batch's are gone, the songs' counts of now:
 * the batch is in them. */
static int recall(request_rec *r, playcount_served_zone *zone,
                  playcount_idempotency *i, uint64_t fingerprint,
                  playcount_play *plays, apr_size_t n)
{
    uint64_t *counts = apr_palloc(r->pool, n * sizeof(*counts));
    apr_status_t rv =
        playcount_key_recall(zone->zone, &i->key, fingerprint, counts, n);

    if (rv == APR_EMISMATCH) {
        return refuse(r, HTTP_UNPROCESSABLE_ENTITY,
                      "This Idempotency-Key was used for another request.");
    }
    if (rv == APR_NOTFOUND) {
        return refuse_busy(r); /* it went out of memory just now */
    }
    if (rv != APR_SUCCESS && rv != APR_INCOMPLETE) {
        playcount_refuse_add(r, zone, rv);
        return 0;
    }
    for (apr_size_t k = 0; k < n; k++) {
        plays[k].count =
            rv == APR_SUCCESS
                ? counts[k]
                : playcount_zone_get(zone->zone, plays[k].id, plays[k].length);
    }
    return 1;
}

int playcount_add_once(request_rec *r, playcount_served_zone *zone,
                       playcount_idempotency *i, uint64_t fingerprint,
                       playcount_play *plays, apr_size_t n)
{
    apr_status_t rv;

    if (i->repeated) {
        return recall(r, zone, i, fingerprint, plays, n);
    }
    i->claim.fingerprint = fingerprint;
    rv = playcount_zone_add_many(zone->zone, plays, n,
                                 i->present ? &i->claim : NULL);
    if (rv == APR_SUCCESS) {
        return 1;
    }
    if (rv == APR_EBUSY) {
        return refuse_busy(r);
    }
    playcount_idempotency_release(zone, i);
    playcount_refuse_add(r, zone, rv);
    return 0;
}

/* What requests carry: ids, query parameters, bodies. */

#include "httpd.h"
#include "apr_strings.h"
#include "apr_time.h"
#include "http_log.h"
#include "http_protocol.h"

#include "api/api.h"
#include "server/answer.h"
#include "server/root.h"
#include "server/text.h"

APLOG_USE_MODULE(playcount);

const char *playcount_request_id(request_rec *r, playcount_id *id)
{
    const char *path = playcount_path_below_root(r) + strlen(PLAYCOUNT_SONG);
    const char *wrong;

    id->length = strlen(path);
    memcpy(id->bytes, path,
           id->length < PLAYCOUNT_ID_MAX ? id->length : PLAYCOUNT_ID_MAX);
    wrong = playcount_id_error(id->bytes, id->length);
    return wrong ? apr_pstrcat(r->pool, "The id ", wrong, ".", NULL) : NULL;
}

const char *playcount_request_parameter(request_rec *r, const char *name,
                                        const char **error)
{
    apr_size_t length = strlen(name);
    const char *args = r->args;
    char *value = NULL;

    while (args && *args) {
        apr_size_t n = strcspn(args, "&");

        if (n >= length && !strncmp(args, name, length) &&
            (n == length || args[length] == '=')) {
            apr_size_t at = n == length ? n : length + 1;
            apr_ssize_t decoded;

            if (value) {
                *error = apr_pstrcat(r->pool, "The parameter ", name,
                                     " is there more than once.", NULL);
                return NULL;
            }
            value = apr_palloc(r->pool, n - at + 1);
            decoded = playcount_percent_decode(value, n - at, args + at, n - at, 1);
            if (decoded < 0) {
                *error =
                    apr_pstrcat(r->pool, "The parameter ", name,
                                " has a % that is not followed by two hexadecimal "
                                "digits other than 00.",
                                NULL);
                return NULL;
            }
            value[decoded] = '\0';
        }
        args += n + (args[n] == '&');
    }
    return value;
}

static int too_long(request_rec *r, const char **error)
{
    r->connection->keepalive = AP_CONN_CLOSE;
    *error = "The body is longer than 16 MiB; send it in parts.";
    return HTTP_REQUEST_ENTITY_TOO_LARGE;
}

/* Make room for `more` bytes and a NUL. */
static void grow(request_rec *r, char **body, apr_size_t used, apr_size_t *room,
                 apr_size_t more)
{
    if (used + more + 1 > *room) {
        char *old = *body;

        *room = 2 * (used + more + 1);
        *body = apr_palloc(r->pool, *room);
        memcpy(*body, old, used);
    }
}

int playcount_request_body(request_rec *r, char **body, apr_size_t *length,
                           const char **error)
{
    apr_bucket_brigade *bb =
        apr_brigade_create(r->pool, r->connection->bucket_alloc);
    const char *announced = apr_table_get(r->headers_in, "Content-Length");
    uint64_t expected =
        announced ? playcount_read_number(announced, strlen(announced), INT64_MAX)
                  : 0;
    apr_size_t room = expected <= PLAYCOUNT_BODY_MAX ? (apr_size_t)expected + 1 : 0;
    int ended = 0;

    if (!room) {
        return too_long(r, error);
    }
    *body = apr_palloc(r->pool, room);
    *length = 0;
    while (!ended) {
        apr_status_t rv = ap_get_brigade(r->input_filters, bb, AP_MODE_READBYTES,
                                         APR_BLOCK_READ, HUGE_STRING_LEN);

        if (rv != APR_SUCCESS) {
            int status = ap_map_http_request_error(rv, HTTP_BAD_REQUEST);

            *error = playcount_body_error(status);
            return status;
        }
        for (apr_bucket *b = APR_BRIGADE_FIRST(bb);
             b != APR_BRIGADE_SENTINEL(bb) && !ended; b = APR_BUCKET_NEXT(b)) {
            const char *data;
            apr_size_t n;

            ended = APR_BUCKET_IS_EOS(b);
            if (APR_BUCKET_IS_METADATA(b) ||
                apr_bucket_read(b, &data, &n, APR_BLOCK_READ) != APR_SUCCESS) {
                continue;
            }
            if (*length + n > PLAYCOUNT_BODY_MAX) {
                return too_long(r, error);
            }
            grow(r, body, *length, &room, n);
            memcpy(*body + *length, data, n);
            *length += n;
        }
        apr_brigade_cleanup(bb);
    }
    (*body)[*length] = '\0';
    return OK;
}

int playcount_refuse_add(request_rec *r, playcount_served_zone *zone,
                         apr_status_t rv)
{
    if (rv == APR_ENOSPC) {
        if (playcount_zone_say_full(zone->zone,
                                    (uint64_t)apr_time_sec(r->request_time))) {
            ap_log_rerror(
                APLOG_MARK, APLOG_ERR, 0, r,
                "PlaycountZone %s is full: %" APR_UINT64_T_FMT
                " songs. New songs are refused with 507, known ones go on; set "
                "songs= higher and start the server anew",
                zone->name, zone->songs);
        }
        return playcount_refuse(r, HTTP_INSUFFICIENT_STORAGE,
                                "The zone is full: it takes no new songs.");
    }
    ap_log_rerror(
        APLOG_MARK, APLOG_ERR, rv, r,
        "PlaycountZone %s: its lock cannot be had; see the Mutex directive",
        zone->name);
    return playcount_refuse(r, HTTP_SERVICE_UNAVAILABLE,
                            "The play could not be counted; try again.");
}

/* The body of a batch, read into memory. */

#include "httpd.h"
#include "http_protocol.h"

#include "api/api.h"
#include "server/answer.h"
#include "server/text.h"

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

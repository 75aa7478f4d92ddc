/* Requests in which another one that looks alike could not differ: nothing in the
 * headers has a meaning of its own for each request, nobody is known, and no filter
 * changes what the counter answers. */

#include "lane/lane.h"

#include "apr_strings.h"
#include "http_core.h"
#include "http_protocol.h"

#include "server/root.h"

static const char *const never[] = {"Authorization",
                                    "Proxy-Authorization",
                                    "Transfer-Encoding",
                                    "Expect",
                                    "Upgrade",
                                    "HTTP2-Settings",
                                    "Range",
                                    "If-Range",
                                    "If-Match",
                                    "If-None-Match",
                                    "If-Modified-Since",
                                    "If-Unmodified-Since",
                                    "Idempotency-Key",
                                    "Trailer",
                                    "TE",
                                    "Content-Encoding",
                                    NULL};

/* Headers that have a meaning of their own for each request, and bodies. */
static int is_never(const char *name, const char *value)
{
    if (!ap_cstr_casecmp(name, "Content-Length")) {
        return strcmp(value, "0") != 0;
    }
    for (int i = 0; never[i]; i++) {
        if (!ap_cstr_casecmp(name, never[i])) {
            return 1;
        }
    }
    return 0;
}

/* Does httpd have these very headers, and no other? */
int playcount_lane_has_headers(request_rec *r, const playcount_lane_pattern *p)
{
    playcount_lane_header h;
    apr_size_t at = 0;
    int n = 0;

    while (playcount_lane_next_header(p->tail, p->tail_length, &at, &h)) {
        const char *name = apr_pstrmemdup(r->pool, h.name, h.name_length);
        const char *value = apr_table_get(r->headers_in, name);

        if (!value || strlen(value) != h.value_length ||
            memcmp(value, h.value, h.value_length) || is_never(name, value)) {
            return 0;
        }
        n++;
    }
    return apr_table_elts(r->headers_in)->nelts == n;
}

/* Filters that change nothing that the lane would not: httpd's own for HTTP, the
 * core's, and those that count. */
static int are_known(const ap_filter_t *f)
{
    static const char *const known[] = {"byterange",
                                        "content_length",
                                        "http_header",
                                        "http_outerror",
                                        "core",
                                        "log_input_output",
                                        "http_in",
                                        "core_in",
                                        "reqtimeout",
                                        "playcount_blocks",
                                        "playcount_lane_in",
                                        "playcount_lane_watch",
                                        "old_write",
                                        NULL};

    for (; f; f = f->next) {
        int i = 0;

        while (known[i] && strcmp(known[i], f->frec->name)) {
            i++;
        }
        if (!known[i]) {
            return 0;
        }
    }
    return 1;
}

int playcount_lane_is_plain(const request_rec *r)
{
    return !r->main && !r->prev && !r->assbackwards && !r->proxyreq && !r->user &&
           !r->ap_auth_type && r->status == HTTP_OK && r->handler &&
           !strcmp(r->handler, PLAYCOUNT_HANDLER) &&
           (r->method_number == M_GET || r->method_number == M_POST) &&
           r->proto_num <= HTTP_VERSION(1, 1) &&
           !strcmp(ap_get_protocol(r->connection), AP_PROTOCOL_HTTP1) &&
           are_known(r->output_filters) && are_known(r->input_filters);
}

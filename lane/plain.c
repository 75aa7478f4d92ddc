/* May a request be learned from? Nothing in its headers has a meaning of its own
 * for each request, no user is authenticated, and no filter changes what the
 * counter answers: another one that looks alike could not differ. The names are in
 * known.c.
 */

#include "lane/lane.h"

#include "apr_strings.h"
#include "http_core.h"
#include "http_protocol.h"

#include "lane/survey.h"
#include "server/root.h"

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
            memcmp(value, h.value, h.value_length) ||
            playcount_lane_shuns_header(name, value)) {
            return 0;
        }
        n++;
    }
    return apr_table_elts(r->headers_in)->nelts == n;
}

static int are_known(const ap_filter_t *f)
{
    for (; f; f = f->next) {
        if (!playcount_lane_knows_filter(f->frec->name)) {
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

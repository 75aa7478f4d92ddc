/* Headers as text: the first line, a line for each, an empty line; and the secrets
 * in them. */

#include "recorder/recorder.h"

#include "apr_strings.h"
#include "apr_tables.h"
#include "http_protocol.h"

#define MASK "[masked]"

static int is_secret(const char *name, apr_size_t length)
{
    static const char *const secrets[] = {
        "Authorization", "Proxy-Authorization", "Cookie",
        "Cookie2",       "Set-Cookie",          "Set-Cookie2",
    };

    for (apr_size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
        if (strlen(secrets[i]) == length &&
            !ap_cstr_casecmpn(secrets[i], name, length)) {
            return 1;
        }
    }
    return 0;
}

static void add(playcount_record *record, playcount_record_part part,
                const char *text, apr_size_t length)
{
    playcount_record_keep(record, part, text, length, PLAYCOUNT_RECORDER_HEAD_MAX);
}

typedef struct {
    playcount_record *record;
    playcount_record_part part;
} place;

static int add_header(void *data, const char *name, const char *value)
{
    const place *to = data;
    apr_size_t length = strlen(name);

    if (to->record->recorder->masks && is_secret(name, length)) {
        value = MASK;
    }
    add(to->record, to->part, name, length);
    add(to->record, to->part, ": ", 2);
    add(to->record, to->part, value, strlen(value));
    add(to->record, to->part, "\r\n", 2);
    return 1;
}

/* HTTP/2 has no headers of the connection. */
static int add_http2_header(void *data, const char *name, const char *value)
{
    return !ap_cstr_casecmp(name, "Connection") ||
           !ap_cstr_casecmp(name, "Keep-Alive") ||
           !ap_cstr_casecmp(name, "Transfer-Encoding") ||
           !ap_cstr_casecmp(name, "Upgrade") || add_header(data, name, value);
}

static void add_table(playcount_record *record, playcount_record_part part,
                      const char *line, const apr_table_t *table,
                      apr_table_do_callback_fn_t *add_one)
{
    place to = {record, part};

    add(record, part, line, strlen(line));
    add(record, part, "\r\n", 2);
    apr_table_do(add_one, &to, table, NULL);
    add(record, part, "\r\n", 2);
}

void playcount_heads_request(playcount_record *record, request_rec *r)
{
    add_table(record, PLAYCOUNT_REQUEST_HEADERS, r->the_request, r->headers_in,
              add_header);
}

void playcount_heads_response(playcount_record *record, request_rec *r)
{
    const char *line =
        r->status_line ? r->status_line : ap_get_status_line_ex(r->pool, r->status);

    add_table(record, PLAYCOUNT_RESPONSE_HEADERS,
              apr_psprintf(r->pool, "HTTP/2 %s", line), r->headers_out,
              add_http2_header);
}

/* One line of a response's headers, its end included. A line that begins with a
 * blank goes on with the one before. Returns whether it was masked. */
static int add_line(playcount_record *record, const char *line, apr_size_t length,
                    int was_masked)
{
    const char *colon = memchr(line, ':', length);

    if (*line == ' ' || *line == '\t') {
        if (!was_masked) {
            add(record, PLAYCOUNT_RESPONSE_HEADERS, line, length);
        }
        return was_masked;
    }
    if (!colon || !is_secret(line, (apr_size_t)(colon - line))) {
        add(record, PLAYCOUNT_RESPONSE_HEADERS, line, length);
        return 0;
    }
    add(record, PLAYCOUNT_RESPONSE_HEADERS, line, (apr_size_t)(colon - line));
    add(record, PLAYCOUNT_RESPONSE_HEADERS, ": " MASK "\r\n", 4 + strlen(MASK));
    return 1;
}

void playcount_heads_mask(playcount_record *record, apr_pool_t *pool)
{
    playcount_kept *kept = &record->part[PLAYCOUNT_RESPONSE_HEADERS];
    uint64_t cut = kept->passed - kept->length;
    const char *at, *end;
    int masked = 0;

    if (!record->recorder->masks || !kept->length) {
        return;
    }
    at = apr_pmemdup(pool, kept->at, kept->length);
    end = at + kept->length;
    memset(kept->at, 0, kept->length);
    kept->length = 0;
    kept->passed = 0;
    while (at < end) {
        const char *lf = memchr(at, '\n', (apr_size_t)(end - at));
        apr_size_t n = (apr_size_t)((lf ? lf + 1 : end) - at);

        masked = add_line(record, at, n, masked);
        at += n;
    }
    kept->passed += cut;
}

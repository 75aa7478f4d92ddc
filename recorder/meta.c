/* What is said of a record besides its bytes: its name, and the file meta.
 *
 * A line each, "name: value". Values that come from outside have control
 * characters, bytes beyond ASCII and backslashes as \xHH. */

#include "recorder/recorder.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "apr_lib.h"
#include "apr_strings.h"
#include "http_core.h"
#include "http_protocol.h"

#define NAME_URI 48 /* bytes of the URI in a name, at most */

static const char *clean(apr_pool_t *p, const char *text)
{
    char *out = apr_palloc(p, 4 * strlen(text) + 1), *to = out;

    for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
        if (*at < ' ' || *at >= 127 || *at == '\\') {
            to += snprintf(to, 5, "\\x%02x", *at);
        }
        else {
            *to++ = (char)*at;
        }
    }
    *to = '\0';
    return out;
}

static const char *time_of(apr_pool_t *p, apr_time_t t, const char *form)
{
    apr_time_exp_t e;

    apr_time_exp_gmt(&e, t);
    return apr_psprintf(p, form, e.tm_year + 1900, e.tm_mon + 1, e.tm_mday,
                        e.tm_hour, e.tm_min, e.tm_sec, (int)e.tm_usec);
}

/* Letters and digits; whatever else is one hyphen. */
static void put_word(char **to, const char *text, int most)
{
    char *begin = *to;

    for (; text && *text && *to - begin < most; text++) {
        if (apr_isalnum(*text)) {
            *(*to)++ = *text;
        }
        else if ((*to)[-1] != '-') {
            *(*to)++ = '-';
        }
    }
}

/* As the client asked for it. */
static const char *path_of(const request_rec *r)
{
    const char *uri = r->unparsed_uri ? r->unparsed_uri : "";

    return apr_pstrmemdup(r->pool, uri, strcspn(uri, "?"));
}

static char *name_of(request_rec *first, uint64_t number)
{
    char word[16 + NAME_URI], *to = word + 1;

    word[0] = '-';
    put_word(&to, first->method, 12);
    put_word(&to, "/", 1);
    put_word(&to, path_of(first), NAME_URI);
    while (to[-1] == '-') {
        if (--to == word) {
            break;
        }
    }
    *to = '\0';
    return strdup(apr_psprintf(first->pool, "%s-%" APR_UINT64_T_FMT "-%ld%s",
                               time_of(first->pool, first->request_time,
                                       "%04d%02d%02dT%02d%02d%02d.%06dZ"),
                               number, (long)getpid(), word));
}

static void put(playcount_record *record, const char *text)
{
    playcount_record_keep(record, PLAYCOUNT_META, text, strlen(text),
                          PLAYCOUNT_RECORDER_HEAD_MAX);
}

static void put_line(playcount_record *record, request_rec *r, const char *name,
                     const char *value)
{
    put(record, apr_pstrcat(r->pool, name, ": ", value ? clean(r->pool, value) : "",
                            "\n", NULL));
}

/* "request-body: 1000 of 5000 bytes" */
static void put_size(playcount_record *record, request_rec *r, const char *name,
                     playcount_record_part part)
{
    const playcount_kept *kept = &record->part[part];

    put(record, kept->length == kept->passed
                    ? apr_psprintf(r->pool, "%s: %" APR_UINT64_T_FMT " bytes\n",
                                   name, kept->passed)
                    : apr_psprintf(r->pool,
                                   "%s: %" APR_SIZE_T_FMT " of %" APR_UINT64_T_FMT
                                   " bytes\n",
                                   name, kept->length, kept->passed));
}

static void put_request(playcount_record *record, request_rec *first)
{
    request_rec *last = first;

    while (last->next) {
        last = last->next;
    }
    put_line(record, first, "client", first->useragent_ip);
    put_line(record, first, "server",
             apr_psprintf(first->pool, "%s:%d", ap_get_server_name(first),
                          (int)ap_get_server_port(first)));
    put_line(record, first, "scheme", ap_http_scheme(first));
    put_line(record, first, "protocol", first->protocol);
    put_line(record, first, "method", first->method);
    put_line(record, first, "uri",
             first->unparsed_uri ? first->unparsed_uri : first->uri);
    if (last != first) {
        put_line(record, first, "redirected-to", last->uri);
    }
    put_line(record, first, "handler", last->handler);
    put_line(record, first, "status", apr_itoa(first->pool, last->status));
}

void playcount_meta_finish(playcount_record *record, request_rec *first,
                           const char *outcome)
{
    apr_time_t now = apr_time_now();
    const playcount_kept *body = &record->part[PLAYCOUNT_RESPONSE_BODY];
    int truncated = record->unseen || body->length < body->passed ||
                    record->part[PLAYCOUNT_REQUEST_BODY].length <
                        record->part[PLAYCOUNT_REQUEST_BODY].passed;

    record->name =
        name_of(first, atomic_fetch_add(&record->recorder->shared->number, 1) + 1);
    put_line(record, first, "started",
             time_of(first->pool, first->request_time,
                     "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ"));
    if (record->answered) {
        put_line(record, first, "answered-after",
                 apr_psprintf(first->pool, "%" APR_TIME_T_FMT " us",
                              record->answered - first->request_time));
    }
    put_line(record, first, "finished-after",
             apr_psprintf(first->pool, "%" APR_TIME_T_FMT " us",
                          now - first->request_time));
    put_request(record, first);
    put_line(record, first, "outcome", outcome);
    put_size(record, first, "request-headers", PLAYCOUNT_REQUEST_HEADERS);
    put_size(record, first, "request-body", PLAYCOUNT_REQUEST_BODY);
    put_line(record, first, "request-body-read",
             record->request_ended ? "to its end" : "not to its end");
    put_size(record, first, "response-headers", PLAYCOUNT_RESPONSE_HEADERS);
    put_size(record, first, "response-body", PLAYCOUNT_RESPONSE_BODY);
    put_line(record, first, "truncated", truncated ? "yes" : "no");
    put_line(record, first, "secrets", record->recorder->masks ? "masked" : "kept");
}

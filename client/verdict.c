/* What the end of an attempt means: right, wrong, or worth another attempt. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "client/error.h"
#include "client/request.h"

enum { FIRST_PAUSE_MS = 50, LONGEST_PAUSE_MS = 2000 };

/* How it ended, without regard to whether it may be repeated. */
typedef enum { GOOD, FINAL, MAY_PASS } outcome;

static outcome fail(playcount_exchange *exchange, outcome o,
                    playcount_status status, const char *what, const char *detail)
{
    int uncertain = exchange->error.uncertain;

    playcount_fail(&exchange->error, status, exchange->server->number, "%s: %s%s%s",
                   exchange->server->name, what, *detail ? ": " : "", detail);
    exchange->error.uncertain = uncertain;
    return o;
}

/* The request may have been counted. Only a POST counts. */
static void doubt(playcount_exchange *exchange)
{
    long sent = 0;
    curl_easy_getinfo(exchange->easy, CURLINFO_REQUEST_SIZE, &sent);
    if (exchange->method == PLAYCOUNT_POST && sent > 0) {
        exchange->error.uncertain = 1;
    }
}

/* The sentence that a server gave with its refusal, if it is one. */
static const char *given_sentence(const playcount_exchange *exchange)
{
    const char *type = NULL;
    curl_easy_getinfo(exchange->easy, CURLINFO_CONTENT_TYPE, &type);
    return exchange->answer_n && type && strncasecmp(type, "text/plain", 10) == 0
               ? exchange->answer
               : "";
}

static outcome on_refusal(playcount_exchange *exchange, int status)
{
    static const struct {
        int status;
        outcome outcome;
        bool doubtful;
    } known[] = {
        {408, MAY_PASS, true}, {409, MAY_PASS, true}, {429, MAY_PASS, false},
        {500, FINAL, true},    {502, MAY_PASS, true}, {503, MAY_PASS, false},
        {504, MAY_PASS, true},
    };
    char what[80];
    outcome o = FINAL;

    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
        if (known[i].status == status) {
            o = known[i].outcome;
            if (known[i].doubtful) {
                doubt(exchange);
            }
        }
    }
    if (playcount_is_settled(status)) {
        exchange->error.uncertain = 0;
    }
    snprintf(what, sizeof(what), "answered %d%s", status,
             !exchange->is_page && (status == 404 || status == 405)
                 ? " (is it the root of a playcount location?)"
                 : "");
    fail(exchange, o, status == 507 ? PLAYCOUNT_E_FULL : PLAYCOUNT_E_REFUSED, what,
         given_sentence(exchange));
    exchange->error.http_status = status;
    return o;
}

static outcome good(playcount_exchange *exchange, int status)
{
    playcount_error_clear(&exchange->error);
    exchange->error.server = exchange->server->number;
    exchange->error.http_status = status;
    return GOOD;
}

static outcome on_answer(playcount_exchange *exchange, int status)
{
    const char *type = NULL;
    char what[200];

    if (!exchange->header_ended && exchange->too_long) {
        doubt(exchange);
        return fail(exchange, FINAL, PLAYCOUNT_E_ANSWER,
                    "the answer's header is too long", "");
    }
    if (!exchange->header_ended) {
        doubt(exchange);
        return fail(exchange, MAY_PASS, PLAYCOUNT_E_CUT, "the connection broke",
                    "in the answer's header");
    }
    if (status >= 400) {
        return on_refusal(exchange, status);
    }
    if (exchange->is_page || (exchange->may_be_empty && status == 204)) {
        return good(exchange, status);
    }
    doubt(exchange);
    if (status != 200) {
        const char *to = NULL;
        curl_easy_getinfo(exchange->easy, CURLINFO_REDIRECT_URL, &to);
        snprintf(what, sizeof(what), "answered %d%s", status,
                 to ? ", it is not here but at"
                    : ", which a mod_playcount server never does");
        return fail(exchange, FINAL, PLAYCOUNT_E_ANSWER, what, to ? to : "");
    }
    curl_easy_getinfo(exchange->easy, CURLINFO_CONTENT_TYPE, &type);
    if (type && strncasecmp(type, "text/plain", 10) != 0) {
        return fail(exchange, FINAL, PLAYCOUNT_E_ANSWER,
                    "is not a mod_playcount server, its answer is", type);
    }
    if (exchange->too_long) {
        snprintf(what, sizeof(what),
                 "the answer is longer than the %zu bytes it can have",
                 exchange->limit);
        return fail(exchange, FINAL, PLAYCOUNT_E_ANSWER, what, "");
    }
    if (!exchange->has_length) {
        return fail(
            exchange, FINAL, PLAYCOUNT_E_ANSWER,
            "the answer does not say where it ends, so it may have been cut", "");
    }
    return good(exchange, status);
}

/* An attempt that was ended by on_piece(), or whose answer broke curl's own rules.
 */
static outcome on_abort(playcount_exchange *exchange, CURLcode result, int status)
{
    playcount_status already = exchange->error.status;

    if (result == CURLE_WRITE_ERROR) {
        if (already != PLAYCOUNT_OK && status == 200) {
            return FINAL; /* memory, or a callback's own reason */
        }
        return on_answer(exchange, status);
    }
    doubt(exchange);
    return fail(exchange, FINAL, PLAYCOUNT_E_ANSWER, "the answer is malformed",
                exchange->problem[0] ? exchange->problem
                                     : curl_easy_strerror(result));
}

/* Whether there was a connection to send the request on. */
static bool was_connected(const playcount_exchange *exchange)
{
    curl_off_t connected = 0;
    curl_easy_getinfo(exchange->easy, CURLINFO_PRETRANSFER_TIME_T, &connected);
    return connected != 0;
}

static outcome on_timeout(playcount_exchange *exchange, long attempt_ms)
{
    char what[100];

    if (!was_connected(exchange)) {
        return fail(exchange, MAY_PASS, PLAYCOUNT_E_TIMEOUT,
                    "no connection within the time limit", "");
    }
    doubt(exchange);
    snprintf(what, sizeof(what), "no complete answer within %.1f seconds",
             (double)attempt_ms / 1000);
    return fail(exchange, MAY_PASS, PLAYCOUNT_E_TIMEOUT, what, "");
}

static outcome judge(playcount_exchange *exchange, const playcount_limits *limits,
                     CURLcode result)
{
    const char *detail =
        exchange->problem[0] ? exchange->problem : curl_easy_strerror(result);
    long status = 0;
    curl_off_t took = 0;

    curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status);
    switch (result) {
    case CURLE_OK:
        return on_answer(exchange, (int)status);
    case CURLE_WRITE_ERROR:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
        return on_abort(exchange, result, (int)status);
    case CURLE_OUT_OF_MEMORY:
        /* This is also what curl says of header lines without end. */
        doubt(exchange);
        return fail(exchange, FINAL, PLAYCOUNT_E_ANSWER,
                    "the answer's header is too long, or there is no memory", "");
    case CURLE_OPERATION_TIMEDOUT:
        curl_easy_getinfo(exchange->easy, CURLINFO_TOTAL_TIME_T, &took);
        return on_timeout(exchange,
                          took ? (long)(took / 1000) : limits->attempt_ms);
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        return fail(exchange, MAY_PASS, PLAYCOUNT_E_CONNECT, "no connection",
                    detail);
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_PARTIAL_FILE:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
        doubt(exchange);
        return fail(exchange, MAY_PASS, PLAYCOUNT_E_CUT, "the connection broke",
                    detail);
    default:
        doubt(exchange);
        return fail(exchange, FINAL, PLAYCOUNT_E_CONNECT, "no connection", detail);
    }
}

static long pause_before_next(const playcount_exchange *exchange)
{
    curl_off_t after = 0;
    long pause = FIRST_PAUSE_MS;

    for (int i = 1; i < exchange->attempts && pause < LONGEST_PAUSE_MS; i++) {
        pause *= 2;
    }
    pause = pause < LONGEST_PAUSE_MS ? pause : LONGEST_PAUSE_MS;
    /* Clients that failed together should not come back together: spread by where
     * the exchange lies and how often it was tried. */
    unsigned spread =
        (unsigned)((uintptr_t)exchange / 64 + (unsigned)exchange->attempts * 7);
    pause += pause * (long)(spread % 32) / 128;

    curl_easy_getinfo(exchange->easy, CURLINFO_RETRY_AFTER, &after);
    if (after > 0 && exchange->error.http_status >= 400) {
        after = after > 3600 ? 3600 : after;
        return pause > 1000 * (long)after ? pause : 1000 * (long)after;
    }
    return pause;
}

long playcount_request_verdict(playcount_exchange *exchange,
                               const playcount_limits *limits, CURLcode result)
{
    bool first_piece = exchange->take && exchange->body_seen > 0;

    if (judge(exchange, limits, result) != MAY_PASS || first_piece ||
        (!exchange->repeatable && exchange->error.status != PLAYCOUNT_E_CONNECT) ||
        exchange->attempts > limits->retries) {
        return -1;
    }
    return pause_before_next(exchange);
}

void playcount_request_stalled(playcount_exchange *exchange,
                               const playcount_limits *limits)
{
    char what[100];
    snprintf(what, sizeof(what), "the answer stalled for %.1f seconds",
             (double)limits->timeout_ms / 1000);
    fail(exchange, FINAL, PLAYCOUNT_E_TIMEOUT,
         was_connected(exchange) ? what : "no connection within the time limit",
         "");
}

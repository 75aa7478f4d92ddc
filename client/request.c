/* One attempt of an exchange. See request.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "client/error.h"
#include "client/request.h"

/* Of a refusal, this much is kept for the sentence, and this much is waited for. */
enum { REFUSAL_KEPT = 300, REFUSAL_READ = 65536 };

/* An answer's header is at most this long. */
enum { HEADER_MOST = 65536 };

static long http_status(const playcount_exchange *exchange)
{
    long status = 0;
    curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

/* Whether the answer is text/plain; one that does not say is taken for it. */
static bool is_text(const playcount_exchange *exchange)
{
    const char *type = NULL;
    curl_easy_getinfo(exchange->easy, CURLINFO_CONTENT_TYPE, &type);
    return !type || strncasecmp(type, "text/plain", 10) == 0;
}

static int keep(playcount_exchange *exchange, const char *piece, size_t n)
{
    if (exchange->answer_n + n + 1 > exchange->answer_room) {
        size_t room = 2 * exchange->answer_room + n + 64;
        char *answer = realloc(exchange->answer, room);
        if (!answer) {
            playcount_fail(&exchange->error, PLAYCOUNT_E_MEMORY,
                           exchange->server->number, "%s: no memory for the answer",
                           exchange->server->name);
            return -1;
        }
        exchange->answer = answer;
        exchange->answer_room = room;
    }
    memcpy(exchange->answer + exchange->answer_n, piece, n);
    exchange->answer_n += n;
    exchange->answer[exchange->answer_n] = '\0';
    return 0;
}

/* A piece of an answer other than 200: its beginning is kept. */
static size_t on_refusal(playcount_exchange *exchange, const char *piece, size_t n)
{
    size_t room = REFUSAL_KEPT - exchange->answer_n;
    if (exchange->body_seen > REFUSAL_READ ||
        keep(exchange, piece, n < room ? n : room)) {
        return 0;
    }
    return n;
}

/* curl's write callback; anything but n ends the attempt. */
static size_t on_piece(char *piece, size_t size, size_t n, void *context)
{
    playcount_exchange *exchange = context;

    n *= size;
    exchange->body_seen += n;
    exchange->window_n += (int64_t)n;
    if (exchange->is_page && http_status(exchange) < 400) {
        return n;
    }
    if (http_status(exchange) != 200) {
        return on_refusal(exchange, piece, n);
    }
    if (!is_text(exchange)) {
        return 0;
    }
    if (exchange->take) {
        return exchange->take(exchange, piece, n) == PLAYCOUNT_OK ? n : 0;
    }
    if (exchange->body_seen > exchange->limit) {
        exchange->too_long = true;
        return 0;
    }
    return keep(exchange, piece, n) ? 0 : n;
}

static bool begins(const char *line, size_t n, const char *with)
{
    return n >= strlen(with) && strncasecmp(line, with, strlen(with)) == 0;
}

/* The value of a header of ours, printable ASCII; otherwise it is ignored. */
static void note_header(char value[PLAYCOUNT_HEADER_ROOM], const char *name,
                        const char *line, size_t n)
{
    const char *at = line + strlen(name), *end = line + n;
    size_t length = 0;

    if (!begins(line, n, name)) {
        return;
    }
    while (at < end && *at == ' ') {
        at++;
    }
    while (at + length < end && at[length] > ' ' && at[length] < 0x7f) {
        length++;
    }
    if (length < PLAYCOUNT_HEADER_ROOM) {
        memcpy(value, at, length);
        value[length] = '\0';
    }
}

/* curl's header callback, a line at a time. curl takes a header that is cut off for
 * a whole one, and a body without a length for a whole one whenever the connection
 * ends; so the end of the header and the presence of a length are noted here. */
static size_t on_header(char *line, size_t size, size_t n, void *context)
{
    playcount_exchange *exchange = context;

    n *= size;
    exchange->header_seen += n;
    if (exchange->header_seen > HEADER_MOST) {
        exchange->too_long = true;
        return 0;
    }
    if (begins(line, n, "HTTP/")) { /* a new one, after a 1xx for instance */
        exchange->header_ended = false;
        exchange->has_length = begins(line, n, "HTTP/2");
    }
    else if (begins(line, n, "Content-Length:") ||
             begins(line, n, "Transfer-Encoding:")) {
        exchange->has_length = true;
    }
    else if (begins(line, n, "Playcount-")) {
        note_header(exchange->mapping, "Playcount-Mapping:", line, n);
        note_header(exchange->batch, "Playcount-Batch:", line, n);
    }
    else if (n == 2 && memcmp(line, "\r\n", 2) == 0) {
        exchange->header_ended = true;
    }
    return n;
}

static int add_header(playcount_exchange *exchange, const char *line)
{
    struct curl_slist *headers = curl_slist_append(exchange->headers, line);
    if (!headers) {
        return -1;
    }
    exchange->headers = headers;
    return 0;
}

static int set_headers(playcount_exchange *exchange)
{
    char key[PLAYCOUNT_KEY_BYTES + 32];

    if (add_header(exchange,
                   exchange->is_page ? "Accept: */*" : "Accept: text/plain") ||
        add_header(exchange, "Expect:") ||
        add_header(exchange,
                   exchange->body ? "Content-Type: text/plain" : "Content-Type:")) {
        return -1;
    }
    if (!exchange->key) {
        return 0;
    }
    snprintf(key, sizeof(key), "Idempotency-Key: \"%s\"", exchange->key);
    return add_header(exchange, key);
}

static void set_times(playcount_exchange *exchange, const playcount_limits *limits,
                      int64_t now)
{
    int64_t left = exchange->until - now;
    long attempt = left < limits->attempt_ms ? (long)left : limits->attempt_ms;

    attempt = attempt < 1 ? 1 : attempt;
    curl_easy_setopt(exchange->easy, CURLOPT_CONNECTTIMEOUT_MS,
                     attempt < limits->connect_ms ? attempt : limits->connect_ms);
    /* A stream is watched by the wire. */
    curl_easy_setopt(exchange->easy, CURLOPT_TIMEOUT_MS,
                     exchange->take ? 0L : attempt);
    exchange->window = now;
    exchange->window_n = 0;
}

static void set_method(playcount_exchange *exchange)
{
    CURL *easy = exchange->easy;

    if (exchange->method == PLAYCOUNT_POST) {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
                         exchange->body ? exchange->body : "");
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                         (curl_off_t)exchange->body_n);
    }
    else if (exchange->method == PLAYCOUNT_DELETE) {
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, "DELETE");
    }
    if (!exchange->repeatable) {
        /* curl itself repeats a request once when a kept connection turns out to be
         * closed, and cannot know whether it had been received. */
        curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    }
}

static void set_protocol(CURL *easy, const playcount_server *server,
                         const playcount_limits *limits)
{
    bool tls = strncmp(server->name, "https:", 6) == 0;

    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    /* A name that does not resolve is abandoned when the time is up; curl would
     * otherwise wait for the thread that asks for it. */
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    /* HTTP/2 where a server with TLS offers it. Without TLS libcurl 7.88 breaks
     * kept connections (its issue 10634, fixed in 8.0). */
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    if (tls && limits->ca_file) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, limits->ca_file);
    }
    /* Wait for a connection that may carry many requests instead of making more. */
    curl_easy_setopt(easy, CURLOPT_PIPEWAIT, tls ? 1L : 0L);
    if (server->user) {
        curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        curl_easy_setopt(easy, CURLOPT_USERNAME, server->user);
        curl_easy_setopt(easy, CURLOPT_PASSWORD,
                         server->password ? server->password : "");
    }
}

int playcount_request_prepare(playcount_exchange *exchange,
                              const playcount_limits *limits, int64_t now)
{
    CURL *easy = exchange->easy;
    size_t room = strlen(exchange->server->name) + strlen(exchange->target) + 1;
    char *url = malloc(room);

    if (!url || set_headers(exchange)) {
        free(url);
        return -1;
    }
    snprintf(url, room, "%s%s", exchange->server->name, exchange->target);
    CURLcode set = curl_easy_setopt(easy, CURLOPT_URL, url); /* copies */
    free(url);

    exchange->attempts++;
    exchange->error.status = PLAYCOUNT_OK;
    exchange->error.http_status = 0;
    exchange->answer_n = 0;
    exchange->body_seen = 0;
    exchange->too_long = false;
    exchange->header_ended = false;
    exchange->has_length = false;
    exchange->header_seen = 0;
    exchange->mapping[0] = '\0';
    exchange->batch[0] = '\0';
    exchange->problem[0] = '\0';
    curl_easy_setopt(easy, CURLOPT_PRIVATE, exchange);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange->problem);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "libplaycount/" PLAYCOUNT_VERSION);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, exchange->headers);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, exchange);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_piece);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange);
    set_protocol(easy, exchange->server, limits);
    set_method(exchange);
    set_times(exchange, limits, now);
    return set == CURLE_OK ? 0 : -1;
}

void playcount_request_release(playcount_exchange *exchange)
{
    curl_slist_free_all(exchange->headers);
    exchange->headers = NULL;
}

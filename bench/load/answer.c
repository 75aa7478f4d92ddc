/* Finds the end of an answer, however it is cut into reads. */
#define _GNU_SOURCE /* strcasestr */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "bench/load/load.h"

enum {
    STATUS_LINE,
    HEADER_LINE,
    BODY,
    CHUNK_LINE,
    CHUNK_DATA,
    CHUNK_END,
    TRAILER_LINE,
    REPLY_LINE,
    REPLY_STRING
};

void answer_begin(answer *a, protocol_e protocol, uint64_t replies)
{
    a->state = protocol == PROTOCOL_HTTP ? STATUS_LINE : REPLY_LINE;
    a->bad = a->closing = a->chunked = a->line_length = 0;
    a->left = 0;
    a->elements = replies;
}

/* Collect a line without its CR LF; 1 when it is whole. */
static int read_line(answer *a, const char **p, const char *end)
{
    const char *lf = memchr(*p, '\n', (size_t)(end - *p));
    size_t n = (size_t)((lf ? lf : end) - *p);
    size_t room = sizeof(a->line) - 1 - (size_t)a->line_length;

    memcpy(a->line + a->line_length, *p, n < room ? n : room);
    a->line_length += (int)(n < room ? n : room);
    *p = lf ? lf + 1 : end;
    if (!lf) {
        return 0;
    }
    if (a->line_length && a->line[a->line_length - 1] == '\r') {
        a->line_length--;
    }
    a->line[a->line_length] = '\0';
    return 1;
}

/* Skip up to a->left bytes; 1 when none is left. */
static int skip(answer *a, const char **p, const char *end)
{
    uint64_t n = (uint64_t)(end - *p);

    if (n > a->left) {
        n = a->left;
    }
    *p += n;
    a->left -= n;
    return a->left == 0;
}

static void header(answer *a)
{
    if (strncasecmp(a->line, "Content-Length:", 15) == 0) {
        a->left = strtoull(a->line + 15, NULL, 10);
    }
    else if (strncasecmp(a->line, "Transfer-Encoding:", 18) == 0) {
        a->chunked = 1;
    }
    else if (strncasecmp(a->line, "Connection:", 11) == 0) {
        a->closing = strcasestr(a->line + 11, "close") != NULL;
    }
}

static answer_e http_line(answer *a)
{
    switch (a->state) {
    case STATUS_LINE:
        if (strncmp(a->line, "HTTP/1.", 7) != 0 || a->line_length < 12) {
            return ANSWER_MALFORMED;
        }
        a->bad = a->line[9] != '2';
        a->state = HEADER_LINE;
        return ANSWER_MORE;
    case HEADER_LINE:
        if (a->line_length) {
            header(a);
            return ANSWER_MORE;
        }
        a->state = a->chunked ? CHUNK_LINE : BODY;
        return a->chunked || a->left ? ANSWER_MORE : ANSWER_COMPLETE;
    case CHUNK_LINE:
        a->left = strtoull(a->line, NULL, 16);
        a->state = a->left ? CHUNK_DATA : TRAILER_LINE;
        return ANSWER_MORE;
    case CHUNK_END:
        a->state = CHUNK_LINE;
        return ANSWER_MORE;
    default: /* TRAILER_LINE */
        return a->line_length ? ANSWER_MORE : ANSWER_COMPLETE;
    }
}

/* RESP 2: https://redis.io/docs/latest/develop/reference/protocol-spec/ */
static answer_e reply_line(answer *a)
{
    long long n = a->line_length ? atoll(a->line + 1) : 0;

    switch (a->line[0]) {
    case '-':
        a->bad = 1;
        a->elements--;
        break;
    case '+':
    case ':':
        a->elements--;
        break;
    case '*':
        a->elements += n > 0 ? (uint64_t)n : 0;
        a->elements--;
        break;
    case '$':
        if (n >= 0) {
            a->left = (uint64_t)n + 2;
            a->state = REPLY_STRING;
            return ANSWER_MORE;
        }
        a->elements--;
        break;
    default:
        return ANSWER_MALFORMED;
    }
    return a->elements ? ANSWER_MORE : ANSWER_COMPLETE;
}

answer_e answer_read(answer *a, protocol_e protocol, const char **p,
                     const char *end)
{
    answer_e got = ANSWER_MORE;

    while (*p < end && got == ANSWER_MORE) {
        switch (a->state) {
        case BODY:
            got = skip(a, p, end) ? ANSWER_COMPLETE : ANSWER_MORE;
            break;
        case CHUNK_DATA:
            if (skip(a, p, end)) {
                a->state = CHUNK_END;
            }
            break;
        case REPLY_STRING:
            if (skip(a, p, end)) {
                a->state = REPLY_LINE;
                got = --a->elements ? ANSWER_MORE : ANSWER_COMPLETE;
            }
            break;
        default:
            if (read_line(a, p, end)) {
                got = protocol == PROTOCOL_HTTP ? http_line(a) : reply_line(a);
                a->line_length = 0;
            }
        }
    }
    return got;
}

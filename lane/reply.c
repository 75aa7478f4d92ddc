/* Answers of the lane: see reply.h. */

#include "lane/reply.h"

#include <string.h>

#define STATUS "HTTP/1.1 200 OK\r\n"

/* --- writing --- */

static char *put(char *out, const char *text, size_t n)
{
    memcpy(out, text, n);
    return out + n;
}

static char *put_number(char *out, uint64_t n)
{
    char digits[20];
    int at = 20;

    do {
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    return put(out, digits + at, (size_t)(20 - at));
}

#define SONG "{\"song\":\""
#define COUNT "\",\"count\":"
#define LINK ",\"href\":\""
#define BELOW "/song/"
#define END "\"}"
#define LITERAL(text) text, sizeof(text) - 1

static size_t put_body(const playcount_lane_reply *reply, char *out, const char *id,
                       size_t id_length, uint64_t count)
{
    char *at = out;

    if (!reply->json) {
        return (size_t)(put_number(at, count) - out);
    }
    at = put(at, LITERAL(SONG));
    at = put(at, id, id_length);
    at = put(at, LITERAL(COUNT));
    at = put_number(at, count);
    at = put(at, LITERAL(LINK));
    at = put(at, reply->bytes + reply->root, reply->root_length);
    at = put(at, LITERAL(BELOW));
    at = put(at, id, id_length);
    at = put(at, LITERAL(END));
    return (size_t)(at - out);
}

size_t playcount_lane_reply_write(const playcount_lane_reply *reply, char *out,
                                  const char date[PLAYCOUNT_LANE_DATE],
                                  unsigned left, const char *id, size_t id_length,
                                  uint64_t count, size_t *body_length)
{
    char body[PLAYCOUNT_LANE_ROOM];
    size_t length = put_body(reply, body, id, id_length, count);
    int left_first = reply->left && reply->left < reply->length;
    size_t from = 0;
    char *at = out;

    *body_length = length;
    /* Two numbers, in the order in which httpd sent them. */
    for (int i = 0; i < 2; i++) {
        int is_left = left_first == !i;
        size_t hole = is_left ? reply->left : reply->length;

        if (hole) {
            at = put(at, reply->bytes + from, hole - from);
            at = put_number(at, is_left ? left : length);
            from = hole + (is_left ? reply->left_digits : reply->length_digits);
        }
    }
    at = put(at, reply->bytes + from, reply->head_length - from);
    memcpy(out + reply->date, date, PLAYCOUNT_LANE_DATE);
    return (size_t)((reply->without_body ? at : put(at, body, length)) - out);
}

/* --- learning --- */

static size_t count_digits(const char *at, const char *end)
{
    const char *from = at;

    while (at < end && *at >= '0' && *at <= '9') {
        at++;
    }
    return (size_t)(at - from);
}

static int is_field(const char **line, const char *end, const char *name)
{
    size_t n = strlen(name);

    if ((size_t)(end - *line) < n || memcmp(*line, name, n)) {
        return 0;
    }
    *line += n;
    return 1;
}

/* "timeout=5, max=98", or without the max. */
static int learn_left(playcount_lane_reply *reply, const char *at, const char *end)
{
    const char *max = memchr(at, ',', (size_t)(end - at));

    if (!max) {
        return 1;
    }
    if (!is_field(&max, end, ", max=")) {
        return 0;
    }
    reply->left = (unsigned short)(max - reply->bytes);
    reply->left_digits = (unsigned short)count_digits(max, end);
    return max + reply->left_digits == end;
}

/* One header field: is it one that is the same in all answers, or known? */
static int learn_field(playcount_lane_reply *reply, const char *at, const char *end)
{
    if (is_field(&at, end, "Date: ")) {
        reply->date = (unsigned short)(at - reply->bytes);
        return end - at == PLAYCOUNT_LANE_DATE;
    }
    if (is_field(&at, end, "Content-Length: ")) {
        reply->length = (unsigned short)(at - reply->bytes);
        reply->length_digits = (unsigned short)count_digits(at, end);
        return reply->length_digits && at + reply->length_digits == end;
    }
    if (is_field(&at, end, "Keep-Alive: timeout=")) {
        return learn_left(reply, at, end);
    }
    if (is_field(&at, end, "Content-Type: ")) {
        reply->json = is_field(&at, end, "application/json");
        return 1;
    }
    if (is_field(&at, end, "Server: ")) {
        return 1;
    }
    return (is_field(&at, end, "Cache-Control: no-store") ||
            is_field(&at, end, "Connection: Keep-Alive")) &&
           at == end;
}

/* The fields, up to the empty line. Returns the length with it, 0: not known. */
static size_t learn_head(playcount_lane_reply *reply, size_t n)
{
    const char *line = reply->bytes + strlen(STATUS), *last = reply->bytes + n;
    unsigned dates = 0, lengths = 0;

    if (n < strlen(STATUS) || memcmp(reply->bytes, STATUS, strlen(STATUS))) {
        return 0;
    }
    for (;;) {
        const char *end = memchr(line, '\r', (size_t)(last - line));

        if (!end || end + 1 >= last || end[1] != '\n') {
            return 0;
        }
        if (end == line) {
            return dates == 1 && lengths == 1 ? (size_t)(end + 2 - reply->bytes)
                                              : 0;
        }
        dates += *line == 'D';
        lengths += end - line > 9 && !memcmp(line, "Content-L", 9);
        if (!learn_field(reply, line, end)) {
            return 0;
        }
        line = end + 2;
    }
}

/* The link's root in a JSON body: what stands between LINK and BELOW. */
static int learn_root(playcount_lane_reply *reply, const char *body,
                      const char *end, size_t id_length)
{
    const char *at = body + strlen(SONG) + id_length + strlen(COUNT);
    size_t behind = strlen(BELOW) + id_length + strlen(END);

    if (at >= end) {
        return 0;
    }
    at += count_digits(at, end) + strlen(LINK);
    if (at > end || (size_t)(end - at) < behind) {
        return 0;
    }
    reply->root = (unsigned short)(at - reply->bytes);
    reply->root_length = (unsigned short)((size_t)(end - at) - behind);
    return 1;
}

/* The count that the body shows. */
static uint64_t read_count(const char *at, const char *end)
{
    uint64_t n = 0;

    for (size_t left = count_digits(at, end); left && left < 20; left--) {
        n = 10 * n + (uint64_t)(*at++ - '0');
    }
    return n;
}

/* Take out what differs from answer to answer, so that two forms are equal byte by
 * byte when they make the same answers: the numbers become holes of no bytes, and
 * behind the head comes the root only. */
static void take_out(playcount_lane_reply *reply, unsigned short *at,
                     unsigned short *digits)
{
    char *hole = reply->bytes + *at;
    unsigned short n = *digits;

    memmove(hole, hole + n, (size_t)(reply->bytes + reply->head_length - hole) - n);
    reply->head_length = (unsigned short)(reply->head_length - n);
    *digits = 0;
    if (reply->length > *at) {
        reply->length = (unsigned short)(reply->length - n);
    }
    if (reply->left > *at) {
        reply->left = (unsigned short)(reply->left - n);
    }
}

static void strip(playcount_lane_reply *reply)
{
    size_t end;

    take_out(reply, &reply->length, &reply->length_digits);
    if (reply->left) {
        take_out(reply, &reply->left, &reply->left_digits);
    }
    memset(reply->bytes + reply->date, '-', PLAYCOUNT_LANE_DATE);
    memmove(reply->bytes + reply->head_length, reply->bytes + reply->root,
            reply->root_length);
    reply->root = reply->head_length;
    end = (size_t)reply->head_length + reply->root_length;
    memset(reply->bytes + end, 0, sizeof(reply->bytes) - end);
}

/* The holes lie behind the date, or it would move with their lengths. */
static int is_in_order(const playcount_lane_reply *reply)
{
    return reply->date < reply->length &&
           (!reply->left || reply->date < reply->left);
}

int playcount_lane_reply_learn(playcount_lane_reply *reply, const char *answer,
                               size_t n, const char *id, size_t id_length,
                               int without_body)
{
    char again[PLAYCOUNT_LANE_ROOM];
    const char *body, *end;
    uint64_t count, left;
    size_t length;

    if (n > PLAYCOUNT_LANE_REPLY_MAX) {
        return 0;
    }
    memset(reply, 0, sizeof(*reply));
    memcpy(reply->bytes, answer, n);
    reply->head_length = (unsigned short)learn_head(reply, n);
    reply->without_body = without_body != 0;
    body = reply->bytes + reply->head_length;
    end = reply->bytes + n;
    if (!reply->head_length || !is_in_order(reply) ||
        (without_body && (body != end || reply->json))) {
        return 0;
    }
    if (without_body) {
        strip(reply);
        return 1;
    }
    if (reply->json && !learn_root(reply, body, end, id_length)) {
        return 0;
    }
    /* The proof: the lane would have sent these very bytes. */
    count = read_count(
        reply->json ? body + strlen(SONG) + id_length + strlen(COUNT) : body, end);
    left = reply->left ? read_count(reply->bytes + reply->left, end) : 0;
    if (playcount_lane_reply_write(reply, again, answer + reply->date,
                                   (unsigned)left, id, id_length, count,
                                   &length) != n ||
        memcmp(again, answer, n)) {
        return 0;
    }
    strip(reply);
    return 1;
}

/* The lane's request and answer code: what is a kind, what matches it, and that the
 * answer is httpd's own with other numbers. Run under the sanitizers too: each text
 * stands in memory of just its length. */

#include <stdlib.h>
#include <string.h>

#include "lane/reply.h"
#include "lane/request.h"
#include "t/tap.h"

#define HOST "Host: a\r\n\r\n"

static const char model[] = "POST /x/song/1 HTTP/1.1\r\nHost: a\r\nB: c \r\n\r\n";

/* A copy that ends where its memory ends. */
static char *exact(const char *text, size_t n)
{
    char *copy = malloc(n ? n : 1);

    memcpy(copy, text, n);
    return copy;
}

static size_t learns(const char *text, playcount_lane_pattern *p, char **bytes)
{
    *bytes = exact(text, strlen(text));
    return playcount_lane_learn(*bytes, strlen(text), "/x", 2, p);
}

static int is_kind(const char *text)
{
    playcount_lane_pattern p;
    char *bytes;
    size_t n = learns(text, &p, &bytes);

    free(bytes);
    return n && n == strlen(text);
}

static playcount_lane_match_e matches(const char *text, size_t n,
                                      playcount_lane_request *request)
{
    playcount_lane_pattern p;
    playcount_lane_match_e match;
    char *bytes, *other = exact(text, n);

    learns(model, &p, &bytes);
    p.line_max = 400;
    match = playcount_lane_match(&p, other, n, request);
    free(bytes);
    free(other);
    return match;
}

static void kinds(void)
{
    static const char *const good[] = {
        model,
        "GET /x/song/1 HTTP/1.0\r\n\r\n",
        "HEAD /x/song/a/b.c HTTP/1.1\r\n" HOST,
        "POST /x/song/1?by=10 HTTP/1.1\r\n" HOST,
        "GET /x/song/1 HTTP/1.1\r\nX:\r\n" HOST,
    };
    static const char *const bad[] = {
        "",
        "G",
        "GET /x/song/",
        "GET /x/song/1",
        "GET /x/song/1 HTTP/1.1",
        "GET /x/song/1 HTTP/1.1\r\n",
        "GET /x/song/1 HTTP/1.1\r\nHost: a\r\n",
        "PUT /x/song/1 HTTP/1.1\r\n" HOST,
        "get /x/song/1 HTTP/1.1\r\n" HOST,
        "GET /y/song/1 HTTP/1.1\r\n" HOST,
        "GET /x/song/ HTTP/1.1\r\n" HOST,
        "GET /x/song/1 HTTP/1.2\r\n" HOST,
        "GET /x/song/1 HTTP/2.0\r\n" HOST,
        "GET /x/song/1 HTTP/1.1\nHost: a\n\n",
        "GET  /x/song/1 HTTP/1.1\r\n" HOST,
        "GET /x/song/1  HTTP/1.1\r\n" HOST,
        "GET /x/song/1 HTTP/1.1 \r\n" HOST,
        "GET /x/song/1 HTTP/1.1\r\nA: b\r\n c\r\n" HOST,
        "GET /x/song/1 HTTP/1.1\r\nA : b\r\n" HOST,
        "GET /x/song/1 HTTP/1.1\r\nA\r\n" HOST,
        "GET /x/song/1 HTTP/1.1\r\nA: b\rc\r\n" HOST,
        "GET /x/song/1 HTTP/1.1\r\nA: b\x01\r\n" HOST,
        "GET /x/song/1 HTTP/1.1\r\nhost: b\r\n" HOST,
        "GET /x/song/1 HTTP/1.1\r\n: b\r\n" HOST,
        "POST /x/song/1?by=0 HTTP/1.1\r\n" HOST,
        "GET /x/song/%31 HTTP/1.1\r\n" HOST,
        "GET /x/song/1/../2 HTTP/1.1\r\n" HOST,
        "GET /x/song/.. HTTP/1.1\r\n" HOST,
        "GET /x/song/1//2 HTTP/1.1\r\n" HOST,
        "GET /x/song/1/ HTTP/1.1\r\n" HOST,
    };

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        ok(is_kind(good[i]), "a kind: %.*s", (int)strcspn(good[i], "\r"), good[i]);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ok(!is_kind(bad[i]), "no kind, number %zu", i);
    }
}

static void requests(void)
{
    static const char other[] = "POST /x/song/other/1?by=20 HTTP/1.1\r\n"
                                "Host: a\r\nB: c \r\n\r\n";
    playcount_lane_request r;
    size_t i, n = strlen(other);

    ok(matches(model, strlen(model), &r) == PLAYCOUNT_LANE_KNOWN && r.by == 1 &&
           r.length == strlen(model),
       "the same request matches");
    ok(matches(other, n, &r) == PLAYCOUNT_LANE_KNOWN && r.id_length == 7 &&
           r.by == 20 && r.length == n,
       "so does one with another id and by");
    for (i = 0; i < n && matches(other, i, &r) == PLAYCOUNT_LANE_MORE; i++) {
    }
    ok(i == n, "any beginning of it may become one");
    for (i = 0; i < n; i++) {
        char *changed = exact(other, n);
        int is;

        changed[i] = changed[i] == '\n' ? '\r' : '\n';
        is = matches(changed, n, &r) == PLAYCOUNT_LANE_KNOWN;
        free(changed);
        if (is) {
            break;
        }
    }
    ok(i == n, "no byte of it may be the end of a line instead");
    ok(matches("GET /x/song/1 HTTP/1.1\r\n", 24, &r) == PLAYCOUNT_LANE_OTHER,
       "another method is another kind");
    ok(matches("POST /x/song/1\r\n", 16, &r) == PLAYCOUNT_LANE_OTHER,
       "a line without a version is decided at once");
}

static void long_ones(void)
{
    char text[800] = "POST /x/song/";
    size_t head = strlen(text);
    playcount_lane_request r;

    memset(text + head, 'a', 500);
    ok(matches(text, head + 255, &r) == PLAYCOUNT_LANE_MORE, "an id of 255 bytes");
    ok(matches(text, head + 390, &r) == PLAYCOUNT_LANE_OTHER,
       "a line longer than it may be is not waited for");
    strcpy(text + head + 255, " HTTP/1.1\r\nHost: a\r\nB: c \r\n\r\n");
    ok(matches(text, strlen(text), &r) == PLAYCOUNT_LANE_KNOWN &&
           r.id_length == 255,
       "is known");
    memset(text + head, 'a', 256);
    strcpy(text + head + 256, " HTTP/1.1\r\nHost: a\r\nB: c \r\n\r\n");
    ok(matches(text, strlen(text), &r) == PLAYCOUNT_LANE_OTHER,
       "one of 256 is not");
}

#define HEAD                                                                       \
    "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nServer: Apache\r\n" \
    "Cache-Control: no-store\r\n"

static int learns_reply(playcount_lane_reply *reply, const char *answer, int head)
{
    char *bytes = exact(answer, strlen(answer));
    int is =
        playcount_lane_reply_learn(reply, bytes, strlen(answer), "ab", 2, head);

    free(bytes);
    return is;
}

static int writes(const playcount_lane_reply *reply, unsigned left, uint64_t count,
                  const char *expected)
{
    char out[PLAYCOUNT_LANE_ROOM];
    size_t body,
        n = playcount_lane_reply_write(reply, out, "Sun, 06 Nov 1994 08:49:37 GMT",
                                       left, "c", 1, count, &body);

    return n == strlen(expected) && !memcmp(out, expected, n);
}

static void replies(void)
{
    playcount_lane_reply reply;

    ok(learns_reply(&reply,
                    HEAD "Content-Length: 1\r\nContent-Type: text/plain\r\n\r\n7",
                    0) &&
           writes(&reply, 0, 1234,
                  HEAD "Content-Length: 4\r\nContent-Type: text/plain\r\n\r\n1234"),
       "text");
    ok(learns_reply(&reply,
                    HEAD
                    "Content-Length: 1\r\nKeep-Alive: timeout=5, max=9\r\n"
                    "Connection: Keep-Alive\r\nContent-Type: text/plain\r\n\r\n7",
                    0) &&
           writes(&reply, 100, UINT64_MAX / 2,
                  HEAD "Content-Length: 19\r\nKeep-Alive: timeout=5, max=100\r\n"
                       "Connection: Keep-Alive\r\nContent-Type: text/plain\r\n\r\n"
                       "9223372036854775807"),
       "with the requests that are left");
    ok(learns_reply(
           &reply,
           HEAD "Keep-Alive: timeout=5, max=9\r\nContent-Length: 1\r\n\r\n7", 0) &&
           writes(&reply, 10, 1,
                  HEAD
                  "Keep-Alive: timeout=5, max=10\r\nContent-Length: 1\r\n\r\n1"),
       "in this order too");
    ok(learns_reply(&reply, HEAD "Content-Length: 1\r\n\r\n", 1) &&
           writes(&reply, 0, 10, HEAD "Content-Length: 2\r\n\r\n"),
       "HEAD");
    ok(learns_reply(&reply,
                    HEAD
                    "Content-Length: 43\r\nContent-Type: application/json\r\n\r\n"
                    "{\"song\":\"ab\",\"count\":7,\"href\":\"/x/song/ab\"}",
                    0) &&
           writes(&reply, 0, 12,
                  HEAD
                  "Content-Length: 42\r\nContent-Type: application/json\r\n\r\n"
                  "{\"song\":\"c\",\"count\":12,\"href\":\"/x/song/c\"}"),
       "JSON");
}

static void no_replies(void)
{
    static const char *const bad[] = {
        "",
        "HTTP/1.1 200 OK\r\n\r\n7",
        "HTTP/1.1 404 Not Found\r\nContent-Length: 1\r\n\r\n7",
        HEAD "Content-Length: 1\r\n",
        HEAD "Content-Length: 2\r\n\r\n7",
        HEAD "Content-Length: 1\r\n\r\nx",
        HEAD "Content-Length: 1\r\n\r\n77",
        HEAD "Content-Length: 1\r\nContent-Length: 1\r\n\r\n7",
        HEAD "Content-Length: 1\r\nVary: Accept-Encoding\r\n\r\n7",
        HEAD "Content-Length: 1\r\nConnection: close\r\n\r\n7",
        HEAD "Content-Length: 1\r\nKeep-Alive: timeout=5, max=\r\n\r\n7",
        HEAD "Content-Length: 1\r\nSet-Cookie: a=b\r\n\r\n7",
        HEAD "Content-Length: 2\r\nContent-Type: application/json\r\n\r\n{}",
        HEAD "Transfer-Encoding: chunked\r\n\r\n1\r\n7\r\n0\r\n\r\n",
    };
    playcount_lane_reply reply;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ok(!learns_reply(&reply, bad[i], 0), "not the lane's answer, number %zu",
           i);
    }
}

int main(void)
{
    kinds();
    requests();
    long_ones();
    replies();
    no_replies();
    return done_testing();
}

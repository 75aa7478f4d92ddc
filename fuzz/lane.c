/* The lane: requests learned and matched, answers learned and written. The input is
 * a learned request, what comes behind it, and an answer, with a byte 0xFF between
 * them.
 */

#include "fuzz/body.h"

#include "lane/reply.h"
#include "lane/request.h"

static const char root[] = "/plays";

/* A copy of exactly this size, so that a byte read behind it is found. */
static char *copy(const uint8_t *data, size_t size)
{
    char *out = malloc(size ? size : 1);

    memcpy(out, data, size);
    return out;
}

/* The part up to the separator. */
static size_t part(const uint8_t **data, size_t *size, char **out)
{
    const uint8_t *end = memchr(*data, 0xFF, *size);
    size_t n = end ? (size_t)(end - *data) : *size;

    *out = copy(*data, n);
    *data += n + (end != NULL);
    *size -= n + (end != NULL);
    return n;
}

static void try_request(const char *first, size_t first_size, const char *next,
                        size_t next_size)
{
    playcount_lane_pattern pattern = {.line_max = 8190};
    playcount_lane_request request;
    playcount_lane_header header;
    size_t length =
        playcount_lane_learn(first, first_size, root, strlen(root), &pattern);
    size_t at = 0;

    if (!length) {
        return;
    }
    pattern.line_max = 8190;
    CHECK(length <= first_size);
    CHECK(pattern.head >= first &&
          pattern.head + pattern.head_length <= first + length);
    CHECK(pattern.tail >= first &&
          pattern.tail + pattern.tail_length <= first + length);
    for (int n = 0; playcount_lane_next_header(pattern.tail, pattern.tail_length,
                                               &at, &header);
         n++) {
        CHECK(n < PLAYCOUNT_LANE_REQUEST_MAX && header.name_length);
    }
    if (playcount_lane_match(&pattern, next, next_size, &request) ==
        PLAYCOUNT_LANE_KNOWN) {
        CHECK(request.length <= next_size);
        CHECK(request.id_length >= 1 && request.id_length <= PLAYCOUNT_ID_MAX);
        CHECK(request.id >= next &&
              request.id + request.id_length <= next + next_size);
        CHECK(!playcount_id_error(request.id, request.id_length));
        CHECK(!memmem(request.id, request.id_length, "..", 2));
        CHECK(request.by >= 1 && request.by <= 1000000000);
        /* Every part of it may still become it. */
        for (size_t n = 1; n < request.length && n < 200; n++) {
            playcount_lane_request partly;

            CHECK(playcount_lane_match(&pattern, next, n, &partly) ==
                  PLAYCOUNT_LANE_MORE);
        }
    }
}

static void try_reply(const char *answer, size_t n)
{
    static const char id[] = "1", date[] = "Sun, 06 Nov 1994 08:49:37 GMT";

    for (int without_body = 0; without_body < 2; without_body++) {
        playcount_lane_reply *reply = malloc(sizeof(*reply));
        char *out = malloc(PLAYCOUNT_LANE_ROOM);
        size_t body = 0;

        if (playcount_lane_reply_learn(reply, answer, n, id, 1, without_body)) {
            char longest[PLAYCOUNT_ID_MAX];
            size_t length = playcount_lane_reply_write(reply, out, date, 100, id, 1,
                                                       PLAYCOUNT_MAX, &body);

            CHECK(length <= PLAYCOUNT_LANE_ROOM);
            memset(longest, 'x', sizeof(longest));
            length = playcount_lane_reply_write(reply, out, date, 1, longest,
                                                sizeof(longest), 0, &body);
            CHECK(length <= PLAYCOUNT_LANE_ROOM);
        }
        free(out);
        free(reply);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *first, *next, *answer;
    size_t first_size = part(&data, &size, &first);
    size_t next_size = part(&data, &size, &next);
    size_t answer_size = part(&data, &size, &answer);

    try_request(first, first_size, next, next_size);
    try_reply(answer, answer_size);
    free(first);
    free(next);
    free(answer);
    return 0;
}

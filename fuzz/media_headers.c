/* Headers of media requests and the intervals in a log: Range, Content-Range,
 * Sec-Purpose, User-Agent; a line each. */

#include "fuzz/body.h"

#include "media/rules/intervals.h"
#include "media/rules/union.h"
#include "media/rules/verdict.h"

static void try_range(const char *header, uint64_t size)
{
    playcount_interval all[4];
    int n = playcount_range_read(header, size, all, 4);

    for (int i = 0; i < n && i < 4; i++) {
        CHECK(all[i].begin < all[i].end && all[i].end <= size);
    }
    CHECK(!playcount_range_is_probe(header) || n != -1);
}

static void try_intervals(const char *text)
{
    playcount_interval i;
    playcount_union u = {0};

    playcount_union_need(&u, 1000);
    while (playcount_intervals_read(&text, &i) > 0) {
        CHECK(i.begin < i.end);
        playcount_union_add(&u, i.begin, i.end);
        CHECK(playcount_union_valid(&u));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1), *rest = text, *line[4] = {text};
    playcount_lists none = {NULL, NULL};
    playcount_delivery d = {.is_get = 1, .status = 206};
    playcount_interval i;
    const char *reason;
    uint64_t whole;

    memcpy(text, data, size);
    text[size] = '\0';
    for (int n = 0; n < 4; n++) {
        line[n] = rest ? strsep(&rest, "\n") : text + strlen(text);
    }
    try_range(line[0], 1000);
    try_range(line[0], UINT64_MAX / 2);
    try_intervals(line[0]);
    if (playcount_content_range_read(line[1], &i, &whole)) {
        CHECK(i.begin < i.end && i.end <= whole);
    }
    d.range = line[0];
    d.purpose = line[2];
    d.agent = line[3];
    d.agent_n = strlen(line[3]);
    playcount_media_refuse(&d, &none, &reason);
    free(text);
    return 0;
}

/* Lines of a log of media deliveries, in the module's own format and in one of a
 * server that does not know the module. Whatever they hold, a delivery is one that
 * the rules can take.
 */

#include "client/command/medialine.h"
#include "fuzz/client.h"

static void parse(medialine *m, const char *text, size_t n)
{
    static media_delivery d;
    char *line = malloc(n + 1); /* so that a byte read behind it is found */

    memcpy(line, text, n);
    memset(&d, 0xff, sizeof(d));
    if (medialine_read(m, line, n, &d) == MEDIALINE_ADDS) {
        CHECK(*d.song && !playcount_id_fault(d.song));
        CHECK(d.need && d.n <= MEDIALINE_INTERVALS);
        CHECK(d.agent && memchr(d.agent, '\0', d.agent_n + 1));
        for (size_t i = 0; i < d.n; i++) {
            CHECK(d.got[i].end != UINT64_MAX);
        }
    }
    free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const arguments asked[] = {
        {.media = true},
        {.media = true,
         .bitrate = "64",
         .media_seconds = 60,
         .format = "%h %l %u %t \"%r\" %>s %O \"%{Range}i\" \"%{Content-Range}o\" "
                   "\"%{Sec-Purpose}i\" \"%{User-Agent}i\""}};
    enum { ASKED = sizeof(asked) / sizeof(*asked) };
    static medialine *lines[ASKED];

    for (int i = 0; i < ASKED; i++) {
        if (!lines[i]) {
            CHECK(medialine_new(&lines[i], &asked[i]) == EXIT_DONE);
        }
        parse(lines[i], (const char *)data, size);
    }
    return 0;
}

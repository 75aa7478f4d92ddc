/* Playlists. */

#include "fuzz/body.h"

#include "media/rules/hls.h"

typedef struct {
    const char *begin, *end;
    size_t n;
} bounds;

static int take(void *context, const playcount_hls_item *item)
{
    bounds *b = context;

    CHECK(item->uri >= b->begin && item->uri + item->uri_n <= b->end);
    CHECK(item->from <= item->to);
    return ++b->n > 1000;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text =
        malloc(size ? size : 1); /* so that a byte read behind it is found */
    bounds b = {text, text + size, 0};
    uint64_t total;

    memcpy(text, data, size);
    playcount_hls_read(text, size, take, &b, &total);
    free(text);
    return 0;
}

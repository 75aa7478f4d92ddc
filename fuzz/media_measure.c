/* Media files as strangers upload them: whatever they hold, what is needed of them
 * lies in them, and little is read. */

#include "fuzz/body.h"

#include "media/rules/measure.h"

typedef struct {
    const uint8_t *bytes;
    size_t n;
    int reads;
} memory;

static long take(void *context, uint64_t offset, void *bytes, size_t n)
{
    memory *m = context;

    CHECK(offset <= m->n && n <= PLAYCOUNT_MEASURE_READ);
    CHECK(++m->reads <= 2 * PLAYCOUNT_MEASURE_READS);
    n = n < m->n - offset ? n : m->n - offset;
    memcpy(bytes, m->bytes + offset, n);
    return (long)n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const playcount_measure_rule rules[] = {{.seconds = 60},
                                                   {.seconds = 1},
                                                   {.seconds = 60, .kbits = 64},
                                                   {.whole = 1}};

    for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
        memory m = {data, size, 0};
        playcount_measured out;

        playcount_measure(&out, &rules[i], size, take, &m);
        CHECK(out.size == size && out.begin <= out.end && out.end <= size);
        CHECK(out.need >= 1 && (out.need <= out.end - out.begin || !size));
        CHECK(out.seconds >= 0);
    }
    return 0;
}

/* Batches as JSON, which is written again as answers give it. */

#include "fuzz/body.h"

static char *write_json(char *at, const playcount_batch_body *batch)
{
    *at++ = '{';
    for (apr_size_t i = 0; i < batch->n; i++) {
        const playcount_play *play = &batch->plays[i];

        if (i) {
            *at++ = ',';
        }
        *at++ = '"';
        at += playcount_json_escape(at, play->id, play->length);
        memcpy(at, "\":", 2);
        at += 2;
        at += playcount_digits(at, play->by);
    }
    *at++ = '}';
    return at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_body(playcount_body_json, write_json, data, size);
    return 0;
}

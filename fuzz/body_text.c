/* Batches as text, which is written again as listings give it. */

#include "fuzz/body.h"

static char *write_text(char *at, const playcount_batch_body *batch)
{
    for (apr_size_t i = 0; i < batch->n; i++) {
        const playcount_play *play = &batch->plays[i];

        if (i) {
            *at++ = batch->in_lines ? '\n' : ',';
        }
        at += playcount_listing_escape(at, play->id, play->length);
        *at++ = '=';
        at += playcount_digits(at, play->by);
    }
    return at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_body(playcount_body_text, write_text, data, size);
    return 0;
}

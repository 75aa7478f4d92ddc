/* Batches as text; what was taken is read again from the text that listings give.
 */

#include "fuzz/body.h"

static void read_again(apr_pool_t *pool, const playcount_batch_body *batch)
{
    playcount_batch_body again;
    char *text = apr_palloc(pool, batch->n * (PLAYCOUNT_ESCAPED_MAX + 32) + 1);
    char *at = text;
    int too_many = 0;

    for (apr_size_t i = 0; i < batch->n; i++) {
        const playcount_play *play = &batch->plays[i];

        at += playcount_listing_escape(at, play->id, play->length);
        *at++ = '=';
        at += playcount_digits(at, play->by);
        *at++ = batch->in_lines ? '\n' : ',';
    }
    at -= batch->n > 0;
    *at = '\0';
    CHECK(!playcount_body_text(pool, fuzz_zone(), text, (apr_size_t)(at - text),
                               &again, &too_many));
    CHECK(again.n == batch->n);
    for (apr_size_t i = 0; i < again.n; i++) {
        CHECK(again.plays[i].by == batch->plays[i].by);
        CHECK(again.plays[i].length == batch->plays[i].length);
        CHECK(
            !memcmp(again.plays[i].id, batch->plays[i].id, again.plays[i].length));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_body(playcount_body_text, data, size, read_again);
    return 0;
}

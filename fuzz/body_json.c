/* Batches as JSON; what was taken is read again from the JSON that answers give. */

#include "fuzz/body.h"

static void read_again(apr_pool_t *pool, const playcount_batch_body *batch)
{
    playcount_batch_body again;
    char *json = apr_palloc(pool, batch->n * (PLAYCOUNT_ESCAPED_MAX + 32) + 3);
    char *at = json;
    int too_many = 0;

    *at++ = '{';
    for (apr_size_t i = 0; i < batch->n; i++) {
        const playcount_play *play = &batch->plays[i];

        *at++ = '"';
        at += playcount_json_escape(at, play->id, play->length);
        memcpy(at, "\":", 2);
        at += 2;
        at += playcount_digits(at, play->by);
        *at++ = ',';
    }
    at[batch->n ? -1 : 0] = '}';
    at += batch->n ? 0 : 1;
    *at = '\0';
    CHECK(!playcount_body_json(pool, fuzz_zone(), json, (apr_size_t)(at - json),
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
    fuzz_body(playcount_body_json, data, size, read_again);
    return 0;
}

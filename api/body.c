/* The entries of a batch, put together: see body.h.
 *
 * A song may stand in a batch more than once. The zone takes each song once, so
 * its amounts are added up here, by way of a table of the songs seen so far
 * (open addressing over their hashes); each entry keeps its own amount for the
 * answer.
 */

#include "api/body.h"

#include <string.h>

#include "apr_strings.h"

void playcount_body_begin(playcount_body_reader *b, apr_pool_t *pool,
                          playcount_zone *zone, playcount_batch_body *batch,
                          apr_size_t entries)
{
    if (entries > PLAYCOUNT_BATCH_MAX) {
        entries = PLAYCOUNT_BATCH_MAX;
    }
    memset(batch, 0, sizeof(*batch));
    b->pool = pool;
    b->zone = zone;
    b->batch = batch;
    b->mask = 4;
    while (b->mask < 2 * entries) {
        b->mask *= 2;
    }
    b->seen = apr_pcalloc(pool, b->mask * sizeof(*b->seen));
    b->mask--;
    batch->plays = apr_palloc(pool, entries * sizeof(*batch->plays));
    batch->order = apr_palloc(pool, entries * sizeof(*batch->order));
    batch->by = apr_palloc(pool, entries * sizeof(*batch->by));
}

int playcount_body_add(playcount_body_reader *b, const char *id, apr_size_t length,
                       uint64_t by)
{
    playcount_batch_body *batch = b->batch;
    uint64_t hash = playcount_zone_prefetch(b->zone, id, length);
    apr_size_t at = hash & b->mask;
    playcount_play *play;
    int known;

    for (; b->seen[at]; at = (at + 1) & b->mask) {
        play = &batch->plays[b->seen[at] - 1];
        if (play->hash == hash && play->length == length &&
            !memcmp(play->id, id, length)) {
            break;
        }
    }
    known = b->seen[at] != 0;
    if (!known) {
        play = &batch->plays[batch->n++];
        b->seen[at] = (uint32_t)batch->n;
        play->id = id;
        play->length = (uint8_t)length;
        play->hash = hash;
        play->by = 0;
    }
    play = &batch->plays[b->seen[at] - 1];
    play->by = by > PLAYCOUNT_MAX - play->by ? PLAYCOUNT_MAX : play->by + by;
    batch->order[batch->entries] = b->seen[at] - 1;
    batch->by[batch->entries++] = by;
    return known;
}

/* How many of the eight bytes are this one. What is left of the high bits are
 * those of the bytes that are 0 after the exclusive or; the product adds them up.
 */
static apr_size_t count_of_eight(uint64_t eight, char byte)
{
    const uint64_t ones = 0x0101010101010101u, low = 0x7F * ones;
    uint64_t x = eight ^ (unsigned char)byte * ones;

    return (apr_size_t)(((~(((x & low) + low) | x | low) >> 7) * ones) >> 56);
}

apr_size_t playcount_body_count(const char *text, apr_size_t length, char byte)
{
    apr_size_t n = 0, i = 0;

    for (uint64_t eight; i + 8 <= length; i += 8) {
        memcpy(&eight, text + i, 8);
        n += count_of_eight(eight, byte);
    }
    for (; i < length; i++) {
        n += text[i] == byte;
    }
    return n;
}

apr_size_t playcount_body_mark(const char *body, apr_size_t length)
{
    return length >= 3 && !memcmp(body, "\xEF\xBB\xBF", 3) ? 3 : 0;
}

const char *playcount_body_wrong(const playcount_body_reader *b, const char *what)
{
    return apr_psprintf(b->pool, "Entry %" APR_SIZE_T_FMT " of the batch: %s",
                        b->batch->entries + 1, what);
}

const char *playcount_body_wrong_id(const playcount_body_reader *b,
                                    const char *id_error)
{
    return playcount_body_wrong(
        b, apr_pstrcat(b->pool, "its id ", id_error, ".", NULL));
}

const char *playcount_body_too_many(int *too_many)
{
    *too_many = 1;
    return "The batch has more than 65536 entries; send it in parts.";
}

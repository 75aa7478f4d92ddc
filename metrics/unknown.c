/* Counting blocks of unknown length.
 *
 * A pipe or socket bucket (CGI, a proxied response) has the length -1 until it is
 * read: then it turns into what was read, and a new bucket for the rest follows it.
 * Reading it here would change what happens: when the response is flushed, whether
 * it gets a Content-Length, how a Range is answered. So it is left alone, except
 * for its table of functions: that is replaced by a copy, equal in all but `read`,
 * which calls the original and adds up what came. The filter further down that
 * reads the bucket sees the same name, the same data and the same waiting as ever;
 * once read, a bucket has its real type, and the one for the rest gets the copy
 * again. However many reads it takes, it is one block, or none if not a byte comes.
 *
 * A read waits for the writer of the response, not for its receiver: its time is
 * not output time, though it passes below the block filter.
 */

#include "metrics/metrics.h"

#include "apr_buckets.h"

#include "metrics/clock.h"

typedef struct {
    apr_bucket_type_t type; /* first: found again through bucket->type */
    const apr_bucket_type_t *real;
    playcount_sample *sample;
    int counted; /* as a block, with its first byte */
} counting_type;

static apr_status_t counting_read(apr_bucket *b, const char **data,
                                  apr_size_t *length, apr_read_type_e block)
{
    counting_type *counting = (counting_type *)b->type;
    const apr_bucket *old_next = APR_BUCKET_NEXT(b);
    uint64_t before, after;
    apr_status_t rv;

    before = playcount_ticks();
    b->type = counting->real;
    rv = b->type->read(b, data, length, block);
    after = playcount_ticks();
    /* The pass that this is a part of adds its whole time when it is over. */
    if (after > before) {
        counting->sample->below -= after - before;
    }
    if (rv == APR_SUCCESS) {
        counting->sample->bytes += *length;
        counting->sample->blocks += *length && !counting->counted;
        counting->counted |= *length != 0;
    }
    if (b->type == counting->real && b->length == (apr_size_t)-1) {
        b->type = &counting->type;
    }

    apr_bucket *rest = APR_BUCKET_NEXT(b);

    if (rest != old_next && rest->type == counting->real &&
        rest->length == (apr_size_t)-1) {
        rest->type = &counting->type;
    }
    return rv;
}

void playcount_count_unknown(apr_bucket *b, request_rec *r,
                             playcount_sample *sample)
{
    counting_type *counting;

    if (b->type->read == counting_read) {
        return; /* a bucket that has come by before */
    }
    counting = apr_palloc(r->pool, sizeof(*counting));
    counting->type = *b->type;
    counting->type.read = counting_read;
    counting->real = b->type;
    counting->sample = sample;
    counting->counted = 0;
    b->type = &counting->type;
}

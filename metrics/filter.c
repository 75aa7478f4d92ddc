/* The block filter: counts what the content handler passes down, and the time
 * that passing it on takes. It stands right after httpd's OLD_WRITE filter,
 * which joins small ap_rputs() writes, and before all filters that change the
 * content. It changes nothing itself. A data bucket without a byte is no block.
 *
 * One walk over the brigade, two readings of the tick counter per pass; one for the
 * last. */

#include "metrics/metrics.h"

#include "apr_strings.h"
#include "http_protocol.h"
#include "util_filter.h"

#include "metrics/clock.h"
#include "shm/hot.h"

#define NAME "PLAYCOUNT_BLOCKS"
#define LONG 64 /* a brigade of so many buckets: its memory is in no cache */
#define AHEAD 16

static PLAYCOUNT_AT_HAND ap_filter_rec_t *handle;

/* The buckets of a long brigade were most likely made one after the other, so those
 * further on are where the distance to the next one leads: a guess, which costs
 * nothing if it is wrong, and else a fourth less of the walk. */
static inline void fetch_ahead(const apr_bucket *b)
{
    uintptr_t here = (uintptr_t)b, next = (uintptr_t)APR_BUCKET_NEXT(b);

    __builtin_prefetch((const void *)(here + AHEAD * (next - here)));
}

/* Counts; returns whether the end of the response is among the buckets. A brigade
 * may have a million: while walking, the counts are kept in registers. */
static int count_blocks(request_rec *r, playcount_sample *s, apr_bucket_brigade *bb)
{
    uint64_t blocks = 0, bytes = 0;
    int end = 0;

    for (apr_bucket *b = APR_BRIGADE_FIRST(bb); b != APR_BRIGADE_SENTINEL(bb);
         b = APR_BUCKET_NEXT(b)) {
        if (APR_BUCKET_IS_METADATA(b)) {
            if (APR_BUCKET_IS_EOS(b)) {
                end = 1;
            }
            else if (AP_BUCKET_IS_ERROR(b)) {
                s->broken = 1;
            }
            continue;
        }
        if (b->length == (apr_size_t)-1) {
            playcount_count_unknown(b, r, s);
        }
        else if (b->length) {
            blocks++;
            bytes += b->length;
            if (PLAYCOUNT_SELDOM(blocks > LONG)) {
                fetch_ahead(b);
            }
        }
    }
    s->blocks += blocks;
    s->bytes += bytes;
    return end;
}

/* The length that the handler has promised, 0 if none: read before the filters
 * below change it for a range or a coding. Of a response that comes in one pass
 * httpd corrects the length itself, so that one cannot fall short. */
static uint64_t promised(const request_rec *r)
{
    const char *length = apr_table_get(r->headers_out, "Content-Length");
    apr_int64_t n = length && !r->header_only ? apr_atoi64(length) : 0;

    return n > 0 ? (uint64_t)n : 0;
}

/* From the first EOS on all time is output time, however many passes follow. */
static void passed(playcount_sample *s, uint64_t before, int end)
{
    uint64_t after;

    if (s->handed_on) {
        return;
    }
    if (end) {
        s->handed_on = before;
        return;
    }
    after = playcount_ticks();
    if (after > before) {
        s->below += after - before;
    }
}

static PLAYCOUNT_HOT apr_status_t block_filter(ap_filter_t *f,
                                               apr_bucket_brigade *bb)
{
    playcount_sample *s = f->ctx;
    int end = count_blocks(f->r, s, bb);
    uint64_t before;
    apr_status_t rv;

    if (s->passing != f->r) {
        s->passing = f->r;
        s->promised = end ? 0 : promised(f->r);
    }
    before = playcount_ticks();
    rv = ap_pass_brigade(f->next, bb);
    passed(s, before, end);
    if (end) {
        s->given = rv == APR_SUCCESS;
    }
    if (rv != APR_SUCCESS &&
        (APR_STATUS_IS_ECONNABORTED(rv) || APR_STATUS_IS_ECONNRESET(rv) ||
         APR_STATUS_IS_EPIPE(rv))) {
        s->aborted = 1;
    }
    return rv;
}

void playcount_filter_register(void)
{
    /* OLD_WRITE is at AP_FTYPE_RESOURCE - 10. */
    handle =
        ap_register_output_filter(NAME, block_filter, NULL, AP_FTYPE_RESOURCE - 9);
}

PLAYCOUNT_HOT void playcount_filter_add(request_rec *r, playcount_sample *sample)
{
    ap_add_output_filter_handle(handle, sample, r, r->connection);
}

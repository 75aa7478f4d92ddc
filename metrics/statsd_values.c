/* Values out of a histogram: what is sent of what came since the last time.
 *
 * A receiver that honours sample rates gets one line for each bucket. statsd itself
 * honours the rate of a timing in its `count` only: sum, mean and percentiles are
 * those of the lines, each taken once. So it gets a line for each request: as many
 * as there were, each within the bucket of its request, and in sum exactly what
 * theirs is. Of the requests' sum only the part above the lower ends of their
 * buckets is unknown in its distribution; it is spread over them by the widths of
 * their buckets, so no value leaves its bucket.
 *
 * There is no shorter way to say it: its mean is the sum of the values over their
 * number, so count, sum and mean are right only with as many values as there were
 * requests. What a receiver takes over UDP is limited. Of more requests
 * than that (statsd.c) some share a value, and a rate says how many: then all is
 * right but the sum.
 */

#include "metrics/statsd.h"

/* One line stands for at most so many requests: 12 decimals of the rate are then
 * exact enough for the receiver to find the number again. */
#define MOST_REQUESTS 1000000u

/* The histogram of one figure, and how its sum is spread. */
typedef struct {
    playcount_figure_e figure;
    const uint64_t *bucket;
    unsigned buckets;
    uint64_t count;
    uint64_t spread;   /* of the sum, above the lower ends */
    uint64_t capacity; /* what the buckets' widths allow */
} histogram;

static uint64_t width(unsigned index)
{
    return playcount_histogram_high(index) - playcount_histogram_low(index);
}

static void measure(histogram *h, const playcount_totals *t, playcount_figure_e f)
{
    uint64_t low = 0;

    *h = (histogram){.figure = f,
                     .bucket = t->bucket + playcount_first_bucket(f),
                     .buckets = playcount_bucket_count(f)};
    for (unsigned i = 0; i < h->buckets; i++) {
        h->count += h->bucket[i];
        low += h->bucket[i] * playcount_histogram_low(i);
        h->capacity += h->bucket[i] * width(i);
    }
    /* A request may be in the sum and not yet in a bucket, or the other way round.
     */
    h->spread = t->sum[f] > low ? t->sum[f] - low : 0;
    if (h->spread > h->capacity) {
        h->spread = h->capacity;
    }
}

/* How much of what is spread falls to all requests before that place in the order.
 */
static uint64_t share(const histogram *h, uint64_t reached)
{
    return h->capacity
               ? (uint64_t)((unsigned __int128)h->spread * reached / h->capacity)
               : 0;
}

/* A line for every `each` requests, smallest first, with their average; the last
 * one may be for fewer. */
static void send_lines(playcount_sender *to, const char *route, const histogram *h,
                       uint64_t each)
{
    uint64_t reached = 0, given = 0, waiting = 0, sum = 0;

    for (unsigned i = 0; i < h->buckets; i++) {
        for (uint64_t n = h->bucket[i]; n;) {
            uint64_t taken = n < each - waiting ? n : each - waiting;

            n -= taken;
            waiting += taken;
            reached += width(i) * taken;
            sum += playcount_histogram_low(i) * taken + share(h, reached) - given;
            given = share(h, reached);
            if (waiting == each) {
                playcount_statsd_value(to, route, h->figure, sum / each, each);
                waiting = sum = 0;
            }
        }
    }
    if (waiting) {
        playcount_statsd_value(to, route, h->figure, sum / waiting, waiting);
    }
}

static void send_buckets(playcount_sender *to, const char *route,
                         const histogram *h, uint64_t highest)
{
    for (unsigned i = 0; i < h->buckets; i++) {
        uint64_t value = playcount_histogram_middle(i);

        for (uint64_t n = h->bucket[i]; n;) {
            uint64_t part = n < MOST_REQUESTS ? n : MOST_REQUESTS;

            playcount_statsd_value(to, route, h->figure,
                                   value < highest ? value : highest, part);
            n -= part;
        }
    }
}

void playcount_statsd_figure(playcount_sender *to, const char *route,
                             const playcount_totals *t, playcount_figure_e f)
{
    histogram h;

    measure(&h, t, f);
    if (to->conf->rates) {
        send_buckets(to, route, &h, t->highest[f]);
        return;
    }
    send_lines(to, route, &h, to->each < MOST_REQUESTS ? to->each : MOST_REQUESTS);
}

/* The histograms: every value within 1 %, quantiles as of the sorted samples. */

#include "shm/figures/figures.h"
#include "shm/figures/histogram.h"
#include "fixture.h"

#define BUCKETS PLAYCOUNT_HISTOGRAM_BUCKETS(44)

static uint64_t seed = 42;

static uint64_t random_below(uint64_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed % n;
}

static int within(uint64_t got, uint64_t exact, double limit)
{
    double error = (double)(got > exact ? got - exact : exact - got);

    return error <= limit * (double)exact;
}

static void test_buckets(void)
{
    unsigned wrong = 0, gaps = 0, coarse_wrong = 0;

    for (uint64_t v = 0; v < 128; v++) {
        wrong +=
            playcount_histogram_middle(playcount_histogram_index(v, BUCKETS)) != v;
    }
    is(wrong, 0, "values below 128 are exact");
    for (unsigned i = 0; i + 1 < BUCKETS; i++) {
        gaps += playcount_histogram_high(i) + 1 != playcount_histogram_low(i + 1);
        gaps += playcount_histogram_index(playcount_histogram_low(i), BUCKETS) != i;
        gaps +=
            playcount_histogram_index(playcount_histogram_high(i), BUCKETS) != i;
    }
    is(gaps, 0, "buckets follow each other without gap or overlap");
    is(playcount_histogram_high(BUCKETS - 1), (UINT64_C(1) << 44) - 1,
       "the last one ends where it should");
    is(playcount_histogram_index(UINT64_MAX, BUCKETS), BUCKETS - 1,
       "what is above is counted in the last one");
    for (int i = 0; i < 2000000; i++) {
        uint64_t v = random_below(UINT64_C(1) << (1 + i % 44));
        unsigned at = playcount_histogram_index(v, BUCKETS);

        wrong += !within(playcount_histogram_middle(at), v, 1.0 / 128);
        for (unsigned bits = 0; i % 16 == 0 && bits <= 6; bits++) {
            unsigned coarse = playcount_histogram_coarse(at, bits);
            uint64_t back = playcount_histogram_middle(
                playcount_histogram_coarse_middle(coarse, bits));

            coarse_wrong += coarse > at;
            coarse_wrong +=
                !within(back, v, 1.0 / (double)(2u << bits) + 1.0 / 128);
            coarse_wrong += playcount_histogram_coarse(
                                playcount_histogram_coarse_middle(coarse, bits),
                                bits) != coarse;
        }
    }
    is(wrong, 0, "two million values are read back within 1/128");
    is(coarse_wrong, 0, "and from coarser buckets as near as those promise");
}

static int ascending(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static void test_quantiles(const char *what, unsigned octaves)
{
    enum { N = 50000 };
    static const double q[] = {0.001, 0.25, 0.5, 0.95, 0.99, 0.999, 1};
    uint64_t *bucket = calloc(BUCKETS, sizeof(*bucket));
    uint64_t *sample = malloc(N * sizeof(*sample));
    unsigned wrong = 0, wrong_limit = 0;

    for (int i = 0; i < N; i++) {
        sample[i] = random_below(UINT64_C(1) << (1 + random_below(octaves)));
        bucket[playcount_histogram_index(sample[i], BUCKETS)]++;
    }
    qsort(sample, N, sizeof(*sample), ascending);
    for (size_t i = 0; i < sizeof(q) / sizeof(q[0]); i++) {
        size_t rank = (size_t)(q[i] * N + 0.9999999);
        uint64_t got = playcount_histogram_quantile(bucket, BUCKETS, N, q[i]);
        uint64_t limit = sample[rank - 1];
        uint64_t low = 0, high = 0;
        uint64_t most = playcount_histogram_at_most(bucket, BUCKETS, limit);

        wrong += !within(got, limit, 0.01);
        for (int j = 0; j < N; j++) {
            low += (double)sample[j] <= 0.99 * (double)limit;
            high += (double)sample[j] <= 1.01 * (double)limit;
        }
        wrong_limit += most < low || most > high;
    }
    ok(wrong == 0, "%s: quantiles are within 1 %% of those of the sorted samples",
       what);
    ok(wrong_limit == 0, "%s: so are the numbers of values up to a limit", what);
    is(playcount_histogram_count(bucket, BUCKETS), N, "nothing is missing");
    free(bucket);
    free(sample);
}

int main(void)
{
    uint64_t none[BUCKETS] = {0};

    test_buckets();
    test_quantiles("small values", 7);
    test_quantiles("times", 32);
    test_quantiles("lengths", 44);
    is(playcount_histogram_quantile(none, BUCKETS, 0, 0.5), 0,
       "the quantile of nothing is 0");
    return done_testing();
}

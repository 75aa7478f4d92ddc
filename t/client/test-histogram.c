/* The histogram knows a quantile to 1.6 percent, up to days. */
#include <stdlib.h>

#include "client/command/histogram.h"
#include "t/tap.h"

static void test_single(uint64_t us)
{
    static const histogram empty;
    histogram h = empty;
    histogram_add(&h, us);
    histogram_add(&h, us);
    histogram_add(&h, 4 * us + 1);
    uint64_t median = histogram_quantile(&h, .5);
    ok(median >= us && (double)median <= 1.016 * (double)us,
       "the median of %llu, %llu, %llu is %llu", (unsigned long long)us,
       (unsigned long long)us, (unsigned long long)(4 * us + 1),
       (unsigned long long)median);
    ok(histogram_quantile(&h, 1) == 4 * us + 1, "and the highest is itself");
}

int main(void)
{
    static histogram h, low, high;

    ok(histogram_quantile(&h, .5) == 0, "an empty one has the quantile 0");
    for (uint64_t us = 1; us < (uint64_t)1 << 38; us *= 3) {
        test_single(us);
        test_single(us + us / 2);
    }
    int good = 1;
    for (uint64_t us = 0; us < 1000; us++) {
        histogram_add(&h, us);
        histogram_add(us < 500 ? &low : &high, us);
    }
    for (int i = 1; i < 1000; i++) {
        double q = i / 1000.0, value = (double)histogram_quantile(&h, q);
        good = good && value >= i - 1 && value <= 1.016 * i + 1;
    }
    ok(good, "the quantiles of 0 to 999 are 0 to 999");
    histogram_merge(&low, &high);
    good = low.n == h.n && low.max == h.max;
    for (int i = 0; i <= 100; i++) {
        good = good && histogram_quantile(&low, i / 100.0) ==
                           histogram_quantile(&h, i / 100.0);
    }
    ok(good, "two halves together are the whole");
    histogram_add(&h, UINT64_MAX);
    ok(histogram_quantile(&h, 1) > (uint64_t)1 << 39 && h.max == UINT64_MAX,
       "a value without measure is counted as the highest");
    return done_testing();
}

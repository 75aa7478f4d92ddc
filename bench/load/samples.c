/* Every latency is kept, in steps of 100 ns: exact quantiles for 4 bytes each. */
#include <stdio.h>
#include <stdlib.h>

#include "bench/load/load.h"

#define STEP_NS 100

static uint32_t *samples;
static size_t used, room;

void samples_add(uint64_t ns)
{
    uint64_t steps = ns / STEP_NS;

    if (used == room) {
        room = room ? room * 2 : 1 << 16;
        samples = realloc(samples, room * sizeof(*samples));
        if (!samples) {
            fprintf(stderr, "load: no memory for %zu samples\n", room);
            exit(1);
        }
    }
    samples[used++] = steps > UINT32_MAX ? UINT32_MAX : (uint32_t)steps;
}

static int ascending(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

void samples_finish(void)
{
    if (used) {
        qsort(samples, used, sizeof(*samples), ascending);
    }
}

double samples_quantile(double q)
{
    if (!used) {
        return 0;
    }
    return samples[(size_t)(q * (double)(used - 1) + 0.5)] * (STEP_NS / 1000.0);
}

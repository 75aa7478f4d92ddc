/* How long a tick is: see clock.h. */

#include "metrics/clock.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define CLOCKSOURCE                                                                \
    "/sys/devices/system/clocksource/clocksource0/current_clocksource"
#define TRIES 16
#define APART_NS 1000000u /* the two comparisons, at least */

typedef struct {
    uint64_t ticks, ns; /* of the same moment */
} moment;

PLAYCOUNT_AT_HAND int playcount_clock_counter;
PLAYCOUNT_AT_HAND double playcount_clock_us = 0.001;
PLAYCOUNT_AT_HAND _Atomic uint64_t playcount_clock_wall;
PLAYCOUNT_AT_HAND _Atomic uint64_t playcount_clock_asked;

static moment begun;

uint64_t playcount_clock_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* The kernel goes by the counter when that runs at one rate, on all processors
 * alike, and in a virtual machine that will not be moved to another rate. */
static int kernel_trusts_counter(void)
{
    char name[8] = "";
    int fd = open(CLOCKSOURCE, O_RDONLY | O_CLOEXEC);

    if (fd >= 0) {
        if (read(fd, name, sizeof(name) - 1) < 0) {
            *name = '\0';
        }
        close(fd);
    }
    return !strcmp(name, "tsc\n");
}

static moment both(void)
{
    uint64_t closest = UINT64_MAX;
    moment m = {0, 0};

    for (int i = 0; i < TRIES; i++) {
        uint64_t before = playcount_ticks();
        uint64_t ns = playcount_clock_ns();
        uint64_t apart = playcount_ticks() - before;

        if (apart < closest) {
            closest = apart;
            m = (moment){before + apart / 2, ns};
        }
    }
    return m;
}

void playcount_clock_begin(void)
{
    playcount_clock_counter = kernel_trusts_counter();
    begun = both();
}

void playcount_clock_calibrate(void)
{
    moment now;

    if (!playcount_clock_counter) {
        return;
    }
    do {
        now = both();
    } while (now.ns - begun.ns < APART_NS);
    playcount_clock_us =
        (double)(now.ns - begun.ns) / (double)(now.ticks - begun.ticks) / 1000;
}

/* Between the two readings of the counter this thread may have had to wait for a
 * processor; then it asks again, a few times. */
void playcount_clock_ask(void)
{
    uint64_t closest = UINT64_MAX, wall = 0, asked = 0;

    for (int i = 0; i < 3 && (!i || playcount_ticks_us(closest) > 2); i++) {
        uint64_t before = playcount_ticks(), apart;
        struct timespec t;

        clock_gettime(CLOCK_REALTIME, &t);
        apart = playcount_ticks() - before;
        if (apart < closest) {
            closest = apart;
            asked = before + apart / 2;
            wall = (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000 -
                   playcount_ticks_us(asked);
        }
    }
    atomic_store_explicit(&playcount_clock_wall, wall, memory_order_relaxed);
    atomic_store_explicit(&playcount_clock_asked, asked, memory_order_relaxed);
}

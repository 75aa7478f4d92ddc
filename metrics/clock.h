/* Clocks that cost no system call.
 *
 * Durations are measured with CLOCK_MONOTONIC, which the vDSO answers, once at
 * each end of a request. The time below the filter is summed over its passes,
 * and a response may take a million of them, so those are timed in ticks: the
 * processor's own counter where it runs at one rate for all processors, else
 * the monotonic clock too. Ticks are turned into time by comparing both at the
 * ends of the same request, so no rate has to be known.
 */
#ifndef PLAYCOUNT_METRICS_CLOCK_H
#define PLAYCOUNT_METRICS_CLOCK_H

#include <stdint.h>
#include <time.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

static inline uint64_t playcount_clock_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Whether the processor's counter is to be trusted; set by _init. */
extern int playcount_clock_counter;

static inline void playcount_clock_init(void)
{
#if defined(__x86_64__)
    unsigned a, b, c, d;

    /* "Invariant TSC": Intel SDM volume 3, 18.17.1. */
    playcount_clock_counter =
        __get_cpuid(0x80000007, &a, &b, &c, &d) && (d & (1u << 8)) != 0;
#endif
}

static inline uint64_t playcount_ticks(void)
{
#if defined(__x86_64__)
    if (playcount_clock_counter) {
        return __builtin_ia32_rdtsc();
    }
#endif
    return playcount_clock_ns();
}

#endif

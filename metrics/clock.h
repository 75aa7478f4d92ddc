/* A clock that costs no system call and one instruction.
 *
 * Durations are differences of ticks: the processor's own counter where the kernel
 * itself goes by it, else CLOCK_MONOTONIC, which the vDSO answers. A request needs
 * four readings, and one more pair for each pass over its filter, so what a reading
 * costs counts.
 *
 * How long a tick is, is found by comparing the counter with CLOCK_MONOTONIC twice:
 * when the configuration is read and when a child starts, a millisecond or more
 * later. Each reading of the pair is taken where both clocks were read closest
 * together, to some tens of nanoseconds: the rate is right to a ten-thousandth.
 */
#ifndef PLAYCOUNT_METRICS_CLOCK_H
#define PLAYCOUNT_METRICS_CLOCK_H

#include <stdint.h>
#include <time.h>

/* The first comparison; and the second, after which durations may be taken. Called
 * while the process has one thread. */
void playcount_clock_begin(void);
void playcount_clock_calibrate(void);

/* For the functions below. */
extern int playcount_clock_counter; /* whether the counter is used */
extern double playcount_clock_us;   /* microseconds a tick */

static inline uint64_t playcount_clock_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
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

/* Ticks in microseconds. */
static inline uint64_t playcount_ticks_us(uint64_t ticks)
{
    return (uint64_t)((double)ticks * playcount_clock_us);
}

#endif

/* A clock that costs no system call and one instruction.
 *
 * Durations are differences of ticks: the processor's own counter where the kernel
 * itself goes by it, else CLOCK_MONOTONIC, which the vDSO answers. A request needs
 * three readings, and one more pair for each pass over its filter but the last, so
 * what a reading costs counts. The wall clock is told from them, too; the system is
 * asked for it a thousand times a second at most.
 *
 * How long a tick is, is found by comparing the counter with CLOCK_MONOTONIC twice:
 * when the configuration is read and when a child starts, a millisecond or more
 * later. Each reading of the pair is taken where both clocks were read closest
 * together, to some tens of nanoseconds: the rate is right to a ten-thousandth.
 */
#ifndef PLAYCOUNT_METRICS_CLOCK_H
#define PLAYCOUNT_METRICS_CLOCK_H

#include <stdatomic.h>
#include <stdint.h>
#include <time.h>

#include "shm/hot.h"

/* The first comparison; and the second, after which durations may be taken. Called
 * while the process has one thread. */
void playcount_clock_begin(void);
void playcount_clock_calibrate(void);

/* For the functions below. The first two are set by calibrating. */
extern int playcount_clock_counter;            /* whether the counter is used */
extern double playcount_clock_us;              /* microseconds a tick */
extern _Atomic uint64_t playcount_clock_wall;  /* microseconds since 1970 at tick 0;
                                                  any thread */
extern _Atomic uint64_t playcount_clock_asked; /* tick when that was found; any
                                                  thread */
void playcount_clock_ask(void);                /* finds it */

/* CLOCK_MONOTONIC. */
uint64_t playcount_clock_ns(void);

static inline uint64_t playcount_ticks(void)
{
#if defined(__x86_64__)
    return PLAYCOUNT_SELDOM(!playcount_clock_counter) ? playcount_clock_ns()
                                                      : __builtin_ia32_rdtsc();
#else
    return playcount_clock_ns();
#endif
}

/* Ticks in microseconds. */
static inline uint64_t playcount_ticks_us(uint64_t ticks)
{
    /* Signed: a conversion is one instruction then. */
    return (uint64_t)(int64_t)((double)(int64_t)ticks * playcount_clock_us);
}

/* The wall clock at a tick of just now, in microseconds since 1970: what
 * apr_time_now() said then, to a microsecond. Any thread. */
static inline uint64_t playcount_ticks_wall(uint64_t ticks)
{
    uint64_t since =
        ticks - atomic_load_explicit(&playcount_clock_asked, memory_order_relaxed);

    /* It is large, too, when another thread has asked later than this tick. */
    if (PLAYCOUNT_SELDOM(playcount_ticks_us(since) >= 1000)) {
        playcount_clock_ask();
    }
    return atomic_load_explicit(&playcount_clock_wall, memory_order_relaxed) +
           playcount_ticks_us(ticks);
}

#endif

/* TAP on stdout for the tests in C. Include it in one file of a program only. */
#ifndef PLAYCOUNT_TEST_TAP_H
#define PLAYCOUNT_TEST_TAP_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

static int tap_run, tap_failed;

__attribute__((format(printf, 2, 3))) static inline int ok(int good,
                                                           const char *what, ...)
{
    va_list args;

    va_start(args, what);
    printf("%s %d - ", good ? "ok" : "not ok", ++tap_run);
    vprintf(what, args);
    printf("\n");
    va_end(args);
    fflush(stdout);
    tap_failed += !good;
    return good;
}

static inline void is(uint64_t got, uint64_t expected, const char *what)
{
    if (!ok(got == expected, "%s", what)) {
        printf("# got %" PRIu64 ", expected %" PRIu64 "\n", got, expected);
    }
}

static inline int done_testing(void)
{
    printf("1..%d\n", tap_run);
    return tap_failed != 0;
}

#endif

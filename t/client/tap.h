/* TAP on stdout for the client's C tests. */
#ifndef PLAYCOUNT_TEST_CLIENT_TAP_H
#define PLAYCOUNT_TEST_CLIENT_TAP_H

#include <stdarg.h>
#include <stdio.h>

static int tap_run, tap_failed;

__attribute__((format(printf, 2, 3))) static inline int ok(int good,
                                                           const char *what, ...)
{
    va_list values;

    va_start(values, what);
    printf("%s %d - ", good ? "ok" : "not ok", ++tap_run);
    vprintf(what, values);
    printf("\n");
    va_end(values);
    fflush(stdout);
    tap_failed += !good;
    return good;
}

static inline int tap_done(void)
{
    printf("1..%d\n", tap_run);
    return tap_failed != 0;
}

#endif

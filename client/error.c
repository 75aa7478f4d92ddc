/* Filling in a playcount_error. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "client/error.h"
#include "client/id.h"

void playcount_error_clear(playcount_error *error)
{
    if (error) {
        memset(error, 0, sizeof(*error));
        error->server = -1;
    }
}

playcount_status playcount_fail(playcount_error *error, playcount_status status,
                                int server, const char *format, ...)
{
    if (!error) {
        return status;
    }
    playcount_error_clear(error);
    error->status = status;
    error->server = server;

    va_list values;
    va_start(values, format);
    vsnprintf(error->sentence, sizeof(error->sentence), format, values);
    va_end(values);
    playcount_text_clean(error->sentence);
    return status;
}

int playcount_is_settled(int http_status)
{
    switch (http_status) {
    case 400:
    case 413:
    case 415:
    case 422:
    case 507:
        return 1;
    default:
        return 0;
    }
}

playcount_status playcount_error_pass(playcount_error *to,
                                      const playcount_error *from)
{
    if (to && to != from) {
        *to = *from;
    }
    return from->status;
}

/* Filling in a playcount_error. */
#ifndef PLAYCOUNT_CLIENT_ERROR_H
#define PLAYCOUNT_CLIENT_ERROR_H

#include "client/playcount.h"

/* No error. A NULL error is fine here and below. */
void playcount_error_clear(playcount_error *error);

/* Set status, server (or -1) and sentence, and return the status. The sentence is
 * made one line of printable UTF-8, whatever a server put into it. */
playcount_status playcount_fail(playcount_error *error, playcount_status status,
                                int server, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Whether a server that refuses with this status has looked at the request and its
 * key: it always refuses it, and has not counted it before, as it would have
 * given that answer again. A proxy, an access check or another server behind the
 * address knows nothing of keys. */
int playcount_is_settled(int http_status);

/* Copy and return the status. */
playcount_status playcount_error_pass(playcount_error *to,
                                      const playcount_error *from);

#endif

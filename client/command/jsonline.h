/* Lines of an access log that are JSON objects. */
#ifndef PLAYCOUNT_COMMAND_JSONLINE_H
#define PLAYCOUNT_COMMAND_JSONLINE_H

#include <stdbool.h>

#include "client/command/accesslog.h"

/* Names of the members to take; one inside another has a dot: http.status. A name
 * that is NULL was not given. */
typedef struct {
    char *request, *method, *url, *query, *status;
    char *names; /* where they lie */
} jsonline;

/* "request=REQUEST,status=STATUS" ... into names; NULL for the usual ones. NULL, or
 * what is wrong with it. */
const char *jsonline_init(jsonline *j, const char *fields);
void jsonline_free(jsonline *j);

/* *memory is a block that grows as needed (n bytes of it are there) and holds the
 * result. Not 0: not an object with these members. */
int jsonline_parse(const jsonline *j, const char *line, size_t n, char **memory,
                   size_t *memory_n, accesslog_line *out);

#endif

/* Lines of an access log in the common or combined format of httpd (`%h %l %u %t
 * "%r" %>s %b ...`), also with something in front (vhost_combined). */
#ifndef PLAYCOUNT_COMMAND_ACCESSLOG_H
#define PLAYCOUNT_COMMAND_ACCESSLOG_H

#include <stddef.h>

typedef struct {
    const char *method;
    size_t method_n;
    const char *target; /* as requested, with its query */
    size_t target_n;
    int status; /* 100 to 999 */
} accesslog_line;

/* Take a line apart. `scratch` has room for the line; the result points into it.
 * What httpd escaped (\", \\, \t, \xhh ...) is as it was. Not 0: it is no such
 * line. */
int accesslog_parse(const char *line, size_t n, char *scratch, accesslog_line *out);

/* Whether a status or method is in a list such as "2xx,304" or "GET,POST". */
int accesslog_status_in(const char *list, int status);
int accesslog_method_in(const char *list, const char *method, size_t n);

/* Whether a list of statuses can be one. */
int accesslog_statuses_valid(const char *list);

#endif

/* What replay takes from a line of an access log, and the lists that choose lines.
 */
#ifndef PLAYCOUNT_COMMAND_ACCESSLOG_H
#define PLAYCOUNT_COMMAND_ACCESSLOG_H

#include <stddef.h>

typedef struct {
    const char *method; /* NULL: the format does not have it */
    size_t method_n;
    const char *target; /* path and query */
    size_t target_n;
    size_t decoded_n; /* so much of it, from its beginning, is percent-decoded */
    int status;       /* 100 to 999; 0: the format does not have it */
} accesslog_line;

/* What httpd escaped in n bytes (\", \\, \t, \xhh ...), as it was; into out, which
 * has room for n bytes. The length. */
size_t accesslog_unescape(const char *text, size_t n, char *out);

/* Method and target of a request line: "GET /a HTTP/1.1". Not 0: it is not one. */
int accesslog_request(const char *text, size_t n, accesslog_line *out);

/* Whether a status or method is in a list such as "2xx,304" or "GET,POST". */
int accesslog_status_in(const char *list, int status);
int accesslog_method_in(const char *list, const char *method, size_t n);

/* Whether a list of statuses can be one. */
int accesslog_statuses_valid(const char *list);

#endif

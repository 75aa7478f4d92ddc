/* What replay takes from a line of an access log, and the lists that choose lines.
 */
#ifndef PLAYCOUNT_COMMAND_ACCESSLOG_H
#define PLAYCOUNT_COMMAND_ACCESSLOG_H

#include <stddef.h>

/* What only a replay of media deliveries takes. Text as httpd wrote it, unescaped.
 */
typedef enum {
    ACCESSLOG_ADDRESS,       /* %a */
    ACCESSLOG_HOST,          /* %h */
    ACCESSLOG_AGENT,         /* %{User-Agent}i */
    ACCESSLOG_TIME,          /* %t: [25/Nov/2026:23:14:46 +0000] */
    ACCESSLOG_TIME_SEC,      /* %{sec}t, %{begin:sec}t; since 1970 */
    ACCESSLOG_TIME_MSEC,     /* %{msec}t */
    ACCESSLOG_TIME_USEC,     /* %{usec}t */
    ACCESSLOG_BODY,          /* %B, %b */
    ACCESSLOG_OUT,           /* %O */
    ACCESSLOG_RANGE,         /* %{Range}i */
    ACCESSLOG_CONTENT_RANGE, /* %{Content-Range}o */
    ACCESSLOG_PURPOSE,       /* %{Sec-Purpose}i */
    ACCESSLOG_ENCODING,      /* %{Content-Encoding}o */
    ACCESSLOG_TYPE,          /* %{Content-Type}o */
    ACCESSLOG_VERDICT,       /* %^Pv */
    ACCESSLOG_INTERVALS,     /* %^Px */
    ACCESSLOG_THRESHOLD,     /* %^Pt */
    ACCESSLOG_SONG,          /* %^Pi */
    ACCESSLOG_VALUES
} accesslog_value;

typedef struct {
    const char *method; /* NULL: the format does not have it */
    size_t method_n;
    const char *target; /* path and query */
    size_t target_n;
    size_t decoded_n; /* so much of it, from its beginning, is percent-decoded */
    int status;       /* 100 to 999; 0: the format does not have it */
    struct {
        const char
            *text; /* with a NUL behind it; NULL: the format does not have it */
        size_t n;
    } value[ACCESSLOG_VALUES];
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

/* Reading the lines of an access log by the LogFormat they were written in.
 *
 * A LogFormat string becomes one Perl-compatible regular expression: its literal
 * text as it is, and for each directive what httpd can write there. In a value
 * httpd escapes the quotation mark and the backslash, so a value ends where the
 * next literal text begins and no user name or header can pretend to be a request.
 * One value has bare quotation marks: the %u of a user without a name, which is "".
 *
 * Without a format a line may be in any format that has "%r" %>s in it with nothing
 * but escaped values before: common, combined, vhost_combined.
 *
 * JSON lines are read by the names of their fields.
 */
#ifndef PLAYCOUNT_COMMAND_LOGFORMAT_H
#define PLAYCOUNT_COMMAND_LOGFORMAT_H

#include <stdbool.h>
#include <stdio.h>

#include "client/command/accesslog.h"

typedef struct logformat logformat;

/* `format` is NULL, a LogFormat string, the name of a common one (or "media", which
 * docs/media.md has), or
 * json[:FIELD=NAME,...]. NULL: `wrong`, of WRONG bytes, says why. */
enum { LOGFORMAT_WRONG = 256 };
logformat *logformat_new(const char *format, char *wrong);
void logformat_free(logformat *f);

bool logformat_has_method(const logformat *f);
bool logformat_has_status(const logformat *f);
bool logformat_has(const logformat *f, accesslog_value value);

/* Take a line, without its newline, apart. The result lies in memory of the format
 * until the next call. Not 0: it is not in this format. */
int logformat_parse(logformat *f, const char *line, size_t n, accesslog_line *out);

#endif

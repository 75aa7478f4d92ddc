/* Lines of access logs are taken apart as httpd wrote them. */
#include <stdlib.h>
#include <string.h>

#include "client/command/accesslog.h"
#include "t/tap.h"

/* The line is copied to memory of just its size, for those who watch over it. */
static int parse(const char *text, char **scratch, accesslog_line *line)
{
    size_t n = strlen(text);
    char *copy = malloc(n ? n : 1);
    memcpy(copy, text, n);
    *scratch = malloc(n ? n : 1);
    int result = accesslog_parse(copy, n, *scratch, line);
    free(copy);
    return result;
}

static void good(const char *text, const char *method, const char *target,
                 int status)
{
    accesslog_line line;
    char *scratch;
    int same = parse(text, &scratch, &line) == 0 && line.status == status &&
               line.method_n == strlen(method) &&
               memcmp(line.method, method, line.method_n) == 0 &&
               line.target_n == strlen(target) &&
               memcmp(line.target, target, line.target_n) == 0;
    ok(same, "%s", text);
    free(scratch);
}

static void bad(const char *text)
{
    accesslog_line line;
    char *scratch;
    ok(parse(text, &scratch, &line) != 0, "no line: %s", text);
    free(scratch);
}

int main(void)
{
    good("::1 - - [x] \"GET /a HTTP/1.1\" 200 5", "GET", "/a", 200);
    good("::1 - - [x] \"GET /a HTTP/1.1\" 200", "GET", "/a", 200);
    good("::1 - - [x] \"GET /a HTTP/1.1\" 200\r", "GET", "/a", 200);
    good("::1 - - [x] \"GET /a HTTP/1.1\" 404 - \"-\" \"say \\\"x\\\"\"", "GET",
         "/a", 404);
    good("\"POST /a b HTTP/2.0\" 201 0", "POST", "/a b", 201);
    good("\"GET /a\" 200 0", "GET", "/a", 200);
    good("\"GET /\\\"\\\\\\x41\\t\\q\\x4 HTTP/1.0\" 200 0", "GET",
         "/\"\\A\t\\q\\x4", 200);
    bad("");
    bad("\"");
    bad("\"GET /a HTTP/1.1 200 5");
    bad("\"GET /a HTTP/1.1\\\" 200 5");
    bad("\"GET /a HTTP/1.1\\");
    bad("\"GET /a HTTP/1.1\\x");
    bad("\"GET /a HTTP/1.1\"");
    bad("\"GET /a HTTP/1.1\" ");
    bad("\"GET /a HTTP/1.1\" 20");
    bad("\"GET /a HTTP/1.1\" 2000");
    bad("\"GET /a HTTP/1.1\" 099 5");
    bad("\"-\" 408 -");
    bad("\"GET\" 200 5");
    bad("\"GET \" 200 5");
    bad("\" /a HTTP/1.1\" 200 5");
    ok(accesslog_status_in("2xx,304", 200) && accesslog_status_in("2xx,304", 304) &&
           accesslog_status_in("xxx", 418) &&
           !accesslog_status_in("2xx,304", 301) &&
           !accesslog_status_in("30", 300) && !accesslog_status_in("", 200),
       "statuses are found in a list");
    ok(accesslog_method_in("GET,POST", "POST", 4) &&
           !accesslog_method_in("GET,POST", "POS", 3) &&
           !accesslog_method_in("GET", "GETS", 4),
       "methods are found in a list");
    ok(accesslog_statuses_valid("200") && accesslog_statuses_valid("2xx,304") &&
           !accesslog_statuses_valid("") && !accesslog_statuses_valid("200,") &&
           !accesslog_statuses_valid("200-299") && !accesslog_statuses_valid("OK!"),
       "a list of statuses can be told from something else");
    return done_testing();
}

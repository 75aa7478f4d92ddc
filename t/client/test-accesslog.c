/* Lines of access logs are taken apart as httpd wrote them. */
#include <stdlib.h>
#include <string.h>

#include "client/command/logformat.h"
#include "t/tap.h"

/* The line is copied to memory of just its size, for tools that watch over it. */
static int parse(logformat *format, const char *text, accesslog_line *line)
{
    size_t n = strlen(text);
    char *copy = malloc(n ? n : 1);
    memcpy(copy, text, n);
    int result = logformat_parse(format, copy, n, line);
    free(copy);
    return result;
}

static logformat *format_of(const char *text)
{
    char wrong[LOGFORMAT_WRONG] = "";
    logformat *format = logformat_new(text, wrong);
    ok(format != NULL, "a format: %s %s", text ? text : "none", wrong);
    return format;
}

static void good_in(const char *format_text, const char *text, const char *method,
                    const char *target, int status)
{
    accesslog_line line;
    logformat *format = format_of(format_text);
    int same =
        parse(format, text, &line) == 0 && line.status == status &&
        line.method_n == strlen(method) &&
        (!line.method_n || memcmp(line.method, method, line.method_n) == 0) &&
        line.target_n == strlen(target) &&
        memcmp(line.target, target, line.target_n) == 0;
    ok(same, "%s", text);
    logformat_free(format);
}

static void good(const char *text, const char *method, const char *target,
                 int status)
{
    good_in(NULL, text, method, target, status);
}

static void bad_in(const char *format_text, const char *text)
{
    accesslog_line line;
    logformat *format = format_of(format_text);
    ok(parse(format, text, &line) != 0, "not a line: %s", text);
    logformat_free(format);
}

static void bad(const char *text)
{
    bad_in(NULL, text);
}

static void not_a_format(const char *text)
{
    char wrong[LOGFORMAT_WRONG] = "";
    logformat *format = logformat_new(text, wrong);
    ok(!format && *wrong, "not a format: %s (%s)", text, wrong);
    logformat_free(format);
}

static void without_a_format(void)
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
    good("::1 - o\\\"neil [x] \"GET /a HTTP/1.1\" 200 5", "GET", "/a", 200);
    good("::1 - \"\" [x] \"GET /a HTTP/1.1\" 200 5", "GET", "/a", 200);
    good("h:80 ::1 - o neil [x] \"GET /a HTTP/1.1\" 200 5 \"-\" \"-\"", "GET", "/a",
         200);
    good("::1 - \\\"GET /b HTTP/1.1\\\" 200 5 [x] \"GET /a HTTP/1.1\" 401 5", "GET",
         "/a", 401);
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
}

static void with_a_format(void)
{
    good_in("combined",
            "::1 - \"\" [1/Jan] \"GET /a HTTP/1.1\" 200 - \"-\" \"curl\"", "GET",
            "/a", 200);
    bad_in("combined", "::1 - - [1/Jan] \"GET /a HTTP/1.1\" 200 -");
    bad_in("common", "::1 - - [1/Jan] \"GET /a HTTP/1.1\" 200 - \"-\" \"curl\"");
    good_in("%s %r", "200 GET /a HTTP/1.1", "GET", "/a", 200);
    good_in("%s|%m|%U%q|%u", "304|GET|/a b?x=1|o|neil", "GET", "/a b?x=1", 304);
    good_in("%{%s}t.%{msec_frac}t %^FB %!200,304{Referer}i %<s %U",
            "17.5 100 - 200 /a", "", "/a", 200);
    good_in("100%% \\\"%r\\\"\\t%>s", "100% \"GET /\\\" HTTP/1.0\"\t200", "GET",
            "/\"", 200);
    good_in("{\"r\":\"%r\",\"s\":%>s,\"a\":\"%{User-Agent}i\"}",
            "{\"r\":\"GET /a HTTP/1.1\",\"s\":200,\"a\":\"x\\\",\\\"s\\\":1}\"}",
            "GET", "/a", 200);
    good_in("\"%u\" \"%r\" %>s", "\"\"\"\" \"GET /a HTTP/1.1\" 200", "GET", "/a",
            200);
    bad_in("%h %r %s", "h GET /a HTTP/1.1 2000");
    not_a_format("");
    not_a_format("%h %s");
    not_a_format("%r %");
    not_a_format("%r %{x");
    not_a_format("%r %5");
}

static void with_json(void)
{
    good_in("json", "{\"request\":\"GET /a HTTP/1.1\",\"status\":200}", "GET", "/a",
            200);
    good_in("json", "{\"request\":\"GET /\\xc3\\xa9 HTTP/1.1\",\"status\":\"200\"}",
            "GET", "/\xc3\xa9", 200);
    good_in("json",
            "{\"method\":\"GET\",\"url\":\"/a\",\"query\":\"b=1\",\"status\":304}",
            "GET", "/a?b=1", 304);
    good_in(
        "json:url=http.path,status=http.status",
        "{\"http\":{\"path\":\"/a\",\"status\":200},\"agent\":\"\\x01\\v\\xff\"}",
        "", "/a", 200);
    good_in("json:request=r", "{\"r\":\"GET /a\"}\r", "GET", "/a", 0);
    bad_in("json", "{\"request\":\"GET /a HTTP/1.1\"}");
    bad_in("json", "{\"request\":\"-\",\"status\":200}");
    good_in("json",
            "{\"u\":\"\"\"\",\"b\":-,\"request\":\"GET /-, "
            "HTTP/1.1\",\"status\":200,\"c\":-}",
            "GET", "/-,", 200);
    bad_in("json", "[]");
    bad_in("json", "{\"request\":\"GET /a HTTP/1.1\",\"status\":200");
    bad_in("json", "");
    not_a_format("json:status=s");
    not_a_format("json:request");
    not_a_format("json:size=b,request=r");
}

int main(void)
{
    without_a_format();
    with_a_format();
    with_json();
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

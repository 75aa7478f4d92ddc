/* Lines of access logs. The first byte chooses the format: one of those known by
 * name, or a LogFormat string that is the first line of the input.
 */

#include "client/command/logformat.h"
#include "fuzz/client.h"

static void parse(logformat *format, const char *text, size_t n)
{
    char *line = malloc(n); /* so that a byte read behind it is found */
    accesslog_line out;

    memcpy(line, text, n);
    memset(&out, 0, sizeof(out));
    if (logformat_parse(format, line, n, &out) == 0) {
        CHECK(!out.method || out.method_n);
        CHECK(out.target && out.decoded_n <= out.target_n);
        CHECK(out.status == 0 || (out.status >= 100 && out.status <= 999));
        accesslog_status_in("2xx,304", out.status);
        if (out.method) {
            accesslog_method_in("GET,POST", out.method, out.method_n);
        }
    }
    free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {
        NULL,
        "combined",
        "vhost_combined",
        "json",
        "json:request=r,status=http.status",
        "%{X-Forwarded-For}i %l \"%u\" %t \"%r\" %>s %b",
        "media"};
    enum { NAMES = sizeof(names) / sizeof(*names) };
    static logformat *known[NAMES];
    char wrong[LOGFORMAT_WRONG], *given;
    const char *text = (const char *)data + 1, *line;
    logformat *format;

    if (!size) {
        return 0;
    }
    size--;
    if (data[0] % (NAMES + 1) < NAMES) {
        int which = data[0] % (NAMES + 1);

        if (!known[which]) {
            known[which] = logformat_new(names[which], wrong);
            CHECK(known[which]);
        }
        parse(known[which], text, size);
        return 0;
    }
    line = memchr(text, '\n', size);
    if (!line || line - text > 300) {
        return 0;
    }
    given = strndup(text, (size_t)(line - text));
    *wrong = '\0';
    format = logformat_new(given, wrong);
    if (format) {
        parse(format, line + 1, size - (size_t)(line + 1 - text));
        logformat_free(format);
    }
    else {
        CHECK(*wrong && memchr(wrong, '\0', sizeof(wrong)));
    }
    free(given);
    return 0;
}

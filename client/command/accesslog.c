/* Lines of an access log. See accesslog.h. */
#include <string.h>

#include "client/command/accesslog.h"

static int hex(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f'   ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* One escaped byte behind a backslash; how many characters it takes, 0: no escape.
 */
static size_t unescape(const char *s, size_t n, char *out)
{
    static const char names[] = "bnrtv\"\\", bytes[] = "\b\n\r\t\v\"\\";

    if (n >= 3 && *s == 'x' && hex(s[1]) >= 0 && hex(s[2]) >= 0) {
        *out = (char)(hex(s[1]) << 4 | hex(s[2]));
        return 3;
    }
    const char *name = n && *s ? strchr(names, *s) : NULL;
    if (!name) {
        return 0;
    }
    *out = bytes[name - names];
    return 1;
}

/* The quoted string that begins at s, behind its quote, into out. Where it ends,
 * behind the other quote, or NULL. */
static const char *quoted(const char *s, const char *end, char *out, size_t *out_n)
{
    char *o = out;
    while (s < end && *s != '"') {
        size_t n = *s == '\\' ? unescape(s + 1, (size_t)(end - s - 1), o) : 0;
        if (n) {
            s += n + 1;
        }
        else {
            *o = *s++;
        }
        o++;
    }
    *out_n = (size_t)(o - out);
    return s < end ? s + 1 : NULL;
}

/* The request line: a method, a space, the target, and maybe a protocol. */
static int request_line(const char *text, size_t n, accesslog_line *out)
{
    const char *end = text + n;
    const char *space = memchr(text, ' ', n);
    if (!space || space == text) {
        return -1;
    }
    out->method = text;
    out->method_n = (size_t)(space - text);
    out->target = space + 1;
    const char *last = end;
    while (last > out->target && last[-1] != ' ') {
        last--;
    }
    if (last > out->target && (size_t)(end - last) >= 5 &&
        memcmp(last, "HTTP/", 5) == 0) {
        end = last - 1;
    }
    out->target_n = (size_t)(end - out->target);
    return out->target_n ? 0 : -1;
}

int accesslog_parse(const char *line, size_t n, char *scratch, accesslog_line *out)
{
    const char *end = line + n;
    const char *quote = memchr(line, '"', n);
    size_t length;

    if (!quote) {
        return -1;
    }
    const char *s = quoted(quote + 1, end, scratch, &length);
    if (!s || request_line(scratch, length, out)) {
        return -1;
    }
    if (end - s < 4 || s[0] != ' ' ||
        (end - s > 4 && s[4] != ' ' && s[4] != '\r')) {
        return -1;
    }
    out->status = 0;
    for (int i = 1; i <= 3; i++) {
        if (s[i] < '0' || s[i] > '9') {
            return -1;
        }
        out->status = 10 * out->status + (s[i] - '0');
    }
    return out->status >= 100 ? 0 : -1;
}

/* The item that begins here, and the next one or NULL. */
static const char *next_item(const char *list, size_t *n)
{
    *n = strcspn(list, ",");
    return list[*n] ? list + *n + 1 : NULL;
}

int accesslog_status_in(const char *list, int status)
{
    char digits[3] = {(char)('0' + status / 100), (char)('0' + status / 10 % 10),
                      (char)('0' + status % 10)};
    for (const char *item = list, *next; item; item = next) {
        size_t n;
        next = next_item(item, &n);
        int same = n == 3;
        for (size_t i = 0; same && i < 3; i++) {
            same = item[i] == digits[i] || item[i] == 'x';
        }
        if (same) {
            return 1;
        }
    }
    return 0;
}

int accesslog_method_in(const char *list, const char *method, size_t method_n)
{
    for (const char *item = list, *next; item; item = next) {
        size_t n;
        next = next_item(item, &n);
        if (n == method_n && memcmp(item, method, n) == 0) {
            return 1;
        }
    }
    return 0;
}

int accesslog_statuses_valid(const char *list)
{
    for (const char *item = list, *next; item; item = next) {
        size_t n;
        next = next_item(item, &n);
        if (n != 3 || strspn(item, "0123456789x") < 3) {
            return 0;
        }
    }
    return 1;
}

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

size_t accesslog_unescape(const char *text, size_t n, char *out)
{
    const char *end = text + n;
    char *o = out;

    while (text < end) {
        size_t taken =
            *text == '\\' ? unescape(text + 1, (size_t)(end - text - 1), o) : 0;
        if (taken) {
            text += taken + 1;
        }
        else {
            *o = *text++;
        }
        o++;
    }
    return (size_t)(o - out);
}

/* A method, a space, the target, and maybe a protocol. */
int accesslog_request(const char *text, size_t n, accesslog_line *out)
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

/* Ids: what they may be, and how they travel. See id.h. */
#include <string.h>

#include "client/id.h"

/* Bytes of the UTF-8 character at s: 1 to 4, or 0 if there is none that is
 * well-formed (Unicode 15, table 3-7). */
static int utf8_length(const unsigned char *s)
{
    if (s[0] < 0x80) {
        return 1;
    }
    int n = s[0] >= 0xc2 && s[0] <= 0xdf ? 2 : (s[0] & 0xf0) == 0xe0 ? 3 : 4;
    if (s[0] < 0xc2 || s[0] > 0xf4) {
        return 0;
    }
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f)) {
        return 0;
    }
    for (int i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return n;
}

static int is_control(const unsigned char *s)
{
    return s[0] < 0x20 || s[0] == 0x7f ||
           (s[0] == 0xc2 && s[1] >= 0x80 && s[1] < 0xa0);
}

const char *playcount_id_fault(const char *id)
{
    if (!id || !*id) {
        return "is empty";
    }
    if (strnlen(id, PLAYCOUNT_ID_BYTES + 1) > PLAYCOUNT_ID_BYTES) {
        return "is longer than 255 bytes";
    }
    const unsigned char *s = (const unsigned char *)id;
    while (*s) {
        int n = utf8_length(s);
        if (!n) {
            return "is not UTF-8";
        }
        if (is_control(s)) {
            return "has a control character";
        }
        s += n;
    }
    return NULL;
}

void playcount_text_clean(char *text)
{
    unsigned char *s = (unsigned char *)text;
    while (*s) {
        int n = utf8_length(s);
        if (!n || is_control(s)) {
            *s = *s == '\n' || *s == '\t' ? ' ' : '?';
            n = 1;
        }
        s += n;
    }
}

static char *encode(char *out, unsigned char byte)
{
    static const char digits[] = "0123456789ABCDEF";
    *out++ = '%';
    *out++ = digits[byte >> 4];
    *out++ = digits[byte & 15];
    return out;
}

static int is_unreserved(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
}

/* Whether the id has an empty segment or one of dots, which a path would lose. */
static int would_fold(const char *id)
{
    for (;;) {
        size_t n = strcspn(id, "/");
        if (n == 0 || (n == 1 && id[0] == '.') ||
            (n == 2 && id[0] == '.' && id[1] == '.')) {
            return 1;
        }
        if (!id[n]) {
            return 0;
        }
        id += n + 1;
    }
}

size_t playcount_id_to_path(const char *id, char out[PLAYCOUNT_ID_ENCODED])
{
    int fold = would_fold(id);
    char *o = out;
    for (const unsigned char *s = (const unsigned char *)id; *s; s++) {
        if (is_unreserved(*s) || (*s == '/' && !fold)) {
            *o++ = (char)*s;
        }
        else {
            o = encode(o, *s);
        }
    }
    *o = '\0';
    return (size_t)(o - out);
}

/* A byte order mark at the beginning would be skipped when the text is read again.
 */
static char *encode_mark(char *out, const char **id)
{
    static const char mark[] = "\xEF\xBB\xBF";

    if (!strncmp(*id, mark, sizeof(mark) - 1)) {
        for (size_t i = 0; i < sizeof(mark) - 1; i++) {
            out = encode(out, (unsigned char)*(*id)++);
        }
    }
    return out;
}

size_t playcount_id_to_text(const char *id, char out[PLAYCOUNT_ID_ENCODED])
{
    char *o = encode_mark(out, &id);
    for (const unsigned char *s = (const unsigned char *)id; *s; s++) {
        if (*s <= ' ' || *s == 0x7f || *s == ',' || *s == '=' || *s == '%') {
            o = encode(o, *s);
        }
        else {
            *o++ = (char)*s;
        }
    }
    *o = '\0';
    return (size_t)(o - out);
}

static int hex(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int playcount_percent_decode(const char *text, size_t n, char *out)
{
    for (size_t i = 0; i < n; i++) {
        if (text[i] != '%') {
            *out++ = text[i];
            continue;
        }
        int high = n - i > 2 ? hex(text[i + 1]) : -1;
        int low = n - i > 2 ? hex(text[i + 2]) : -1;
        if (high < 0 || low < 0 || high + low == 0) {
            return -1;
        }
        *out++ = (char)(high << 4 | low);
        i += 2;
    }
    *out = '\0';
    return 0;
}

/* Ids as text: see text.h. */

#include "server/text.h"

#include <string.h>

/* 1 for the ASCII characters that every form takes as they are. */
static const char PLAIN[256] = {
    [' '] = 1,         ['!'] = 1,         ['#' ... '$'] = 1, ['&' ... '+'] = 1,
    ['-' ... '<'] = 1, ['>' ... '['] = 1, [']' ... '~'] = 1,
};

apr_size_t playcount_plain_length(const char *text, apr_size_t most)
{
    apr_size_t n = 0;

    while (n < most && PLAIN[(unsigned char)text[n]]) {
        n++;
    }
    return n;
}

/* The length of the UTF-8 character at s, 0 if there is none (Unicode 15, table
 * 3-7: no overlong forms, no surrogates, nothing above U+10FFFF). */
static apr_size_t utf8_length(const unsigned char *s, apr_size_t left)
{
    unsigned char low = 0x80, high = 0xBF;
    apr_size_t n;

    if (s[0] < 0x80) {
        return 1;
    }
    if (s[0] >= 0xC2 && s[0] <= 0xDF) {
        n = 2;
    }
    else if (s[0] >= 0xE0 && s[0] <= 0xEF) {
        n = 3;
        low = s[0] == 0xE0 ? 0xA0 : 0x80;
        high = s[0] == 0xED ? 0x9F : 0xBF;
    }
    else if (s[0] >= 0xF0 && s[0] <= 0xF4) {
        n = 4;
        low = s[0] == 0xF0 ? 0x90 : 0x80;
        high = s[0] == 0xF4 ? 0x8F : 0xBF;
    }
    else {
        return 0;
    }
    if (left < n || s[1] < low || s[1] > high) {
        return 0;
    }
    for (apr_size_t i = 2; i < n; i++) {
        if (s[i] < 0x80 || s[i] > 0xBF) {
            return 0;
        }
    }
    return n;
}

const char *playcount_id_error(const char *id, apr_size_t length)
{
    const unsigned char *s = (const unsigned char *)id;

    if (!length) {
        return "is empty; it needs at least one byte";
    }
    if (length > PLAYCOUNT_ID_MAX) {
        return "is longer than 255 bytes";
    }
    for (apr_size_t at = playcount_plain_length(id, length); at < length;) {
        apr_size_t n = utf8_length(s + at, length - at);

        if (!n) {
            return "is not valid UTF-8";
        }
        if (s[at] < 0x20 || s[at] == 0x7F || (s[at] == 0xC2 && s[at + 1] < 0xA0)) {
            return "contains a control character";
        }
        at += n;
    }
    return NULL;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

apr_ssize_t playcount_percent_decode(char *out, apr_size_t room, const char *text,
                                     apr_size_t length, int plus_is_space)
{
    apr_size_t n = 0;

    for (apr_size_t i = 0; i < length; i++) {
        char c = text[i];

        if (c == '%') {
            int high = i + 2 < length ? hex_value(text[i + 1]) : -1;
            int low = i + 2 < length ? hex_value(text[i + 2]) : -1;

            if (high < 0 || low < 0 || !(high | low)) {
                return -1;
            }
            c = (char)(high << 4 | low);
            i += 2;
        }
        else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        if (n == room) {
            return -2;
        }
        out[n++] = c;
    }
    return (apr_ssize_t)n;
}

int playcount_percent_is_valid(const char *text)
{
    for (; (text = strchr(text, '%')); text++) {
        int high = hex_value(text[1]);
        int low = high < 0 ? -1 : hex_value(text[2]);

        if (low < 0 || !(high | low)) {
            return 0;
        }
    }
    return 1;
}

static const char HEX[] = "0123456789ABCDEF";

static char *escape_byte(char *out, unsigned char c)
{
    *out++ = '%';
    *out++ = HEX[c >> 4];
    *out++ = HEX[c & 15];
    return out;
}

/* What a reader of listings would skip at the beginning of an id: a space; a byte
 * order mark, where the id is the first. */
static apr_size_t skipped_length(const char *id, apr_size_t length)
{
    static const char mark[] = "\xEF\xBB\xBF";

    if (length >= sizeof(mark) - 1 && !memcmp(id, mark, sizeof(mark) - 1)) {
        return sizeof(mark) - 1;
    }
    return *id == ' ';
}

apr_size_t playcount_listing_escape(char *out, const char *id, apr_size_t length)
{
    apr_size_t skipped = skipped_length(id, length);
    apr_size_t plain = skipped ? 0 : playcount_plain_length(id, length);
    char *at = out + plain;

    memcpy(out, id, plain);
    for (apr_size_t i = plain; i < length; i++) {
        unsigned char c = (unsigned char)id[i];

        if (c == ',' || c == '=' || c == '%' || c < 0x20 || c == 0x7F ||
            i < skipped) {
            at = escape_byte(at, c);
        }
        else {
            *at++ = (char)c;
        }
    }
    return (apr_size_t)(at - out);
}

apr_size_t playcount_url_escape(char *out, const char *id, apr_size_t length)
{
    char *at = out;

    for (apr_size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)id[i];

        if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
            (c >= 'a' && c <= 'z') || (c && strchr("-._~/:@!$&'()*+,;=", c))) {
            *at++ = (char)c;
        }
        else {
            at = escape_byte(at, c);
        }
    }
    return (apr_size_t)(at - out);
}

/* Is there a segment that is "." or ".."? */
static int has_dots(const char *id, apr_size_t length)
{
    for (apr_size_t i = 0; i < length; i++) {
        apr_size_t dots = 0;

        while (i + dots < length && dots < 3 && id[i + dots] == '.') {
            dots++;
        }
        if ((dots == 1 || dots == 2) && (i == 0 || id[i - 1] == '/') &&
            (i + dots == length || id[i + dots] == '/')) {
            return 1;
        }
    }
    return 0;
}

apr_size_t playcount_url_escape_id(char *out, const char *id, apr_size_t length)
{
    char *at = out;
    char wrong = memchr(id, '/', length) ? '/' : '.';

    if (!has_dots(id, length)) {
        return playcount_url_escape(out, id, length);
    }
    for (apr_size_t i = 0; i < length; i++) {
        at = id[i] == wrong ? escape_byte(at, (unsigned char)id[i])
                            : at + playcount_url_escape(at, id + i, 1);
    }
    return (apr_size_t)(at - out);
}

apr_size_t playcount_json_escape(char *out, const char *id, apr_size_t length)
{
    apr_size_t plain = playcount_plain_length(id, length);
    char *at = out + plain;

    memcpy(out, id, plain);
    for (apr_size_t i = plain; i < length; i++) {
        unsigned char c = (unsigned char)id[i];

        if (c == '"' || c == '\\') {
            *at++ = '\\';
            *at++ = (char)c;
        }
        else if (c < 0x20) {
            memcpy(at, "\\u00", 4);
            at[4] = HEX[c >> 4];
            at[5] = HEX[c & 15];
            at += 6;
        }
        else {
            *at++ = (char)c;
        }
    }
    return (apr_size_t)(at - out);
}

apr_size_t playcount_digits(char *out, uint64_t n)
{
    static const char pairs[] =
        "00010203040506070809101112131415161718192021222324"
        "25262728293031323334353637383940414243444546474849"
        "50515253545556575859606162636465666768697071727374"
        "75767778798081828384858687888990919293949596979899";
    char digits[2 * PLAYCOUNT_DIGITS_MAX], *end = digits + PLAYCOUNT_DIGITS_MAX;
    char *at = end;

    for (; n >= 100; n /= 100) {
        at -= 2;
        memcpy(at, pairs + 2 * (n % 100), 2);
    }
    *--at = pairs[2 * n + 1];
    if (n >= 10) {
        *--at = pairs[2 * n];
    }
    memcpy(out, at, PLAYCOUNT_DIGITS_MAX); /* of a fixed length: no call */
    return (apr_size_t)(end - at);
}

uint64_t playcount_read_number(const char *text, apr_size_t length, uint64_t most)
{
    uint64_t n = 0;

    for (apr_size_t i = 0; i < length; i++) {
        uint64_t digit = (uint64_t)(unsigned char)text[i] - '0';

        /* Below 10^18 there is room for another digit. */
        if (digit > 9 || (n >= 1000000000000000000ULL && n > (most - digit) / 10)) {
            return 0;
        }
        n = n * 10 + digit;
    }
    return n <= most ? n : 0;
}

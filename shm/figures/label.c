/* Route names: see label.h. */

#include "shm/figures/label.h"

#include <string.h>

/* RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. The
 * final NUL stops it, being no continuation byte. */
size_t playcount_utf8_length(const char *s)
{
    const unsigned char *u = (const unsigned char *)s;
    unsigned char low = 0x80, high = 0xBF;
    size_t n;

    if (u[0] < 0x80) {
        return u[0] != 0;
    }
    if (u[0] < 0xC2 || u[0] > 0xF4) {
        return 0;
    }
    n = u[0] < 0xE0 ? 2 : u[0] < 0xF0 ? 3 : 4;
    low = u[0] == 0xE0 ? 0xA0 : u[0] == 0xF0 ? 0x90 : low;
    high = u[0] == 0xED ? 0x9F : u[0] == 0xF4 ? 0x8F : high;
    if (u[1] < low || u[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < n; i++) {
        if ((u[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    return n;
}

/* C0, DEL and C1: what a terminal or a line-based format would act on. */
static int is_control(const char *s, size_t n)
{
    const unsigned char *u = (const unsigned char *)s;

    return n == 1 ? u[0] < 0x20 || u[0] == 0x7F
                  : n == 2 && u[0] == 0xC2 && u[1] < 0xA0;
}

size_t playcount_label_clean(char out[PLAYCOUNT_LABEL_MAX + 1], const char *label)
{
    size_t length = 0;

    while (*label) {
        size_t n = playcount_utf8_length(label);
        int good = n && !is_control(label, n);
        size_t room = good ? n : 1;

        if (length + room > PLAYCOUNT_LABEL_MAX) {
            break;
        }
        memcpy(out + length, good ? label : "?", room);
        length += room;
        label += n ? n : 1;
    }
    out[length] = '\0';
    return length;
}

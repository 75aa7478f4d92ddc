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

size_t playcount_label_clean(char out[PLAYCOUNT_LABEL_MAX + 1], const char *label)
{
    size_t length = 0;

    while (*label) {
        size_t n = playcount_utf8_length(label);
        size_t taken = n ? n : 1;

        if (length + taken > PLAYCOUNT_LABEL_MAX) {
            break;
        }
        if (n) {
            memcpy(out + length, label, n);
        }
        else {
            out[length] = '?';
        }
        length += taken;
        label += taken;
    }
    out[length] = '\0';
    return length;
}

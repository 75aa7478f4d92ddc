/* Byte intervals as text. See intervals.h. */
#include <stdio.h>
#include <string.h>

#include "media/rules/intervals.h"

size_t playcount_intervals_write(char *out, const playcount_interval *intervals,
                                 size_t n)
{
    size_t used = 0;

    for (size_t i = 0; i < n; i++) {
        if (intervals[i].begin < intervals[i].end) {
            used += (size_t)snprintf(out + used, PLAYCOUNT_INTERVAL_TEXT,
                                     "%s%llu-%llu", used ? "," : "",
                                     (unsigned long long)intervals[i].begin,
                                     (unsigned long long)intervals[i].end - 1);
        }
    }
    if (!used) {
        memcpy(out, "-", 2);
        used = 1;
    }
    return used;
}

#define DIGITS 18 /* that no number of 63 bits is too small for */

/* One of more digits: not above half of what 64 bits hold. */
static int is_small_enough(const char *s, const char *end)
{
    uint64_t n = 0;

    for (; s < end; s++) {
        uint64_t digit = (uint64_t)(*s - '0');

        if (n > (UINT64_MAX / 2 - digit) / 10) {
            return 0;
        }
        n = n * 10 + digit;
    }
    return 1;
}

/* A decimal number that begins at s. Where it ends; NULL: there is none, or it is
 * too large. */
static const char *number(const char *s, uint64_t *value)
{
    const char *begin = s;
    uint64_t n = 0;

    for (; (unsigned char)(*s - '0') <= 9; s++) {
        n = n * 10 + (unsigned char)(*s - '0');
    }
    *value = n;
    return s > begin && (s - begin <= DIGITS || is_small_enough(begin, s)) ? s
                                                                           : NULL;
}

int playcount_intervals_read(const char **text, playcount_interval *interval)
{
    const char *s = *text;
    uint64_t last;

    if (!*s || (*s == '-' && !s[1])) {
        *text = s + strlen(s);
        return 0;
    }
    s = number(s, &interval->begin);
    if (!s || *s != '-') {
        return -1;
    }
    s = number(s + 1, &last);
    if (!s || last < interval->begin || (*s && (*s != ',' || !s[1]))) {
        return -1;
    }
    interval->end = last + 1;
    *text = *s ? s + 1 : s;
    return 1;
}

static const char *blanks(const char *s)
{
    while (*s == ' ' || *s == '\t') {
        s++;
    }
    return s;
}

static int has_unit(const char *s)
{
    return (s[0] | 0x20) == 'b' && (s[1] | 0x20) == 'y' && (s[2] | 0x20) == 't' &&
           (s[3] | 0x20) == 'e' && (s[4] | 0x20) == 's';
}

/* One range-spec: "a-b", "a-" (last UINT64_MAX), or "-n" (first UINT64_MAX, last
 * n). Where it ends; NULL: it is not one. */
static const char *range_spec(const char *s, uint64_t *first, uint64_t *last)
{
    *first = *last = UINT64_MAX;
    if (*s == '-') {
        return number(s + 1, last);
    }
    s = number(s, first);
    if (!s || *s != '-') {
        return NULL;
    }
    s++;
    if (*s < '0' || *s > '9') {
        return s;
    }
    s = number(s, last);
    return s && *last >= *first ? s : NULL;
}

/* What each range-spec of a header is called with; the result of the header. */
typedef void range_taker(void *context, uint64_t first, uint64_t last);

/* 0: it is a Range of bytes; -1: it is not. */
static int each_range(const char *header, range_taker *take, void *context)
{
    uint64_t first, last;
    const char *s = header;

    if (!s || !has_unit(s)) {
        return -1;
    }
    s = blanks(s + 5);
    if (*s++ != '=') {
        return -1;
    }
    for (int n = 0;; n++) {
        s = blanks(s);
        while (*s == ',') { /* an empty element of a list is allowed */
            s = blanks(s + 1);
        }
        if (!*s) {
            return n ? 0 : -1;
        }
        s = range_spec(s, &first, &last);
        s = s ? blanks(s) : NULL;
        if (!s || (*s && *s != ',')) {
            return -1;
        }
        take(context, first, last);
    }
}

typedef struct {
    uint64_t size;
    playcount_interval *intervals;
    int n, most;
} range_list;

/* A range that touches the one before it becomes one with it, as httpd does it. */
static int joins(playcount_interval *before, const playcount_interval *i)
{
    if (i->end < before->begin || i->begin > before->end) {
        return 0;
    }
    before->begin = i->begin < before->begin ? i->begin : before->begin;
    before->end = i->end > before->end ? i->end : before->end;
    return 1;
}

static void take_interval(void *context, uint64_t first, uint64_t last)
{
    range_list *list = context;
    playcount_interval i;

    if (first == UINT64_MAX) { /* so many from the end */
        i.begin = last < list->size ? list->size - last : 0;
        i.end = list->size;
    }
    else {
        i.begin = first;
        i.end = last < list->size ? last + 1 : list->size;
    }
    if (i.begin >= i.end || (list->n && list->n <= list->most &&
                             joins(&list->intervals[list->n - 1], &i))) {
        return;
    }
    if (list->n < list->most) {
        list->intervals[list->n] = i;
    }
    list->n++;
}

int playcount_range_read(const char *header, uint64_t size,
                         playcount_interval *intervals, int most)
{
    range_list list = {size, intervals, 0, most};

    return each_range(header, take_interval, &list) ? -1 : list.n;
}

static void take_length(void *context, uint64_t first, uint64_t last)
{
    uint64_t *longest = context;
    uint64_t length = first == UINT64_MAX  ? last
                      : last == UINT64_MAX ? UINT64_MAX
                                           : last - first + 1;

    *longest = length > *longest ? length : *longest;
}

int playcount_range_is_probe(const char *header)
{
    uint64_t longest = 0;

    return header && each_range(header, take_length, &longest) == 0 && longest <= 2;
}

int playcount_content_range_read(const char *header, playcount_interval *interval,
                                 uint64_t *size)
{
    const char *s = header;
    uint64_t last;

    if (!s || !has_unit(s) || (s[5] != ' ' && s[5] != '\t')) {
        return 0;
    }
    s = number(blanks(s + 5), &interval->begin);
    if (!s || *s != '-') {
        return 0;
    }
    s = number(s + 1, &last);
    if (!s || *s != '/' || last < interval->begin) {
        return 0;
    }
    interval->end = last + 1;
    *size = UINT64_MAX;
    if (strcmp(s + 1, "*") == 0) {
        return 1;
    }
    s = number(s + 1, size);
    return s && !*blanks(s) && last < *size;
}

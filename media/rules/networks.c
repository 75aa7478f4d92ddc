/* Lists of networks: sorted ranges of addresses that lie apart, found by bisection.
 * See address.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "media/rules/address.h"
#include "media/rules/file.h"

typedef struct {
    uint8_t first[16], last[16];
} range;

typedef struct {
    range *ranges;
    size_t n, room;
} ranges;

struct playcount_networks {
    ranges refused, allowed;
};

playcount_networks *playcount_networks_new(void)
{
    return calloc(1, sizeof(playcount_networks));
}

void playcount_networks_free(playcount_networks *networks)
{
    if (networks) {
        free(networks->refused.ranges);
        free(networks->allowed.ranges);
        free(networks);
    }
}

/* The first and the last address of a network. 0: it is not one. */
static int read_network(const char *text, range *out)
{
    const char *slash = strchr(text, '/');
    size_t n = slash ? (size_t)(slash - text) : strlen(text);
    playcount_address address;
    unsigned long bits, most;
    char *end;

    if (!playcount_address_read(&address, text, n)) {
        return 0;
    }
    most = memchr(text, ':', n) ? 128 : 32;
    bits = most;
    if (slash) {
        if (slash[1] < '0' || slash[1] > '9') {
            return 0;
        }
        bits = strtoul(slash + 1, &end, 10);
        if (*end || bits > most) {
            return 0;
        }
    }
    bits += 128 - most;
    for (unsigned i = 0; i < 16; i++) {
        unsigned known = bits > i * 8 ? (unsigned)bits - i * 8 : 0;
        uint8_t mask = known >= 8 ? 0xff : (uint8_t)(0xff << (8 - known));

        out->first[i] = address.bytes[i] & mask;
        out->last[i] = address.bytes[i] | (uint8_t)~mask;
    }
    return 1;
}

static int put(ranges *list, const range *r)
{
    if (list->n == list->room) {
        size_t room = list->room ? 2 * list->room : 64;
        range *more = realloc(list->ranges, room * sizeof(*more));

        if (!more) {
            return -1;
        }
        list->ranges = more;
        list->room = room;
    }
    list->ranges[list->n++] = *r;
    return 0;
}

static int by_first(const void *a, const void *b)
{
    return memcmp(((const range *)a)->first, ((const range *)b)->first, 16);
}

/* Sorted, and those that overlap are one. */
static void settle(ranges *list)
{
    size_t kept = 0;

    if (!list->n) {
        return;
    }
    qsort(list->ranges, list->n, sizeof(*list->ranges), by_first);
    for (size_t i = 1; i < list->n; i++) {
        range *r = &list->ranges[i], *before = &list->ranges[kept];

        if (memcmp(r->first, before->last, 16) > 0) {
            list->ranges[++kept] = *r;
        }
        else if (memcmp(r->last, before->last, 16) > 0) {
            memcpy(before->last, r->last, 16);
        }
    }
    list->n = kept + 1;
}

int playcount_networks_load(playcount_networks *networks, const char *path,
                            int allow, char *wrong, size_t wrong_size)
{
    ranges *list = allow ? &networks->allowed : &networks->refused;
    size_t n;
    char *text = playcount_rules_file(path, &n, wrong, wrong_size);
    char *rest = text, *line;
    int failed = text == NULL;

    for (int number = 1; !failed && (line = playcount_rules_line(&rest));
         number++) {
        range r;

        line[strcspn(line, " \t#")] = '\0'; /* a comment */
        if (!*line) {
            continue;
        }
        if (!read_network(line, &r)) {
            snprintf(
                wrong, wrong_size,
                "%s, line %d: '%.60s' is not a network such as 192.0.2.0/24 or "
                "2001:db8::/32",
                path, number, line);
            failed = 1;
        }
        else if (put(list, &r)) {
            snprintf(wrong, wrong_size, "%s: no memory", path);
            failed = 1;
        }
    }
    free(text);
    settle(list);
    return failed ? -1 : 0;
}

static int has(const ranges *list, const playcount_address *address)
{
    size_t low = 0, high = list->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (memcmp(list->ranges[middle].last, address->bytes, 16) < 0) {
            low = middle + 1;
        }
        else {
            high = middle;
        }
    }
    return low < list->n &&
           memcmp(list->ranges[low].first, address->bytes, 16) <= 0;
}

int playcount_networks_refuse(const playcount_networks *networks,
                              const playcount_address *address)
{
    return networks && has(&networks->refused, address) &&
           !has(&networks->allowed, address);
}

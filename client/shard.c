/* Which server has a song. The ketama circle is that of libketama (R. Jones, 2007),
 * which goes back to consistent hashing (Karger et al., STOC 1997). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <md5.h> /* libmd */

#include "client/shard.h"

enum { DIGESTS = 40, POINTS = 4 * DIGESTS };

static uint32_t read_little(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
           (uint32_t)p[3] << 24;
}

/* What other ketama clients use; nothing here relies on it for security. */
static void md5_of(const char *text, size_t n, unsigned char digest[16])
{
    MD5_CTX md5;

    MD5Init(&md5);
    MD5Update(&md5, (const uint8_t *)text, n);
    MD5Final(digest, &md5);
}

static int compare(const void *a, const void *b)
{
    const playcount_point *x = a, *y = b;
    if (x->at != y->at) {
        return x->at < y->at ? -1 : 1;
    }
    return x->server < y->server ? -1 : x->server > y->server;
}

static int draw_circle(playcount_shards *shards, const char *const *names)
{
    size_t longest = 0;
    for (size_t s = 0; s < shards->servers; s++) {
        size_t n = strlen(names[s]);
        longest = n > longest ? n : longest;
    }
    char *text = malloc(longest + 16);
    shards->circle = calloc(shards->servers * POINTS, sizeof(*shards->circle));
    if (!text || !shards->circle) {
        free(text);
        return -1;
    }
    for (size_t s = 0; s < shards->servers; s++) {
        for (int k = 0; k < DIGESTS; k++) {
            unsigned char digest[16];
            int n = snprintf(text, longest + 16, "%s-%d", names[s], k);
            md5_of(text, (size_t)n, digest);
            for (int i = 0; i < 4; i++) {
                shards->circle[shards->points].at = read_little(digest + 4 * i);
                shards->circle[shards->points++].server = (uint32_t)s;
            }
        }
    }
    qsort(shards->circle, shards->points, sizeof(*shards->circle), compare);
    free(text);
    return 0;
}

int playcount_shards_init(playcount_shards *shards, playcount_shard kind,
                          const char *const *names, size_t n)
{
    memset(shards, 0, sizeof(*shards));
    shards->kind = kind;
    shards->servers = n;
    return kind == PLAYCOUNT_SHARD_KETAMA && n > 1 ? draw_circle(shards, names) : 0;
}

void playcount_shards_free(playcount_shards *shards)
{
    free(shards->circle);
    shards->circle = NULL;
}

/* The remainder of an integer of any length, not negative. */
static int modulo(const char *id, size_t n)
{
    const char *digit = id + (*id == '-');
    uint64_t rest = 0;

    if (!*digit) {
        return -1;
    }
    for (; *digit; digit++) {
        if (*digit < '0' || *digit > '9') {
            return -1;
        }
        rest = (rest * 10 + (uint64_t)(*digit - '0')) % n;
    }
    return (int)(*id == '-' ? (n - rest) % n : rest);
}

static int on_circle(const playcount_shards *shards, const char *id)
{
    unsigned char digest[16];
    md5_of(id, strlen(id), digest);
    uint32_t at = read_little(digest);

    size_t low = 0, high = shards->points; /* the first point not before `at` */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (shards->circle[middle].at < at) {
            low = middle + 1;
        }
        else {
            high = middle;
        }
    }
    return (int)shards->circle[low == shards->points ? 0 : low].server;
}

int playcount_shards_find(const playcount_shards *shards, const char *id)
{
    if (shards->kind == PLAYCOUNT_SHARD_MODULO) {
        return modulo(id, shards->servers);
    }
    return shards->servers == 1 ? 0 : on_circle(shards, id);
}

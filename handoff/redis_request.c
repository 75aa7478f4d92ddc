/* What a turn of a round asks, as a call of send.lua, and what that answers.
 *
 * Every round has a request for each of the 1,024 tags, mostly with few songs or
 * none. So they are spelled out in the protocol of Redis here, into memory that is
 * kept: "*3" for the number of words, then each as "$5", its length, and its bytes.
 */
#include "handoff/redis.h"

#include <stdlib.h>
#include <string.h>

#include "apr_strings.h"

#define DIGITS 20 /* of a number */
#define HEAD (1 + DIGITS + 2)
#define WORD (HEAD + 2) /* a word, and its bytes */

/* What the keys of one request begin with, and its writers. */
typedef struct {
    char tag[256];   /* playcount:ZONE:{TAG}: */
    char epoch[288]; /* playcount:ZONE:{TAG}:EPOCH: */
    size_t tag_length, epoch_length;
    char fence[17], writer[17];
} names;

/* --- words --- */

static char *put_digits(char *to, uint64_t number)
{
    char digits[DIGITS];
    int n = 0;

    do {
        digits[n++] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    while (n) {
        *to++ = digits[--n];
    }
    return to;
}

static char *put_bytes(char *to, const char *bytes, size_t length)
{
    memcpy(to, bytes, length);
    return to + length;
}

/* "*3\r\n" or "$5\r\n" */
static char *put_head(char *to, char type, uint64_t number)
{
    *to++ = type;
    return put_bytes(put_digits(to, number), "\r\n", 2);
}

static char *put_word(char *to, const char *bytes, size_t length)
{
    to = put_bytes(put_head(to, '$', length), bytes, length);
    return put_bytes(to, "\r\n", 2);
}

static char *put_text(char *to, const char *text)
{
    return put_word(to, text, strlen(text));
}

static char *put_number(char *to, uint64_t number)
{
    char digits[DIGITS];

    return put_word(to, digits, (size_t)(put_digits(digits, number) - digits));
}

/* --- keys --- */

static void write_names(names *n, const playcount_redis *redis,
                        const playcount_handoff *h, const playcount_telling *q)
{
    n->tag_length = (size_t)apr_snprintf(n->tag, sizeof(n->tag),
                                         "playcount:%s:{%s}:", h->zone_name,
                                         redis->tags[q->tag]);
    n->epoch_length = (size_t)apr_snprintf(
        n->epoch, sizeof(n->epoch), "%s%" APR_UINT64_T_FMT ":", n->tag, q->epoch);
    apr_snprintf(n->fence, sizeof(n->fence), "%016" APR_UINT64_T_HEX_FMT, q->fence);
    apr_snprintf(n->writer, sizeof(n->writer), "%016" APR_UINT64_T_HEX_FMT,
                 q->writer);
}

/* "t:12", or a writer's "0f3a...:12", below the epoch */
static char *put_bucket_key(char *to, const names *n, const char *of,
                            uint32_t bucket)
{
    size_t length = strlen(of);
    size_t digits = bucket < 10 ? 1 : 2;

    to = put_head(to, '$', n->epoch_length + length + 1 + digits);
    to = put_bytes(to, n->epoch, n->epoch_length);
    to = put_bytes(to, of, length);
    *to++ = ':';
    return put_bytes(put_digits(to, bucket), "\r\n", 2);
}

/* --- a request --- */

/* How many songs from `at` on are in the same bucket. */
static apr_size_t run_of(const playcount_telling *q, apr_size_t at)
{
    apr_size_t n = 1;

    while (at + n < q->n && q->songs[at + n].bucket == q->songs[at].bucket) {
        n++;
    }
    return n;
}

static uint32_t buckets_of(const playcount_telling *q)
{
    uint32_t n = 0;

    for (apr_size_t i = 0; i < q->n; i += run_of(q, i)) {
        n++;
    }
    return n;
}

/* More than it can take. */
static size_t most_bytes(const playcount_telling *q)
{
    size_t bytes = 32 * WORD + 8 * sizeof(names) +
                   3 * PLAYCOUNT_CLUSTER_BUCKETS * (WORD + sizeof(names));

    for (apr_size_t i = 0; i < q->n; i++) {
        bytes += 3 * WORD + 2 * DIGITS + q->songs[i].length;
    }
    return bytes;
}

static char *room_for(playcount_redis *redis, size_t bytes)
{
    if (bytes > redis->line_room) {
        free(redis->line);
        redis->line_room = 2 * bytes;
        redis->line = malloc(redis->line_room);
        if (!redis->line) {
            abort();
        }
    }
    return redis->line;
}

static char *put_keys(char *to, const names *n, const playcount_telling *q,
                      uint32_t counted)
{
    char key[sizeof(n->epoch) + 1];

    apr_snprintf(key, sizeof(key), "%sf", n->tag);
    to = put_text(to, key);
    apr_snprintf(key, sizeof(key), "%sc", n->epoch);
    to = put_text(to, key);
    for (apr_size_t i = 0; i < q->n; i += run_of(q, i)) {
        to = put_bucket_key(to, n, "t", q->songs[i].bucket);
        to = put_bucket_key(to, n, n->writer, q->songs[i].bucket);
    }
    for (uint32_t b = 0; b < counted; b++) {
        to = put_bucket_key(to, n, n->fence, b);
    }
    return to;
}

static char *put_songs(char *to, const playcount_telling *q)
{
    for (apr_size_t i = 0; i < q->n;) {
        apr_size_t n = run_of(q, i);

        to = put_number(to, n);
        for (; n > 0; n--, i++) {
            to = put_word(to, q->songs[i].id, q->songs[i].length);
            to = put_number(to, q->songs[i].count);
        }
    }
    return to;
}

/* See send.lua for what stands where. */
size_t playcount_redis_append(playcount_redis *redis, const playcount_handoff *h,
                              redisContext *c, const playcount_telling *q)
{
    uint32_t buckets = buckets_of(q);
    uint32_t counted = q->counts ? PLAYCOUNT_CLUSTER_BUCKETS : 0;
    uint32_t keys = 2 + 2 * buckets + counted;
    char *from = room_for(redis, most_bytes(q)), *to;
    names n;

    write_names(&n, redis, h, q);
    to = put_head(from, '*', 3 + keys + 8 + buckets + 2 * q->n);
    to = put_text(to, "EVALSHA");
    to = put_text(to, redis->sha);
    to = put_number(to, keys);
    to = put_keys(to, &n, q, counted);
    to = put_number(to, q->epoch);
    to = put_text(to, n.fence);
    to = put_text(to, n.writer);
    to = put_text(to, q->expect);
    to = put_text(to, q->next);
    to = put_text(to, redis->position[q->tag]);
    to = put_number(to, buckets);
    to = put_number(to, counted);
    to = put_songs(to, q);
    redisAppendFormattedCommand(c, from, (size_t)(to - from));
    return (size_t)(to - from);
}

/* --- its answer --- */

static uint64_t number_of(const redisReply *r)
{
    return r->type == REDIS_REPLY_INTEGER ? (uint64_t)r->integer
           : r->str                       ? (uint64_t)apr_atoi64(r->str)
                                          : 0;
}

int playcount_redis_read_answer(const redisReply *r, playcount_script_answer *a)
{
    const char *is = r->type == REDIS_REPLY_ARRAY && r->elements >= 2 &&
                             r->element[0]->str && r->element[1]->str
                         ? r->element[0]->str
                         : "";

    memset(a, 0, sizeof(*a));
    if (!strcmp(is, "epoch")) {
        a->is = PLAYCOUNT_ANSWER_EPOCH;
        a->epoch = number_of(r->element[1]);
        return 1;
    }
    apr_cpystrn(a->fence, *is ? r->element[1]->str : "", sizeof(a->fence));
    if (!strcmp(is, "fence")) {
        a->is = PLAYCOUNT_ANSWER_FENCE;
        return 1;
    }
    if (strcmp(is, "ok") || r->elements < 5) {
        return 0;
    }
    a->is = PLAYCOUNT_ANSWER_OK;
    a->larger = number_of(r->element[2]);
    a->songs = number_of(r->element[3]);
    return 1;
}

/* What a turn of a round asks, as a call of send.lua, and what that answers. */
#include "handoff/redis.h"

#include <string.h>

#include "apr_strings.h"

#define ARGUMENTS                                                                  \
    (3 + 2 + 3 * PLAYCOUNT_CLUSTER_BUCKETS + 8 + PLAYCOUNT_CLUSTER_BUCKETS +       \
     2 * PLAYCOUNT_PIECE)

typedef struct {
    const char *argv[ARGUMENTS];
    size_t length[ARGUMENTS];
    int n;
    apr_pool_t *p;
} arguments;

static void put(arguments *a, const char *bytes, size_t length)
{
    a->argv[a->n] = bytes;
    a->length[a->n++] = length;
}

static void put_text(arguments *a, const char *text)
{
    put(a, text, strlen(text));
}

static void put_number(arguments *a, uint64_t number)
{
    put_text(a, apr_psprintf(a->p, "%" APR_UINT64_T_FMT, number));
}

static void put_writer(arguments *a, uint64_t writer)
{
    put_text(a, apr_psprintf(a->p, "%016" APR_UINT64_T_HEX_FMT, writer));
}

/* "playcount:default:{1f}" */
static const char *base_of(const playcount_redis *redis, const playcount_handoff *h,
                           uint32_t tag, apr_pool_t *p)
{
    return apr_psprintf(p, "playcount:%s:{%s}", h->zone_name, redis->tags[tag]);
}

static const char *totals_key(const char *base, uint64_t epoch, uint32_t bucket,
                              apr_pool_t *p)
{
    return apr_psprintf(p, "%s:%" APR_UINT64_T_FMT ":t:%u", base, epoch, bucket);
}

static const char *own_key(const char *base, uint64_t epoch, uint64_t writer,
                           uint32_t bucket, apr_pool_t *p)
{
    return apr_psprintf(p,
                        "%s:%" APR_UINT64_T_FMT ":%016" APR_UINT64_T_HEX_FMT ":%u",
                        base, epoch, writer, bucket);
}

/* How many songs from `at` on are in the same bucket. */
static apr_size_t run_of(const playcount_telling *q, apr_size_t at)
{
    apr_size_t n = 1;

    while (at + n < q->n && q->songs[at + n].bucket == q->songs[at].bucket) {
        n++;
    }
    return n;
}

/* See send.lua for what stands where. */
void playcount_redis_append(const playcount_redis *redis,
                            const playcount_handoff *h, redisContext *c,
                            const playcount_telling *q, apr_pool_t *p)
{
    arguments all = {.p = p}, *a = &all;
    const char *base = base_of(redis, h, q->tag, p);
    int counted = q->counts ? PLAYCOUNT_CLUSTER_BUCKETS : 0;
    int buckets = 0, keys;

    put_text(a, "EVALSHA");
    put_text(a, redis->sha);
    keys = a->n++;
    put_text(a, apr_pstrcat(a->p, base, ":f", NULL));
    put_text(a, apr_psprintf(a->p, "%s:%" APR_UINT64_T_FMT ":l", base, q->epoch));
    for (apr_size_t i = 0; i < q->n; i += run_of(q, i), buckets++) {
        put_text(a, totals_key(base, q->epoch, q->songs[i].bucket, a->p));
        put_text(a, own_key(base, q->epoch, q->writer, q->songs[i].bucket, a->p));
    }
    for (uint32_t b = 0; b < (uint32_t)counted; b++) {
        put_text(a, own_key(base, q->epoch, q->fence, b, a->p));
    }
    a->argv[keys] = apr_itoa(a->p, 2 + 2 * buckets + counted);
    a->length[keys] = strlen(a->argv[keys]);
    put_number(a, q->epoch);
    put_writer(a, q->fence);
    put_writer(a, q->writer);
    put_text(a, q->expect);
    put_text(a, q->next);
    put_text(a, redis->position[q->tag]);
    put_number(a, (uint64_t)buckets);
    put_number(a, (uint64_t)counted);
    for (apr_size_t i = 0; i < q->n;) {
        apr_size_t n = run_of(q, i);

        put_number(a, n);
        for (; n > 0; n--, i++) {
            put(a, q->songs[i].id, q->songs[i].length);
            put_number(a, q->songs[i].count);
        }
    }
    redisAppendCommandArgv(c, a->n, a->argv, a->length);
}

/* --- answers --- */

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

/* The kinds that the connections of a child know, each kept once: clients of one
 * program ask alike, and a thousand connections with a kind of their own each would
 * fill a processor's cache.
 *
 *     connection --+
 *     connection --+--> kind (used: 3) --> next kind with this hash
 *     connection --+
 *
 * Workers take and release, at the beginning and at the end of a connection; what a
 * kind says never changes. */

#include "lane/lane.h"

#include <pthread.h>

#include "apr_hash.h"

#define SHELVES 256

typedef struct shared shared;

struct shared {
    playcount_lane_kind kind; /* the first: a kind is its shared's address */
    unsigned used;            /* by connections; under the lock */
    unsigned shelf;
    shared *next; /* under the lock */
    char bytes[]; /* the pattern's head and tail */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static shared *shelves[SHELVES];

static int is_same(const playcount_lane_kind *a, const playcount_lane_kind *b)
{
    const playcount_lane_pattern *p = &a->pattern, *q = &b->pattern;

    return p->head_length == q->head_length && p->tail_length == q->tail_length &&
           p->line_max == q->line_max && p->may_add == q->may_add &&
           a->zone == b->zone && a->adds == b->adds &&
           a->keep_alive_max == b->keep_alive_max &&
           a->keep_alive == b->keep_alive && a->timeout == b->timeout &&
           a->route == b->route && a->method == b->method &&
           !memcmp(p->head, q->head, p->head_length) &&
           !memcmp(p->tail, q->tail, p->tail_length) &&
           !memcmp(&a->reply, &b->reply, sizeof(a->reply));
}

static shared *make(const playcount_lane_kind *kind, unsigned shelf)
{
    const playcount_lane_pattern *p = &kind->pattern;
    shared *s = ap_malloc(sizeof(*s) + p->head_length + p->tail_length);

    s->kind = *kind;
    s->used = 0;
    s->shelf = shelf;
    memcpy(s->bytes, p->head, p->head_length);
    memcpy(s->bytes + p->head_length, p->tail, p->tail_length);
    s->kind.pattern.head = s->bytes;
    s->kind.pattern.tail = s->bytes + p->head_length;
    return s;
}

static unsigned shelf_of(const playcount_lane_kind *kind)
{
    apr_ssize_t head = (apr_ssize_t)kind->pattern.head_length;
    apr_ssize_t tail = (apr_ssize_t)kind->pattern.tail_length;

    return (apr_hashfunc_default(kind->pattern.head, &head) * 33 +
            apr_hashfunc_default(kind->pattern.tail, &tail)) %
           SHELVES;
}

playcount_lane_kind *playcount_lane_kind_take(const playcount_lane_kind *kind)
{
    unsigned shelf = shelf_of(kind);
    shared *s;

    pthread_mutex_lock(&lock);
    for (s = shelves[shelf]; s && !is_same(&s->kind, kind); s = s->next) {
    }
    if (!s) {
        s = make(kind, shelf);
        s->next = shelves[shelf];
        shelves[shelf] = s;
    }
    s->used++;
    pthread_mutex_unlock(&lock);
    return &s->kind;
}

void playcount_lane_kind_release(playcount_lane_kind *kind)
{
    shared *s = (shared *)kind, **at;

    pthread_mutex_lock(&lock);
    if (!--s->used) {
        for (at = &shelves[s->shelf]; *at != s; at = &(*at)->next) {
        }
        *at = s->next;
        free(s);
    }
    pthread_mutex_unlock(&lock);
}

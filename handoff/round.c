/* A round over all tags: what each is to be told next. See cluster.h.
 *
 * The songs to tell stand in one array, 8 bytes each, sorted by tag and bucket; a
 * turn is a range of it. Ids and counts are read from the zone when a request is
 * made, so what is told is the count of that moment: more than the batch had, and
 * never wrong, as the cluster keeps the largest.
 *
 *   WAITS    nothing to ask now; told all in one of the next passes
 *   BATCH    the batch's songs are being told
 *   ALL      all own songs are being told
 *   OVER     done, or given up
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "handoff/cluster.h"

#define MOST_LOST 8          /* requests of a turn without an answer */
#define MOST_LISTED 4000000u /* songs listed at a time, 32 MB */

typedef enum { TURN_WAITS, TURN_BATCH, TURN_ALL, TURN_OVER } turn_state;

typedef struct {
    turn_state state;
    uint32_t from, to; /* its songs */
    uint32_t at;       /* the first one that is not told yet */
    uint32_t piece;    /* requests answered */
    uint32_t lost;     /* requests without an answer */
    uint64_t attempt;  /* tells the fences of this attempt from all others */
    char there[PLAYCOUNT_FENCE_MAX]; /* the fence that was found */
} turn;

/* A song of the list: where it stands in the zone's ring, and whether its count as
 * the old writer is meant. */
typedef struct {
    uint16_t tag;
    uint8_t is_old, bucket;
    uint32_t at;
} listed;

struct playcount_round {
    playcount_zone *zone;
    const playcount_cluster_layout *layout;
    apr_pool_t *pool;
    playcount_round_kind kind;
    playcount_writer writer;
    playcount_cursor ring;
    uint64_t expected, number;
    turn *turns;
    listed *list;
    uint32_t n, room;
    playcount_told songs[PLAYCOUNT_PIECE]; /* of the request made last */

    uint64_t told;
    uint32_t lost_tags;
    uint64_t epoch; /* the latest that an answer named */
    int larger, foreign, failed, cleared, was_there;
};

/* --- the list --- */

static void list_song(playcount_round *r, playcount_cluster_place place, int is_old,
                      uint64_t at)
{
    if (r->n == r->room) {
        listed *larger;

        r->room = r->room ? 2 * r->room : 1024;
        larger = realloc(r->list, r->room * sizeof(*larger));
        if (!larger) {
            abort();
        }
        r->list = larger;
    }
    r->list[r->n++] =
        (listed){place.tag, (uint8_t)is_old, (uint8_t)place.bucket, (uint32_t)at};
}

static int by_tag(const void *a, const void *b)
{
    const listed *x = a, *y = b;
    uint32_t left = (uint32_t)x->tag << 16 | x->bucket;
    uint32_t right = (uint32_t)y->tag << 16 | y->bucket;

    return left != right ? (left < right ? -1 : 1)
                         : (x->at < y->at ? -1 : x->at > y->at);
}

/* Sort, and give each turn in this state its range. */
static void give_ranges(playcount_round *r, turn_state state)
{
    uint32_t i = 0;

    qsort(r->list, r->n, sizeof(*r->list), by_tag);
    for (uint32_t tag = 0; tag < r->layout->tags; tag++) {
        turn *t = &r->turns[tag];
        uint32_t from = i;

        while (i < r->n && r->list[i].tag == tag) {
            i++;
        }
        if (t->state == state) {
            t->from = t->at = from;
            t->to = i;
        }
    }
}

static void list_batch(playcount_round *r, const playcount_batch *batch)
{
    playcount_batch_cursor c;
    playcount_song song;

    playcount_batch_begin(r->zone, batch, &c);
    if (c.epoch != r->ring.epoch) {
        return; /* predates a clear */
    }
    while (playcount_batch_next(r->zone, &c, &song) > 0) {
        list_song(r, playcount_cluster_find(r->layout, song.id, song.length), 0,
                  c.next - 1);
    }
}

static uint64_t count_of(const playcount_round *r, const playcount_own *own,
                         int is_old)
{
    return is_old                             ? own->inherited
           : r->kind == PLAYCOUNT_ROUND_PROOF ? own->noted
                                              : own->own;
}

/* All songs of the turns in the state ALL. */
static void list_all(playcount_round *r)
{
    playcount_cursor c;
    playcount_own own;
    int more;

    playcount_zone_begin(r->zone, &c);
    r->ring.used = c.used;
    while ((more = playcount_writer_next(r->zone, &c, &own)) > 0) {
        playcount_cluster_place place =
            playcount_cluster_find(r->layout, own.song.id, own.song.length);

        for (int is_old = 0; is_old < 2; is_old++) {
            if (r->turns[place.tag].state == TURN_ALL &&
                count_of(r, &own, is_old)) {
                list_song(r, place, is_old, c.next - 1);
            }
        }
    }
    r->cleared |= more < 0 || c.epoch != r->ring.epoch;
}

/* --- the beginning --- */

static uint64_t new_attempt(void)
{
    uint64_t number = 0;

    return getrandom(&number, sizeof(number), 0) < 0 ? 1 : number;
}

static void begin_turns(playcount_round *r, turn_state state)
{
    r->turns = apr_pcalloc(r->pool, r->layout->tags * sizeof(*r->turns));
    for (uint32_t tag = 0; tag < r->layout->tags; tag++) {
        r->turns[tag].state = state;
        r->turns[tag].attempt = new_attempt();
    }
}

/* The zone's own epoch, put in line with the record. 0: a step was made, or failed.
 */
static int settle_epoch(playcount_round *r)
{
    const playcount_writer *w = &r->writer;
    uint64_t now = r->ring.epoch;

    if (now == w->zone_epoch || !w->epoch) {
        return 1;
    }
    if (playcount_writer_clear_is_due(w, now)) {
        r->failed |= playcount_zone_clear(r->zone) != APR_SUCCESS;
        return 0;
    }
    r->failed |=
        playcount_writer_enter(r->zone, w, w->epoch + 1, now) != APR_SUCCESS;
    return 0;
}

static apr_status_t drop_list(void *data)
{
    playcount_round *r = data;

    free(r->list);
    r->list = NULL;
    return APR_SUCCESS;
}

/* The open batch; NULL if none is. 0 when the zone's lock or disk fails. */
static int get_batch(playcount_round *r, playcount_batch *open,
                     const playcount_batch **batch)
{
    apr_status_t rv = playcount_batch_get(r->zone, open);

    *batch = rv == APR_SUCCESS ? open : NULL;
    return rv == APR_SUCCESS || rv == APR_NOTFOUND;
}

static void choose(playcount_round *r, const playcount_batch *batch)
{
    if (!r->writer.epoch) {
        r->kind = PLAYCOUNT_ROUND_PROBE;
        begin_turns(r, TURN_BATCH);
    }
    else if (r->writer.state == PLAYCOUNT_WRITER_UNPROVEN) {
        r->kind = PLAYCOUNT_ROUND_PROOF;
        r->number = r->writer.claim;
        begin_turns(r, TURN_WAITS);
        playcount_round_more(r);
    }
    else {
        r->kind = batch ? PLAYCOUNT_ROUND_BATCH : PLAYCOUNT_ROUND_TOUCH;
        r->expected = playcount_writer_fence(r->zone, &r->writer);
        r->number = batch ? batch->number : r->expected;
        /* What was taken before the opening was told with the proof. */
        begin_turns(r, r->number < r->expected ? TURN_OVER : TURN_BATCH);
        if (batch && r->number > r->expected) {
            list_batch(r, batch);
            give_ranges(r, TURN_BATCH);
        }
    }
}

playcount_round *playcount_round_begin(playcount_zone *zone,
                                       const playcount_cluster_layout *layout,
                                       const playcount_batch *batch,
                                       apr_pool_t *pool)
{
    playcount_round *r = apr_pcalloc(pool, sizeof(*r));
    playcount_batch open;

    r->zone = zone;
    r->layout = layout;
    r->pool = pool;
    apr_pool_cleanup_register(pool, r, drop_list, apr_pool_cleanup_null);
    if (!batch && !get_batch(r, &open, &batch)) {
        return NULL;
    }
    do {
        if (r->failed) {
            return NULL;
        }
        playcount_writer_get(zone, &r->writer);
        playcount_zone_begin(zone, &r->ring);
    } while (!settle_epoch(r));
    choose(r, batch);
    return r;
}

playcount_round_kind playcount_round_is(const playcount_round *r)
{
    return r->kind;
}

/* --- requests --- */

/* The answers to what is left would not matter. */
static int is_stopped(const playcount_round *r)
{
    return r->cleared || (r->epoch && r->kind != PLAYCOUNT_ROUND_PROBE);
}

static void name_fences(const playcount_round *r, const turn *t, int is_last,
                        playcount_telling *q)
{
    if (r->kind == PLAYCOUNT_ROUND_PROBE) {
        strcpy(q->expect, "*");
        strcpy(q->next, "");
        return;
    }
    if (t->piece) {
        snprintf(q->expect, sizeof(q->expect), "%" PRIu64 "/%016" PRIx64 "/%u",
                 r->number, t->attempt, t->piece);
    }
    else if (t->state == TURN_ALL) {
        memcpy(q->expect, t->there, sizeof(q->expect));
    }
    else {
        snprintf(q->expect, sizeof(q->expect), "%" PRIu64, r->expected);
    }
    if (is_last) {
        snprintf(q->next, sizeof(q->next), "%" PRIu64, r->number);
    }
    else {
        snprintf(q->next, sizeof(q->next), "%" PRIu64 "/%016" PRIx64 "/%u",
                 r->number, t->attempt, t->piece + 1);
    }
}

/* Is the next piece one of the old writer's? */
static int is_inherited(const playcount_round *r, const turn *t)
{
    return t->at < t->to && r->list[t->at].is_old;
}

/* How many songs the next piece has: all of one writer. */
static uint32_t piece_of(const playcount_round *r, const turn *t)
{
    uint32_t n = 0;

    while (t->at + n < t->to && n < r->layout->piece &&
           r->list[t->at + n].is_old == r->list[t->at].is_old) {
        n++;
    }
    return n;
}

/* 0 when the zone was cleared meanwhile. */
static int fill_piece(playcount_round *r, const turn *t, playcount_telling *q)
{
    q->songs = r->songs;
    for (uint32_t i = t->at; i < t->at + piece_of(r, t); i++) {
        playcount_told *told = &r->songs[q->n++];
        playcount_cursor c = r->ring;
        playcount_own own;

        c.next = r->list[i].at;
        c.used = c.next + 1;
        if (playcount_writer_next(r->zone, &c, &own) <= 0) {
            return 0;
        }
        told->bucket = r->list[i].bucket;
        told->count = count_of(r, &own, r->list[i].is_old);
        told->length = own.song.length;
        memcpy(told->id, own.song.id, own.song.length);
    }
    return 1;
}

int playcount_round_request(playcount_round *r, uint32_t tag, playcount_telling *q)
{
    turn *t = &r->turns[tag];

    if ((t->state != TURN_BATCH && t->state != TURN_ALL) || is_stopped(r) ||
        playcount_zone_failed(r->zone)) {
        return 0;
    }
    q->tag = (uint16_t)tag;
    q->epoch = r->writer.epoch;
    q->fence = r->writer.writer;
    q->writer = is_inherited(r, t) ? r->writer.old : r->writer.writer;
    q->n = 0;
    if (!fill_piece(r, t, q) || playcount_zone_failed(r->zone)) {
        r->cleared = 1;
        return 0;
    }
    name_fences(r, t, t->at + q->n == t->to, q);
    q->counts = r->kind == PLAYCOUNT_ROUND_PROOF && t->at + q->n == t->to;
    return 1;
}

/* --- answers --- */

static void give_up(playcount_round *r, turn *t)
{
    t->state = TURN_OVER;
    r->failed = 1;
}

static void restart(turn *t)
{
    t->at = t->from;
    t->piece = 0;
    t->attempt = new_attempt();
}

static void tell_all(playcount_round *r, turn *t, const char *there)
{
    r->lost_tags++;
    t->state = TURN_WAITS;
    t->from = t->to = 0;
    restart(t);
    memcpy(t->there, there, sizeof(t->there));
    if (++t->lost > MOST_LOST) {
        give_up(r, t);
    }
}

/* A proof looks at every song itself, whether or not others have done so. */
static void judge(playcount_round *r, turn *t, const char *there)
{
    playcount_fence_e is = playcount_fence_judge(there, r->expected, r->number);

    if (r->kind != PLAYCOUNT_ROUND_PROOF && is == PLAYCOUNT_FENCE_DONE) {
        t->state = TURN_OVER;
    }
    else if (r->kind != PLAYCOUNT_ROUND_PROOF && is == PLAYCOUNT_FENCE_FOREIGN) {
        r->foreign = 1;
        t->state = TURN_OVER;
    }
    else {
        tell_all(r, t, there);
    }
}

static void go_on(playcount_round *r, turn *t)
{
    uint32_t n = piece_of(r, t);

    r->told += n;
    t->at += n;
    t->piece++;
    if (t->at == t->to) {
        t->state = TURN_OVER;
    }
}

/* At the end of a proof: does the tag have songs of ours that are unknown here? */
static int knows_others(const playcount_round *r, const turn *t,
                        const playcount_script_answer *answer)
{
    uint64_t told = 0;

    if (r->kind != PLAYCOUNT_ROUND_PROOF || t->at + piece_of(r, t) < t->to) {
        return 0;
    }
    for (uint32_t i = t->from; i < t->to; i++) {
        told += !r->list[i].is_old;
    }
    return answer->songs > told;
}

/* Is there a fence under this writer's number that is not this opening's? */
static int is_somebody(const playcount_round *r, const char *there)
{
    return *there && strtoull(there, NULL, 10) != r->number;
}

void playcount_round_answer(playcount_round *r, uint32_t tag,
                            const playcount_script_answer *answer)
{
    turn *t = &r->turns[tag];

    switch (answer->is) {
    case PLAYCOUNT_ANSWER_EPOCH:
        t->state = TURN_OVER;
        r->epoch = answer->epoch > r->epoch ? answer->epoch : r->epoch;
        break;
    case PLAYCOUNT_ANSWER_FENCE:
        judge(r, t, answer->fence);
        break;
    case PLAYCOUNT_ANSWER_OK:
        r->larger |= answer->larger > 0 && !is_inherited(r, t);
        r->larger |= knows_others(r, t, answer);
        r->was_there |= is_somebody(r, answer->fence);
        go_on(r, t);
        break;
    }
}

void playcount_round_lost(playcount_round *r, uint32_t tag)
{
    turn *t = &r->turns[tag];

    restart(t);
    if (++t->lost > MOST_LOST) {
        give_up(r, t);
    }
}

/* --- the end of a pass, and of all --- */

/* So many tags that their songs can be listed. */
static uint32_t tags_at_a_time(const playcount_round *r)
{
    uint64_t songs = r->ring.used ? r->ring.used : 1;
    uint64_t most = (uint64_t)MOST_LISTED * r->layout->tags / songs;

    return most < 1 ? 1 : most > r->layout->tags ? r->layout->tags : (uint32_t)most;
}

int playcount_round_more(playcount_round *r)
{
    uint32_t most = tags_at_a_time(r), taken = 0;

    if (is_stopped(r)) {
        return 0;
    }
    for (uint32_t tag = 0; tag < r->layout->tags && taken < most; tag++) {
        if (r->turns[tag].state == TURN_WAITS) {
            r->turns[tag].state = TURN_ALL;
            taken++;
        }
    }
    if (taken) {
        r->n = 0;
        list_all(r);
        give_ranges(r, TURN_ALL);
    }
    return taken && !r->cleared;
}

static int is_complete(const playcount_round *r)
{
    for (uint32_t tag = 0; tag < r->layout->tags; tag++) {
        if (r->turns[tag].state != TURN_OVER) {
            return 0;
        }
    }
    return !r->failed;
}

static playcount_round_e after(apr_status_t rv)
{
    return rv == APR_SUCCESS ? PLAYCOUNT_ROUND_GO_ON : PLAYCOUNT_ROUND_FAILED;
}

static playcount_round_e end_proof(playcount_round *r)
{
    int is_new = !r->writer.known && r->was_there;

    return after(r->larger || is_new ? playcount_writer_fork(r->zone, &r->writer)
                                     : playcount_writer_prove(r->zone, &r->writer));
}

playcount_round_e playcount_round_end(playcount_round *r)
{
    if (playcount_zone_failed(r->zone)) {
        return PLAYCOUNT_ROUND_FAILED;
    }
    if (r->cleared) {
        return PLAYCOUNT_ROUND_GO_ON;
    }
    if (r->kind == PLAYCOUNT_ROUND_PROBE) {
        return is_complete(r)
                   ? after(playcount_writer_enter(r->zone, &r->writer,
                                                  r->epoch ? r->epoch : 1,
                                                  r->ring.epoch))
                   : PLAYCOUNT_ROUND_FAILED;
    }
    if (r->epoch) {
        return after(playcount_writer_clear(r->zone, &r->writer, r->epoch));
    }
    if (r->foreign) {
        return PLAYCOUNT_ROUND_FOREIGN;
    }
    if (!is_complete(r)) {
        return PLAYCOUNT_ROUND_FAILED;
    }
    if (r->kind == PLAYCOUNT_ROUND_PROOF) {
        return end_proof(r);
    }
    return r->larger ? PLAYCOUNT_ROUND_FOREIGN : PLAYCOUNT_ROUND_DONE;
}

uint64_t playcount_round_told(const playcount_round *r)
{
    return r->told;
}

uint32_t playcount_round_lost_tags(const playcount_round *r)
{
    return r->lost_tags;
}

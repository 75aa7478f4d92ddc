/* The protocol of a cluster, simulated: thousands of runs from a seed, each with a
 * few servers, a network that loses, doubles and delays, and a cluster that fails
 * over to what it was, is emptied and cleared, and whose slots move.
 *
 * The zones are real ones, and so is all that decides (handoff/round.c, cluster.c
 * and shm/zone/writer.c). Only the scripts are modelled, and how redis_read.c takes
 * what others have: apply() and take_changes() do what send.lua does, read_tag()
 * what read.lua does.
 *
 * Every play belongs to a *stretch*: the plays of one opening of a file. A file has
 * of each stretch so many plays, also of those before a copy or a restart. Then,
 * when all is quiet again, a song's total must be
 *
 *     at least  the sum, over the stretches, of the most that a file has of it now
 *     at most   the sum of the most that a file ever had of it
 *
 * and these two are the same unless a file was lost. So nothing is swallowed,
 * nothing is counted twice; and what is shown never falls.
 *
 *     build/t/simulate.t [RUNS [FIRST SEED]]     one run says what it does
 *     build/t/simulate.t cost                    what it costs on paper: cost.c
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "apr_general.h"
#include "apr_time.h"

#include "handoff/cluster.h"
#include "shm/zone/layout.h"
#include "t/cluster/cost.h"
#include "t/tap.h"

#define TAGS 3
#define SHARDS 2
#define SONGS 7
#define CAPACITY 64 /* of a zone: open batches keep slots after a clear */
#define SERVERS 4
#define FILES 12     /* openings of files by new servers and copies, at most */
#define STRETCHES 64 /* openings of all files */
#define WRITERS 64
#define EPOCHS 12
#define HISTORY 64 /* states of a shard that a failover may go back to */
#define LOGGED 5   /* changes that a tag's log holds */
#define DELAYED 16
#define STEPS 400

static const playcount_cluster_layout layout = {TAGS, 2, 2};
static const char *const songs[SONGS] = {
    "a", "b", "c", "d", "e", "f", "an id that is longer than sixteen bytes"};

/* --- chance and time --- */

static uint64_t seed;
static int talks;

static uint32_t chance(uint32_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)((seed >> 20) % n);
}

/* Never twice the same: so batches and openings have numbers of their own. */
apr_time_t apr_time_now(void)
{
    static apr_time_t now = 1000000000000;

    return now += 1000;
}

/* What the zones and writers take for random. */
ssize_t getrandom(void *to, size_t length, unsigned int flags)
{
    for (size_t i = 0; i < length; i++) {
        ((unsigned char *)to)[i] = (unsigned char)chance(256);
    }
    return (ssize_t)length;
}

#define SAY(...)                                                                   \
    do {                                                                           \
        if (talks) {                                                               \
            printf("# " __VA_ARGS__);                                              \
            printf("\n");                                                          \
        }                                                                          \
    } while (0)

/* --- the cluster --- */

typedef struct {
    uint64_t writer;
    char fence[TAGS][PLAYCOUNT_FENCE_MAX];
    uint64_t own[SONGS];
} row;

/* A song's total after a change, in a tag's log. */
typedef struct {
    uint64_t position; /* never the same twice, wherever it is */
    uint64_t writer, total;
    int song;
} change;

typedef struct {
    uint64_t epoch[TAGS];
    uint64_t total[SONGS];
    change log[TAGS][LOGGED];
    int logged[TAGS];
    row rows[WRITERS];
    int n;
} shard;

static shard shards[SHARDS];
static int home[TAGS]; /* which shard has it */
static int moving;     /* the tag that is half moved, -1 for none */
static shard history[SHARDS][HISTORY];
static int remembered[SHARDS];
static uint64_t last_position;
static int differences; /* the negative control: what is told is added */
static uint64_t told_before[SERVERS][SONGS];

static int song_of(const playcount_told *told)
{
    for (int i = 0; i < SONGS; i++) {
        if (told->length == strlen(songs[i]) &&
            !memcmp(told->id, songs[i], told->length)) {
            return i;
        }
    }
    abort();
}

static int tag_of(int song)
{
    return playcount_cluster_find(&layout, songs[song], strlen(songs[song])).tag;
}

static row *row_of(shard *s, uint64_t writer)
{
    for (int i = 0; i < s->n; i++) {
        if (s->rows[i].writer == writer) {
            return &s->rows[i];
        }
    }
    if (s->n == WRITERS) {
        abort();
    }
    memset(&s->rows[s->n], 0, sizeof(row));
    s->rows[s->n].writer = writer;
    return &s->rows[s->n++];
}

static void enter_epoch(shard *s, int tag, uint64_t epoch)
{
    s->epoch[tag] = epoch;
    for (int i = 0; i < SONGS; i++) {
        if (tag_of(i) == tag) {
            s->total[i] = 0;
            for (int w = 0; w < s->n; w++) {
                s->rows[w].own[i] = 0;
            }
        }
    }
    for (int w = 0; w < s->n; w++) {
        *s->rows[w].fence[tag] = '\0';
    }
    s->logged[tag] = 0;
}

static void remember(int which)
{
    int at = remembered[which]++ % HISTORY;

    history[which][at] = shards[which];
}

/* All that one shard has of a tag goes to another; what that one still had of it is
 * gone. A shard that fails over later to a state before this has none of it, or
 * what it had when it was there the last time. */
static void move_tag(int tag)
{
    shard *from = &shards[home[tag]], *to;

    remember(home[tag]);
    home[tag] = (home[tag] + 1) % SHARDS;
    remember(home[tag]);
    to = &shards[home[tag]];
    enter_epoch(to, tag, from->epoch[tag]);
    for (int w = 0; w < from->n; w++) {
        row *r = row_of(to, from->rows[w].writer);

        memcpy(r->fence[tag], from->rows[w].fence[tag], PLAYCOUNT_FENCE_MAX);
        for (int i = 0; i < SONGS; i++) {
            if (tag_of(i) == tag) {
                r->own[i] = from->rows[w].own[i];
                to->total[i] = from->total[i];
            }
        }
    }
    memcpy(to->log[tag], from->log[tag], sizeof(to->log[tag]));
    to->logged[tag] = from->logged[tag];
    enter_epoch(from, tag, 0);
}

static void log_change(shard *s, int tag, uint64_t writer, int song)
{
    change *log = s->log[tag];

    if (s->logged[tag] == LOGGED) {
        memmove(log, log + 1, (LOGGED - 1) * sizeof(*log));
        s->logged[tag]--;
    }
    log[s->logged[tag]++] = (change){++last_position, writer, s->total[song], song};
}

/* What send.lua does. */
static void apply(const playcount_telling *q, playcount_script_answer *a,
                  int server)
{
    shard *s = &shards[home[q->tag]];
    row *w, *f;

    memset(a, 0, sizeof(*a));
    if (s->epoch[q->tag] > q->epoch) {
        a->is = PLAYCOUNT_ANSWER_EPOCH;
        a->epoch = s->epoch[q->tag];
        return;
    }
    if (!*q->next) {
        return; /* looks only */
    }
    w = row_of(s, q->writer);
    f = row_of(s, q->fence);
    if (s->epoch[q->tag] < q->epoch) {
        remember(home[q->tag]);
        enter_epoch(s, q->tag, q->epoch);
    }
    strcpy(a->fence, f->fence[q->tag]);
    if (strcmp(q->expect, "*") && strcmp(q->expect, a->fence) &&
        strcmp(q->next, a->fence)) {
        a->is = PLAYCOUNT_ANSWER_FENCE;
        return;
    }
    remember(home[q->tag]);
    for (apr_size_t i = 0; i < q->n; i++) {
        int song = song_of(&q->songs[i]);

        if (differences) {
            s->total[song] += q->songs[i].count - told_before[server][song];
            told_before[server][song] = q->songs[i].count;
        }
        else if (q->songs[i].count > w->own[song]) {
            s->total[song] += q->songs[i].count - w->own[song];
            log_change(s, q->tag, q->writer, song);
        }
        else if (q->songs[i].count < w->own[song]) {
            a->larger++;
        }
        if (q->songs[i].count > w->own[song]) {
            w->own[song] = q->songs[i].count;
        }
    }
    strcpy(f->fence[q->tag], q->next);
    for (int i = 0; i < SONGS && q->counts; i++) {
        a->songs += tag_of(i) == q->tag && f->own[i];
    }
}

/* --- requests that come late --- */

typedef struct {
    playcount_telling q;
    playcount_told songs[PLAYCOUNT_PIECE];
} late;

static late *delayed;
static int n_delayed;

static void delay(const playcount_telling *q)
{
    late *l = &delayed[n_delayed < DELAYED ? n_delayed++ : (int)chance(DELAYED)];

    l->q = *q;
    memcpy(l->songs, q->songs, q->n * sizeof(*q->songs));
    l->q.songs = l->songs;
}

static void deliver_late(void)
{
    playcount_script_answer a;
    int i;

    if (n_delayed) {
        i = (int)chance((uint32_t)n_delayed);
        if (delayed[i].q.tag == moving) {
            return;
        }
        apply(&delayed[i].q, &a, 0);
        delayed[i] = delayed[--n_delayed];
        delayed[i].q.songs = delayed[i].songs;
    }
}

/* --- files and servers --- */

/* Plays of each stretch, by song. */
typedef struct {
    uint64_t plays[STRETCHES][SONGS];
} content;

typedef struct {
    char *memory;
    content has;
    uint64_t inode;
    uint64_t writer; /* as last seen, and how often it was another one: */
    int forks;       /* of the plays before the last but one, nobody tells again */
} file;

typedef struct {
    file f;
    int runs;
    playcount_zone *zone, *shown;
    int stretch;
    uint64_t zone_epoch, cluster_epoch; /* as last seen */
    uint64_t seen[SONGS];
    uint64_t position[TAGS]; /* in the logs; 0: the whole tag is to be read */
    uint64_t reader, read_epoch, read_zone_epoch; /* as redis.h has them */
    apr_pool_t *pool;
    playcount_round *round;
    apr_pool_t *round_pool;
    playcount_batch batch;
    int has_batch;
    int delivered; /* since it was opened: only then is its file copied, as the
                      plays since an opening without any contact are nobody's yet
                      (docs/cluster.md) */
    int met;       /* an answer came in this round: a batch of before the opening is
                      done without any */
} server;

static server servers[SERVERS];
static content ever[EPOCHS];
static int stretches, rolled_back;
static uint64_t next_inode, bytes, part;
static apr_pool_t *global;
static const char *wrong;

/* Runs with copies of copies, and how many of these lost nothing in the cluster. */
static int twice_forked, twice_only;

static void fail(const char *what)
{
    if (!wrong) {
        wrong = what;
        SAY("%s", what);
    }
}

static int clear_is_pending(const server *s, const playcount_writer *w)
{
    return w->epoch && s->zone_epoch != w->zone_epoch &&
           !playcount_writer_clear_is_due(w, s->zone_epoch);
}

/* The epoch of the cluster that the plays of now will be in. */
static uint64_t epoch_of(const server *s)
{
    playcount_writer w;

    playcount_writer_get(s->zone, &w);
    return w.epoch + (uint64_t)clear_is_pending(s, &w);
}

static uint64_t zone_epoch_of(const server *s)
{
    playcount_cursor c;

    playcount_zone_begin(s->zone, &c);
    return c.epoch;
}

static void note_ever(const server *s)
{
    uint64_t epoch = epoch_of(s);

    if (epoch >= EPOCHS) {
        abort();
    }
    for (int t = 0; t < stretches; t++) {
        for (int i = 0; i < SONGS; i++) {
            if (s->f.has.plays[t][i] > ever[epoch].plays[t][i]) {
                ever[epoch].plays[t][i] = s->f.has.plays[t][i];
            }
        }
    }
}

static void note_fork(server *s)
{
    playcount_writer w;

    playcount_writer_get(s->zone, &w);
    s->f.forks += s->f.writer && w.writer != s->f.writer;
    s->f.writer = w.writer;
}

/* Whatever was done: was the zone cleared, is the cluster's epoch another one? */
static void look(server *s)
{
    uint64_t epoch = zone_epoch_of(s);

    if (epoch != s->zone_epoch) {
        memset(&s->f.has, 0, sizeof(s->f.has));
        memset(s->seen, 0, sizeof(s->seen));
        s->zone_epoch = epoch;
    }
    note_ever(s);
    note_fork(s);
    for (int i = 0; i < SONGS; i++) {
        uint64_t shown = playcount_zone_get(s->shown, songs[i], strlen(songs[i]));

        if (shown < s->seen[i]) {
            fail("a number that is shown has fallen");
        }
        s->seen[i] = shown;
    }
}

static void open_server(int which)
{
    server *s = &servers[which];
    playcount_writer_place place = {1, s->f.inode, 1};

    apr_pool_create(&s->pool, global);
    s->zone = playcount_zone_attach(s->pool, s->f.memory, NULL);
    s->shown = playcount_zone_attach(s->pool, s->f.memory, NULL);
    playcount_zone_show_totals(s->shown, s->pool);
    if (stretches == STRETCHES) {
        abort();
    }
    s->stretch = stretches++;
    playcount_batch_take_at_open(s->zone);
    playcount_writer_open(s->zone, &place, 1);
    s->runs = 1;
    s->round = NULL;
    s->reader = s->read_epoch = 0;
    memset(s->position, 0, sizeof(s->position));
    s->delivered = 0;
    s->zone_epoch = zone_epoch_of(s);
    memset(s->seen, 0, sizeof(s->seen));
    look(s);
    SAY("server %d is open, stretch %d, inode %d", which, s->stretch,
        (int)s->f.inode);
}

static void close_server(int which)
{
    server *s = &servers[which];

    if (s->runs) {
        SAY("server %d is closed%s", which, s->round ? " in a round" : "");
        apr_pool_destroy(s->pool);
        s->runs = 0;
        s->round = NULL;
    }
}

static void new_file(int which)
{
    file *f = &servers[which].f;
    playcount_zone_size size = {CAPACITY, 0};

    madvise(f->memory, bytes, MADV_DONTNEED);
    memset(&f->has, 0, sizeof(f->has));
    f->writer = 0;
    f->forks = 0;
    f->inode = next_inode++;
    playcount_zone_format(f->memory, &size);
}

static void copy_file(file *to, const file *from)
{
    memcpy(to->memory, from->memory, part);
    to->has = from->has;
    to->writer = from->writer;
    to->forks = from->forks;
}

/* Plays between two clears that the cluster hears of as one were in no epoch. */
static void forget_plays(const server *s)
{
    playcount_writer w;

    playcount_writer_get(s->zone, &w);
    for (int t = 0; clear_is_pending(s, &w) && t < stretches; t++) {
        for (int i = 0; i < SONGS; i++) {
            if (s->f.has.plays[t][i]) {
                ever[epoch_of(s)].plays[t][i] = 0;
            }
        }
    }
}

/* --- what happens --- */

static void play(int which)
{
    server *s = &servers[which];
    int song = (int)chance(SONGS);
    uint64_t by = 1 + chance(3), count;

    if (playcount_zone_add(s->zone, songs[song], strlen(songs[song]), by, &count) !=
        APR_SUCCESS) {
        abort();
    }
    s->f.has.plays[s->stretch][song] += by;
    SAY("server %d plays %s +%d = %d", which, songs[song], (int)by, (int)count);
    look(s);
}

/* With `looks` it looks at the fences only, whatever is open. */
static void begin_round(int which, int looks)
{
    server *s = &servers[which];

    s->met = 0;
    s->has_batch =
        !looks && playcount_batch_take(s->zone, &s->batch) == APR_SUCCESS;
    apr_pool_create(&s->round_pool, s->pool);
    s->round = playcount_round_begin(
        s->zone, &layout, s->has_batch ? &s->batch : NULL, s->round_pool);
    SAY("server %d begins a round, kind %d", which, playcount_round_is(s->round));
    if (talks && s->has_batch) {
        playcount_batch_cursor c;
        playcount_song song;

        SAY("  batch %d, %d songs", (int)s->batch.number, (int)s->batch.songs);
        for (playcount_batch_begin(s->zone, &s->batch, &c);
             playcount_batch_next(s->zone, &c, &song) > 0;) {
            SAY("    %.*s +%d", (int)song.length, song.id, (int)song.count);
        }
    }
    look(s);
}

static int end_round(int which)
{
    server *s = &servers[which];
    playcount_round_e end = playcount_round_end(s->round);
    int was_batch = s->has_batch && end == PLAYCOUNT_ROUND_DONE;

    if (was_batch) {
        playcount_batch_acknowledge(s->zone, s->batch.number);
    }
    SAY("server %d ends its round: %d", which, (int)end);
    if (end == PLAYCOUNT_ROUND_FOREIGN && !differences) {
        fail("two servers write as one");
    }
    apr_pool_destroy(s->round_pool);
    s->round = NULL;
    look(s);
    s->delivered |= s->met && end == PLAYCOUNT_ROUND_DONE && !was_batch;
    return end == PLAYCOUNT_ROUND_DONE && !was_batch;
}

static void say_request(int which, const playcount_telling *q)
{
    SAY("server %d: tag %d epoch %d writer %x fence %x, %s -> %s", which, q->tag,
        (int)q->epoch, (unsigned)q->writer, (unsigned)q->fence, q->expect, q->next);
    for (apr_size_t i = 0; i < q->n; i++) {
        SAY("    %.*s=%d", (int)q->songs[i].length, q->songs[i].id,
            (int)q->songs[i].count);
    }
}

/* --- reading back --- */

#define EMPTY 1 /* the position in a log that has nothing yet */

static void at_least(server *s, int song, uint64_t total)
{
    playcount_others_at_least(s->zone, s->read_zone_epoch, songs[song],
                              strlen(songs[song]), total);
}

/* What the answer to `q` has of the log; the log had `logged` changes before. */
static void take_changes(server *s, const playcount_telling *q, int logged)
{
    const shard *from = &shards[home[q->tag]];
    const change *log = from->log[q->tag];
    uint64_t *position = &s->position[q->tag];
    int n = from->logged[q->tag], at = 0;

    if (!*position || !*q->next) {
        return;
    }
    while (at < n && log[at].position != *position) {
        at++;
    }
    if (at == n && (*position != EMPTY || logged)) {
        *position = 0;
        return;
    }
    for (int i = at == n ? 0 : at + 1; i < n; i++) {
        if (log[i].writer != q->fence) {
            at_least(s, log[i].song, log[i].total);
        }
    }
    for (apr_size_t i = 0; i < q->n; i++) {
        at_least(s, song_of(&q->songs[i]), from->total[song_of(&q->songs[i])]);
    }
    *position = n ? log[n - 1].position : EMPTY;
}

/* Who reads, and as of which epoch: 0 when it may not. */
static int may_read(server *s)
{
    playcount_writer w;

    playcount_writer_get(s->zone, &w);
    if (w.writer != s->reader || w.epoch != s->read_epoch) {
        s->reader = w.writer;
        s->read_epoch = w.epoch;
        s->read_zone_epoch = w.zone_epoch;
        memset(s->position, 0, sizeof(s->position));
    }
    return w.state == PLAYCOUNT_WRITER_PROVEN;
}

static void read_tag(server *s, int tag)
{
    shard *from = &shards[home[tag]];
    int n = from->logged[tag];

    if (s->position[tag] || from->epoch[tag] != s->read_epoch ||
        s->zone_epoch != s->read_zone_epoch) {
        return;
    }
    for (int i = 0; i < SONGS; i++) {
        if (tag_of(i) == tag) {
            playcount_others_set(s->zone, s->read_zone_epoch, songs[i],
                                 strlen(songs[i]), from->total[i],
                                 row_of(from, s->reader)->own[i]);
        }
    }
    s->position[tag] = n ? from->log[tag][n - 1].position : EMPTY;
}

/* Some tag that is to be read whole, as after every delivery. */
static void read_back(int which)
{
    server *s = &servers[which];

    if (may_read(s)) {
        read_tag(s, (int)chance(TAGS));
    }
    look(s);
}

/* --- requests and answers --- */

static void answered(int which, const playcount_telling *q,
                     const playcount_script_answer *a, int logged)
{
    if (a->is == PLAYCOUNT_ANSWER_OK) {
        take_changes(&servers[which], q, logged);
    }
    else {
        servers[which].position[q->tag] = 0;
    }
    servers[which].met = 1;
    playcount_round_answer(servers[which].round, q->tag, a);
    look(&servers[which]);
}

/* One request, with `trouble` in 100 of them something happens to. 0: none is left.
 */
static int exchange(int which, uint32_t trouble)
{
    server *s = &servers[which];
    uint32_t first = chance(TAGS), what = chance(100);
    playcount_script_answer a;
    playcount_telling q;
    int logged;

    for (uint32_t n = 0; n < TAGS; n++) {
        uint32_t tag = (first + n) % TAGS;

        if (!playcount_round_request(s->round, tag, &q)) {
            continue;
        }
        say_request(which, &q);
        if ((int)tag == moving) {
            SAY("  -> try again");
            return 1;
        }
        logged = shards[home[tag]].epoch[tag] == q.epoch
                     ? shards[home[tag]].logged[tag]
                     : 0;
        if (what >= trouble) {
            apply(&q, &a, which);
            SAY("  -> %d %s", (int)a.is, a.fence);
            answered(which, &q, &a, logged);
            return 1;
        }
        switch (chance(4)) {
        case 0: /* the request is lost */
            break;
        case 1: /* the answer is lost */
            apply(&q, &a, which);
            break;
        case 2: /* the request comes later */
            delay(&q);
            break;
        default: /* it comes twice */
            apply(&q, &a, which);
            delay(&q);
            answered(which, &q, &a, logged);
            return 1;
        }
        playcount_round_lost(s->round, tag);
        s->position[tag] = 0;
        return 1;
    }
    return playcount_round_more(s->round);
}

static void fail_over(void)
{
    int which = (int)chance(SHARDS);
    int most = remembered[which] < HISTORY ? remembered[which] : HISTORY;
    int back = most ? (int)chance((uint32_t)(most < 10 ? most : 10)) + 1 : 0;

    if (most) {
        SAY("shard %d goes back %d writes", which, back);
        shards[which] = history[which][(remembered[which] - back) % HISTORY];
        remembered[which] -= back;
        rolled_back = 1;
    }
}

/* A tag begins to move, and no request to it is carried out until it has. */
static void migrate(void)
{
    if (moving >= 0) {
        SAY("tag %d is moved", moving);
        move_tag(moving);
        moving = -1;
    }
    else {
        moving = (int)chance(TAGS);
        SAY("tag %d is half moved", moving);
    }
}

static void empty_shard(void)
{
    int which = (int)chance(SHARDS);

    SAY("shard %d is emptied", which);
    memset(&shards[which], 0, sizeof(shards[which]));
    remembered[which] = 0;
    rolled_back = 1;
}

/* --- a run --- */

typedef struct {
    int rolls_back, empties, clears, old_files, copies, migrates;
} world;

static file backup;
static int backup_of = -1;

static void something(const world *w)
{
    int which = (int)chance(SERVERS);
    server *s = &servers[which];
    uint32_t what = chance(1000);

    if (stretches < STRETCHES - 2 * SERVERS) {
        if (what < 10) { /* the server is killed, and starts */
            close_server(which);
            open_server(which);
            return;
        }
        if (what < 14 && w->old_files && s->delivered) {
            copy_file(&backup, &s->f);
            backup_of = which;
            SAY("server %d's file is kept", which);
        }
        else if (what < 18 && w->old_files && backup_of >= 0) {
            close_server(backup_of);
            copy_file(&servers[backup_of].f, &backup);
            if (chance(2)) {
                servers[backup_of].f.inode = next_inode++;
            }
            SAY("an older file is put back");
            open_server(backup_of);
            backup_of = -1;
            return;
        }
        else if (what < 22 && w->copies) {
            int from = (int)chance(SERVERS);

            if (from != which && backup_of != which && servers[from].delivered) {
                if (backup_of == from) {
                    backup_of =
                        -1; /* both are one fault too many: docs/cluster.md */
                }
                close_server(which);
                copy_file(&s->f, &servers[from].f);
                s->f.inode = next_inode++;
                SAY("server %d gets a copy of %d's file", which, from);
                open_server(which);
                return;
            }
        }
    }
    if (what >= 30 && what < 40 && w->rolls_back) {
        fail_over();
    }
    else if (what < 43 && what >= 40 && w->empties) {
        empty_shard();
    }
    else if (what < 46 && what >= 43 && w->clears && s->runs && epoch_of(s) &&
             epoch_of(s) < EPOCHS - 4) {
        SAY("server %d is cleared", which);
        forget_plays(s);
        playcount_zone_clear(s->zone);
        look(s);
    }
    else if (what >= 46 && what < 50 && w->migrates) {
        migrate();
    }
    else if (what >= 50 && what < 100) {
        deliver_late();
    }
    else if (what >= 100 && what < 300) {
        play(which);
    }
    else if (what >= 300 && what < 350) {
        read_back(which);
    }
    else if (!s->round) {
        begin_round(which, chance(4) == 0);
    }
    else if (!exchange(which, 15) || chance(50) == 0) { /* or no node answers */
        end_round(which);
    }
}

/* Late requests come, everybody delivers until nothing is left, reads all. */
static void settle(void)
{
    if (moving >= 0) {
        migrate();
    }
    while (n_delayed) {
        deliver_late();
    }
    for (int n = 0; n < 8; n++) {
        for (int i = 0; i < SERVERS; i++) {
            int rounds = 0;

            if (servers[i].round) {
                end_round(i);
            }
            do {
                if (!servers[i].round) {
                    begin_round(i, 0);
                }
                while (exchange(i, 0)) {
                }
                if (++rounds > 50) {
                    fail("it does not come to rest");
                    return;
                }
            } while (!end_round(i));
        }
    }
    for (int n = 0; n < 60; n++) {
        for (int i = 0; i < SERVERS; i++) {
            read_back(i);
        }
    }
}

/* docs/cluster.md, "The holes that remain" */
static int forked_twice(void)
{
    int twice = 0;

    for (int i = 0; i < SERVERS; i++) {
        twice |= servers[i].f.forks > 1;
    }
    return twice;
}

static void check_song(int song, int is_exact)
{
    const shard *s = &shards[home[tag_of(song)]];
    uint64_t epoch = s->epoch[tag_of(song)];
    uint64_t least = 0, most = 0, sum = 0;

    for (int t = 0; t < stretches; t++) {
        uint64_t now = 0;

        for (int i = 0; i < SERVERS; i++) {
            uint64_t has = servers[i].f.has.plays[t][song];

            now = has > now ? has : now;
        }
        least += now;
        most += ever[epoch].plays[t][song];
    }
    for (int w = 0; w < s->n; w++) {
        sum += s->rows[w].own[song];
    }
    if (s->total[song] != sum) {
        fail("a total is not the sum of what the writers told");
    }
    SAY("song %s: %d, at least %d, at most %d", songs[song], (int)s->total[song],
        (int)least, (int)most);
    if (s->total[song] < least && !(rolled_back && forked_twice())) {
        fail("plays were swallowed");
    }
    if (s->total[song] > most) {
        fail("plays were counted twice");
    }
    if (is_exact && s->total[song] != most) {
        fail("plays of a lost file, which the cluster had, are gone");
    }
    for (int i = 0; i < SERVERS; i++) {
        if (!rolled_back && servers[i].seen[song] != s->total[song]) {
            SAY("server %d shows %d", i, (int)servers[i].seen[song]);
            fail("a server shows another number");
        }
        if (servers[i].seen[song] < s->total[song]) {
            SAY("server %d shows %d", i, (int)servers[i].seen[song]);
            fail("a server shows less than the total");
        }
    }
}

static void begin_world(uint64_t number)
{
    seed = number * 0x9e3779b97f4a7c15 + 1;
    for (int i = 0; i < 8; i++) {
        chance(2);
    }
    memset(shards, 0, sizeof(shards));
    memset(remembered, 0, sizeof(remembered));
    memset(ever, 0, sizeof(ever));
    memset(told_before, 0, sizeof(told_before));
    n_delayed = stretches = rolled_back = 0;
    moving = -1;
    for (int tag = 0; tag < TAGS; tag++) {
        home[tag] = tag % SHARDS;
    }
    backup_of = -1;
    wrong = NULL;
    next_inode = 1;
    apr_pool_create(&global, NULL);
    for (int i = 0; i < SERVERS; i++) {
        new_file(i);
        open_server(i);
    }
}

static const char *run(uint64_t number)
{
    world w;

    begin_world(number);
    w = (world){chance(3) > 0,  chance(4) == 0, chance(4) == 0,
                chance(3) == 0, chance(3) == 0, chance(2)};
    if (differences) {
        w = (world){.rolls_back = 1};
    }
    for (int i = 0; i < STEPS && !wrong; i++) {
        something(&w);
    }
    if (!wrong) {
        settle();
    }
    for (int i = 0; i < SONGS && !wrong; i++) {
        check_song(i, !w.old_files && !w.copies);
    }
    twice_forked += forked_twice();
    twice_only += forked_twice() && !rolled_back;
    for (int i = 0; i < SERVERS; i++) {
        close_server(i);
    }
    apr_pool_destroy(global);
    return wrong;
}

static void *room(apr_size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED) {
        abort();
    }
    return memory;
}

static uint64_t run_many(uint64_t first, uint64_t n)
{
    uint64_t failed = 0;

    for (uint64_t i = first; i < first + n; i++) {
        const char *what = run(i);

        if (what && ++failed && !differences) {
            printf("# seed %" PRIu64 ": %s\n", i, what);
        }
    }
    return failed;
}

int main(int argc, char **argv)
{
    playcount_zone_size size = {CAPACITY, 0};
    uint64_t runs = argc > 1 ? strtoull(argv[1], NULL, 10) : 3000;
    uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    uint64_t failed;
    zone_header head;

    if (argc > 1 && !strcmp(argv[1], "cost")) {
        return playcount_cost_print(argc - 2, argv + 2);
    }
    apr_initialize();
    playcount_layout(&head, &size);
    bytes = head.at.end;
    part = head.at.journal;
    for (int i = 0; i < SERVERS; i++) {
        servers[i].f.memory = room(bytes);
    }
    backup.memory = room(bytes);
    delayed = room(DELAYED * sizeof(*delayed));
    talks = runs == 1;
    failed = run_many(first, runs);
    is(failed, 0,
       "in no run is a play swallowed or counted twice, or a number falls");
    printf("# %d runs had a copy of a copy, in %d of them the cluster forgot "
           "nothing\n",
           twice_forked, twice_only);
    differences = 1;
    talks = 0;
    failed = run_many(first, 100);
    ok(failed > 0,
       "with differences instead of counts, plays are lost (%d of 100 runs)",
       (int)failed);
    return done_testing();
}

/* One song must not hold up all others: a song that fails by itself is kept aside
 * in the table playcount_refused, in the transaction that adds the others.
 *
 * A piece that fails is rolled back to a savepoint and tried in halves, down to the
 * one song that fails. That song is kept aside if three things hold:
 *
 * 1. It fails a second time, so that a deadlock is no reason.
 * 2. The table or the statement works as such: another song of this transaction
 *    went in, or one that is tried for that, and rolled back, would.
 * 3. The database takes it into playcount_refused. A full disk, a read-only
 *    database and a lost connection show there at the latest.
 *
 * Otherwise the whole batch waits, as it does for a database that is away.
 */
#include "handoff/dbd.h"

#include "apr_strings.h"
#include "http_log.h"

typedef enum { ADDED, UNDONE, LOST } attempt_e;

/* Add them, or leave the transaction as it was before. */
static attempt_e attempt(playcount_adding *adding, const playcount_target *target,
                         playcount_row *rows, apr_size_t n, apr_pool_t *p)
{
    playcount_sql *sql = adding->sql;
    const char *why;

    if (!playcount_sql_set_savepoint(sql)) {
        return LOST;
    }
    if (target->add(adding, rows, n, p)) {
        return playcount_sql_keep_savepoint(sql) ? ADDED : LOST;
    }
    why = playcount_sql_take_why(sql);
    if (playcount_sql_undo_savepoint(sql)) {
        sql->why = why;
        return UNDONE;
    }
    sql->why = why;
    return LOST;
}

/* --- does it work as such? --- */

#define TOP 32

typedef struct {
    playcount_row rows[TOP + 2];
    apr_size_t n;
    apr_pool_t *pool;
} samples;

static void add_sample(samples *s, const char *id, apr_size_t length)
{
    s->rows[s->n++] =
        (playcount_row){apr_pmemdup(s->pool, id, length), length, 1, 0};
}

static void add_song(void *context, const playcount_song *song)
{
    add_sample(context, song->id, song->length);
}

/* 1 when it is added, and then undone. */
static int is_addable(playcount_adding *adding, const playcount_target *target,
                      playcount_row *row, int *is_lost, apr_pool_t *p)
{
    playcount_sql *sql = adding->sql;
    int added;

    if (!playcount_sql_set_savepoint(sql)) {
        *is_lost = 1;
        return 0;
    }
    added = target->add(adding, row, 1, p);
    playcount_sql_take_why(sql);
    *is_lost = !playcount_sql_undo_savepoint(sql);
    return added && !*is_lost;
}

/* With ids that keys of usual types take, and with the songs that are played most.
 */
static int works_with_others(playcount_adding *adding,
                             const playcount_target *target, apr_pool_t *p)
{
    static const char *const usual[] = {"0",
                                        "00000000-0000-0000-0000-000000000000"};
    samples *s = apr_pcalloc(p, sizeof(*s));
    int is_lost = 0;

    s->pool = p;
    for (int i = 0; i < 2; i++) {
        add_sample(s, usual[i], strlen(usual[i]));
    }
    playcount_zone_top(adding->handoff->zone->zone, TOP, add_song, s);
    for (apr_size_t i = 0; i < s->n && !is_lost; i++) {
        if (is_addable(adding, target, &s->rows[i], &is_lost, p)) {
            return 1;
        }
    }
    return 0;
}

/* --- keeping aside --- */

static int keep(playcount_adding *adding, playcount_row *row, const char *reason,
                apr_pool_t *p)
{
    playcount_sql *sql = adding->sql;

    if (!playcount_refused_keep(adding, row, reason, p)) {
        sql->why = apr_psprintf(sql->pool,
                                "%s. The song cannot be kept aside, so that all "
                                "others wait for it: %s. "
                                "Correct the cause, or make the table "
                                "playcount_refused (docs/handoff.md "
                                "has the statement)",
                                reason, sql->why);
        return 0;
    }
    row->is_done = 1;
    if (!adding->refused++) {
        adding->first_refused = ap_escape_logitem(
            sql->pool, apr_pstrmemdup(sql->pool, row->id, row->length));
        adding->first_reason = reason;
    }
    return 1;
}

/* A song that failed, in a transaction that is as it was before. */
static int set_aside(playcount_adding *adding, const playcount_target *target,
                     int *works, playcount_row *row, apr_pool_t *p)
{
    playcount_sql *sql = adding->sql;
    const char *reason;

    playcount_sql_take_why(sql);
    switch (attempt(adding, target, row, 1, p)) {
    case ADDED:
        *works = 1;
        return 1;
    case LOST:
        return 0;
    case UNDONE:
        break;
    }
    reason = playcount_sql_take_why(sql);
    if (!*works && !works_with_others(adding, target, p)) {
        sql->why = reason;
        return 0;
    }
    *works = 1;
    return keep(adding, row, reason, p);
}

static int add_apart(playcount_adding *adding, const playcount_target *target,
                     int *works, playcount_row *rows, apr_size_t n, apr_pool_t *p)
{
    switch (attempt(adding, target, rows, n, p)) {
    case ADDED:
        *works = 1;
        return 1;
    case LOST:
        return 0;
    case UNDONE:
        break;
    }
    if (n == 1) {
        return set_aside(adding, target, works, rows, p);
    }
    playcount_sql_take_why(adding->sql);
    return add_apart(adding, target, works, rows, n / 2, p) &&
           add_apart(adding, target, works, rows + n / 2, n - n / 2, p);
}

int playcount_apart_add(playcount_adding *adding, const playcount_target *target,
                        int *works, playcount_row *rows, apr_size_t n,
                        apr_pool_t *p)
{
    return adding->apart ? add_apart(adding, target, works, rows, n, p)
                         : target->add(adding, rows, n, p);
}

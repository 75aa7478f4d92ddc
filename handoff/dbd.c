/* The engine `dbd`: delivery into an SQL database, by mod_dbd.
 *
 * One transaction per batch: it passes the fence, which tells whether the batch is
 * in and writes its number, and adds the songs. A batch that failed is tried once
 * more as it is; after that, songs that fail by themselves are kept aside
 * (apart.c), and so they are in the batches that follow as long as there are such
 * songs.
 *
 * mod_dbd's connections outlive a delivery unless DBDPersist is Off. After a
 * failure a connection may be open or dead, in a transaction, or without its
 * prepared statements; so a failed delivery ends its transaction, and the next one
 * prepares the user's statement again.
 */
#include "handoff/dbd.h"

#include "apr_optional.h"
#include "apr_strings.h"
#include "http_log.h"

APLOG_USE_MODULE(playcount);

/* Between two looks for songs to be tried again. */
#define LOOK_INTERVAL apr_time_from_sec(5)
#define LONGEST_PAUSE apr_time_from_sec(60)

typedef struct {
    playcount_statement statement;

    /* of the process that delivers */
    int failures;              /* deliveries that failed in a row */
    int had_refused;           /* the last batch had songs that were kept aside */
    int has_no_lock;           /* the database has no advisory locks */
    apr_time_t look;           /* for songs to be tried again: not before */
    apr_interval_time_t pause; /* between two looks, longer after a failure */
} dbd_state;

static APR_OPTIONAL_FN_TYPE(ap_dbd_open) * dbd_open;
static APR_OPTIONAL_FN_TYPE(ap_dbd_close) * dbd_close;

/* --- start-up --- */

static void *create(apr_pool_t *p)
{
    dbd_state *state = apr_pcalloc(p, sizeof(*state));

    state->pause = LOOK_INTERVAL;
    return state;
}

static const char *read_statement(playcount_handoff *h, const char *value,
                                  apr_pool_t *p)
{
    dbd_state *state = h->state;

    state->statement.label = value;
    return playcount_statement_check_label(value);
}

static const playcount_engine_option options[] = {
    {"statement", "LABEL", read_statement},
    {NULL, NULL, NULL},
};

static int is_configured(const ap_directive_t *d)
{
    for (; d; d = d->next) {
        if (!ap_cstr_casecmp(d->directive, "DBDriver") ||
            is_configured(d->first_child)) {
            return 1;
        }
    }
    return 0;
}

static const char *check(playcount_handoff *h, apr_pool_t *p)
{
    dbd_state *state = h->state;

    dbd_open = APR_RETRIEVE_OPTIONAL_FN(ap_dbd_open);
    dbd_close = APR_RETRIEVE_OPTIONAL_FN(ap_dbd_close);
    if (!dbd_open || !dbd_close) {
        return "needs mod_dbd; add LoadModule dbd_module modules/mod_dbd.so";
    }
    if (!is_configured(ap_conftree)) {
        return "needs a database; add DBDriver and DBDParams, such as DBDriver "
               "sqlite3 and DBDParams /var/lib/playcount-db/plays.db";
    }
    if (state->statement.label) {
        playcount_statement_take(&state->statement, h->server, h->directive);
    }
    return NULL;
}

/* --- the transaction of a batch --- */

/* Servers that add to the same songs in one table take turns: they would often wait
 * for each other in the middle otherwise, or deadlock and begin again. That saves
 * work, and nothing else depends on it: not every database that speaks PostgreSQL's
 * protocol has these locks. */
static int take_turns(playcount_sql *sql, dbd_state *state)
{
    int done, ok;

    if (!playcount_sql_is(sql, "pgsql") || state->has_no_lock) {
        return 1;
    }
    ok = playcount_sql_try(
        sql, "SELECT pg_advisory_xact_lock(hashtext('playcount_handoff'))", &done,
        "waiting for other servers");
    state->has_no_lock = ok && !done;
    return ok;
}

/* What is checked at the commit fails for all the songs together. */
static int check_early(const playcount_adding *adding)
{
    int done;

    return !adding->apart || !playcount_sql_is(adding->sql, "pgsql") ||
           playcount_sql_try(adding->sql, "SET CONSTRAINTS ALL IMMEDIATE", &done,
                             "setting the constraints");
}

/* In the transaction, so that the tables stay as they are. */
static int prepare(playcount_sql *sql, playcount_statement *statement)
{
    return !statement->label || !playcount_sql_is(sql, "sqlite3") ||
           (statement->prepared && !statement->may_be_stale) ||
           playcount_statement_prepare(sql, statement);
}

static playcount_fence_e fill(playcount_adding *adding,
                              const playcount_batch *batch)
{
    playcount_sql *sql = adding->sql;
    playcount_fence_e fence;

    if (!take_turns(sql, adding->handoff->state) || !check_early(adding) ||
        !prepare(sql, adding->statement)) {
        return PLAYCOUNT_FENCE_FAILED;
    }
    fence = playcount_fence_pass(sql, adding->handoff, batch);
    if (fence == PLAYCOUNT_FENCE_ADD && !playcount_rows_add_batch(adding, batch)) {
        return PLAYCOUNT_FENCE_FAILED;
    }
    return fence;
}

static playcount_delivery_e add_batch(playcount_adding *adding,
                                      const playcount_batch *batch)
{
    playcount_sql *sql = adding->sql;
    playcount_fence_e fence = PLAYCOUNT_FENCE_FAILED;

    if (playcount_sql_begin(sql)) {
        fence = fill(adding, batch);
    }
    if ((fence == PLAYCOUNT_FENCE_ADD || fence == PLAYCOUNT_FENCE_SKIP) &&
        playcount_sql_commit(sql)) {
        return PLAYCOUNT_DELIVERED;
    }
    playcount_sql_roll_back(sql);
    return fence == PLAYCOUNT_FENCE_IS_IN ? PLAYCOUNT_DELIVERED
                                          : PLAYCOUNT_UNDELIVERED;
}

/* Songs that were refused, and are to be tried again. */
static playcount_delivery_e add_marked(playcount_adding *adding,
                                       const playcount_batch *none)
{
    playcount_sql *sql = adding->sql;

    if (playcount_sql_begin(sql) && take_turns(sql, adding->handoff->state) &&
        check_early(adding) && prepare(sql, adding->statement) &&
        playcount_refused_retry(adding) && playcount_sql_commit(sql)) {
        return PLAYCOUNT_DELIVERED;
    }
    playcount_sql_roll_back(sql);
    return PLAYCOUNT_UNDELIVERED;
}

/* --- one delivery --- */

static void report(const playcount_adding *adding)
{
    const playcount_handoff *h = adding->handoff;

    if (adding->retried) {
        ap_log_error(
            APLOG_MARK, APLOG_NOTICE, 0, h->server,
            "PlaycountHandoff (%s): %" APR_UINT64_T_FMT
            " songs of the table playcount_refused were tried again, of which "
            "%" APR_UINT64_T_FMT " were refused again",
            h->where, adding->retried, adding->refused);
    }
    if (adding->refused) {
        ap_log_error(
            APLOG_MARK, APLOG_WARNING, 0, h->server,
            "PlaycountHandoff (%s): the database refused %" APR_UINT64_T_FMT
            " songs of zone %s, which are kept aside in its table "
            "playcount_refused; the first is \"%s\": %s. Correct the cause, "
            "then UPDATE playcount_refused SET retry = 1",
            h->where, adding->refused, h->zone_name, adding->first_refused,
            adding->first_reason);
    }
}

/* Connect, do it, and see what became of it. */
static playcount_delivery_e with_database(
    playcount_handoff *h,
    playcount_delivery_e (*run)(playcount_adding *, const playcount_batch *),
    const playcount_batch *batch, int apart, apr_pool_t *p, const char **why)
{
    dbd_state *state = h->state;
    playcount_sql sql = {.pool = p};
    playcount_adding adding = {
        .sql = &sql, .handoff = h, .statement = &state->statement};
    playcount_delivery_e outcome = PLAYCOUNT_UNDELIVERED;

    sql.dbd = dbd_open(p, h->server);
    if (!sql.dbd) {
        state->statement.may_be_stale = 1;
        *why = "there is no connection to the database; mod_dbd has said why";
        return PLAYCOUNT_UNDELIVERED;
    }
    sql.driver = apr_dbd_name(sql.dbd->driver);
    adding.apart = apart && playcount_sql_has_savepoints(&sql);
    if (playcount_fence_make_tables(&sql) &&
        playcount_statement_find(&sql, &state->statement)) {
        outcome = run(&adding, batch);
    }
    state->statement.may_be_stale = outcome != PLAYCOUNT_DELIVERED;
    *why = sql.why ? sql.why : "the database does not say what is the matter";
    if (outcome == PLAYCOUNT_DELIVERED) {
        report(&adding);
        state->had_refused = batch ? adding.refused > 0 : state->had_refused;
        if (adding.refused || playcount_handoff_has_refused(h->zone->zone)) {
            playcount_refused_count(&sql, h);
        }
    }
    dbd_close(h->server, sql.dbd);
    return outcome;
}

static playcount_delivery_e deliver(playcount_handoff *h,
                                    const playcount_batch *batch, apr_pool_t *p,
                                    const char **why)
{
    dbd_state *state = h->state;
    playcount_delivery_e outcome = with_database(
        h, add_batch, batch, state->failures > 1 || state->had_refused, p, why);

    state->failures = outcome == PLAYCOUNT_DELIVERED ? 0 : state->failures + 1;
    return outcome;
}

/* Batches do not wait for this: a failure is logged, and the next look is later. */
static void look_failed(playcount_handoff *h, const char *why)
{
    dbd_state *state = h->state;

    if (state->pause == LOOK_INTERVAL) {
        ap_log_error(
            APLOG_MARK, APLOG_WARNING, 0, h->server,
            "PlaycountHandoff (%s): the songs of the table playcount_refused "
            "cannot be tried again: %s",
            h->where, why);
    }
    state->pause =
        2 * state->pause < LONGEST_PAUSE ? 2 * state->pause : LONGEST_PAUSE;
}

static playcount_delivery_e tick(playcount_handoff *h, apr_pool_t *p,
                                 const char **why)
{
    dbd_state *state = h->state;
    apr_time_t now = apr_time_now();

    if (!playcount_handoff_has_refused(h->zone->zone) ||
        (now < state->look && state->look - now <= LONGEST_PAUSE)) {
        return PLAYCOUNT_DELIVERED;
    }
    if (with_database(h, add_marked, NULL, 1, p, why) == PLAYCOUNT_DELIVERED) {
        state->pause = LOOK_INTERVAL;
    }
    else {
        look_failed(h, *why);
    }
    state->look = now + state->pause;
    return PLAYCOUNT_DELIVERED;
}

const playcount_engine playcount_engine_dbd = {
    .name = "dbd",
    .purpose = "the database of the DBD directives",
    .options = options,
    .create = create,
    .check = check,
    .deliver = deliver,
    .tick = tick,
};

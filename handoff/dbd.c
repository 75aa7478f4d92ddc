/* The engine `dbd`: delivery into an SQL database, by mod_dbd.
 *
 * One transaction per batch: it passes the fence, which tells whether the batch is
 * in and writes its number, and adds the songs.
 *
 * mod_dbd's connections outlive a delivery unless DBDPersist is Off. After a
 * failure a connection may be open or dead, in a transaction, or without its
 * prepared statements; so a failed delivery ends its transaction, and the next one
 * prepares the user's statement again.
 */
#include "handoff/dbd.h"

#include "apr_optional.h"

static APR_OPTIONAL_FN_TYPE(ap_dbd_open) * dbd_open;
static APR_OPTIONAL_FN_TYPE(ap_dbd_close) * dbd_close;

/* --- start-up --- */

static void *create(apr_pool_t *p)
{
    return apr_pcalloc(p, sizeof(playcount_statement));
}

static const char *read_statement(playcount_handoff *h, const char *value,
                                  apr_pool_t *p)
{
    playcount_statement *statement = h->state;

    statement->label = value;
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
    dbd_open = APR_RETRIEVE_OPTIONAL_FN(ap_dbd_open);
    dbd_close = APR_RETRIEVE_OPTIONAL_FN(ap_dbd_close);
    if (!dbd_open || !dbd_close) {
        return "needs mod_dbd; add LoadModule dbd_module modules/mod_dbd.so";
    }
    return is_configured(ap_conftree)
               ? NULL
               : "needs a database; add DBDriver and DBDParams, such as DBDriver "
                 "sqlite3 and DBDParams /var/lib/playcount/plays.db";
}

/* --- one delivery --- */

/* Servers that add to the same songs in one table take turns: they would lock each
 * other out otherwise. */
static int take_turns(playcount_sql *sql)
{
    int rows;

    return !playcount_sql_is(sql, "pgsql") ||
           playcount_sql_query(
               sql, "SELECT pg_advisory_xact_lock(hashtext('playcount_handoff'))",
               &rows, "waiting for other servers");
}

static int make_tables(playcount_sql *sql, playcount_statement *statement)
{
    int made;

    if (!playcount_fence_make_tables(sql, &made)) {
        return 0;
    }
    /* In the transaction, so that the tables stay as they are. */
    return !statement->label || !playcount_sql_is(sql, "sqlite3") ||
           !(made || statement->may_be_stale) ||
           playcount_statement_prepare(sql, statement);
}

static playcount_fence_e fill(playcount_sql *sql, playcount_handoff *h,
                              const playcount_batch *batch)
{
    playcount_statement *statement = h->state;
    playcount_fence_e fence;

    if (!take_turns(sql) || !make_tables(sql, statement)) {
        return PLAYCOUNT_FENCE_FAILED;
    }
    fence = playcount_fence_pass(sql, h, batch);
    if (fence == PLAYCOUNT_FENCE_ADD &&
        !playcount_rows_add(sql, statement, h->zone->zone, batch)) {
        return PLAYCOUNT_FENCE_FAILED;
    }
    return fence;
}

static playcount_delivery_e run_transaction(playcount_sql *sql,
                                            playcount_handoff *h,
                                            const playcount_batch *batch)
{
    playcount_fence_e fence = PLAYCOUNT_FENCE_FAILED;

    if (!playcount_statement_find(sql, h->state)) {
        return PLAYCOUNT_UNDELIVERED;
    }
    if (playcount_sql_begin(sql)) {
        fence = fill(sql, h, batch);
    }
    if ((fence == PLAYCOUNT_FENCE_ADD || fence == PLAYCOUNT_FENCE_SKIP) &&
        playcount_sql_commit(sql)) {
        return PLAYCOUNT_DELIVERED;
    }
    playcount_sql_roll_back(sql);
    return fence == PLAYCOUNT_FENCE_IS_IN ? PLAYCOUNT_DELIVERED
                                          : PLAYCOUNT_UNDELIVERED;
}

static playcount_delivery_e deliver(playcount_handoff *h,
                                    const playcount_batch *batch, apr_pool_t *p,
                                    const char **why)
{
    playcount_statement *statement = h->state;
    playcount_sql sql = {.pool = p};
    playcount_delivery_e outcome;

    sql.dbd = dbd_open(p, h->server);
    if (!sql.dbd) {
        statement->may_be_stale = 1;
        *why = "there is no connection to the database; mod_dbd has said why";
        return PLAYCOUNT_UNDELIVERED;
    }
    sql.driver = apr_dbd_name(sql.dbd->driver);
    outcome = run_transaction(&sql, h, batch);
    dbd_close(h->server, sql.dbd);
    statement->may_be_stale = outcome != PLAYCOUNT_DELIVERED;
    *why = sql.why ? sql.why : "the database does not say what is the matter";
    return outcome;
}

const playcount_engine playcount_engine_dbd = {
    .name = "dbd",
    .purpose = "the database of the DBD directives",
    .options = options,
    .create = create,
    .check = check,
    .deliver = deliver,
    .register_hooks = playcount_statement_register_hooks,
};

/* Delivery into an SQL database, by mod_dbd.
 *
 * One transaction per batch. In it the table playcount_handoff keeps, for the node
 * and the zone, the number of the last batch; the number tells whether a batch is
 * in (playcount_batch_verdict()), whatever was killed or cut when. It is replaced
 * before any song is added, by an UPDATE that names the number that was read: of
 * two who deliver the same batch at once, the second waits for the first and then
 * changes no row, or is refused.
 *
 * The row is known by the zone's identity, a random number in its file, and not by
 * the host: a server that comes up under another name, in a container say, must
 * not add twice what its predecessor committed. Two servers on copies of one file
 * are told apart by node=, and found out if they are not.
 *
 * mod_dbd's connections outlive a delivery unless DBDPersist is Off. After a
 * failure a connection may be open or dead, in a transaction, or without its
 * prepared statements (PostgreSQL was started anew, SQLite's tables are other ones
 * by now); so a failed delivery ends its transaction, and the next one prepares the
 * user's statement anew.
 */
#include "handoff/dbd.h"

#include "apr_lib.h"
#include "apr_optional.h"
#include "apr_optional_hooks.h"
#include "apr_strings.h"
#include "http_log.h"

APLOG_USE_MODULE(playcount);

#define QUERIES_KEY "mod_playcount queries"

static APR_OPTIONAL_FN_TYPE(ap_dbd_open) * dbd_open;
static APR_OPTIONAL_FN_TYPE(ap_dbd_close) * dbd_close;

/* --- start-up --- */

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

static const char *check(const playcount_handoff *h, apr_pool_t *p)
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

/* mod_dbd has connected: keep its statements at hand. */
static apr_status_t connected(apr_pool_t *pool, dbd_cfg_t *cfg, ap_dbd_t *dbd)
{
    apr_pool_userdata_setn(cfg->queries, QUERIES_KEY, NULL, dbd->pool);
    return APR_SUCCESS;
}

void playcount_dbd_register_hooks(void)
{
    APR_OPTIONAL_HOOK(dbd, post_connect, connected, NULL, NULL, APR_HOOK_MIDDLE);
}

/* --- talking to the database --- */

void playcount_database_failed(playcount_database *db, const char *doing)
{
    const char *says = apr_dbd_error(db->dbd->driver, db->dbd->handle, 0);
    char *line = apr_pstrdup(db->pool, says && *says ? says : "no reason given");
    char *end = line + strlen(line);

    while (end > line && (apr_isspace(end[-1]) || end[-1] == '.')) {
        *--end = '\0';
    }
    for (char *at = line; *at; at++) {
        if (apr_iscntrl(*at)) {
            *at = ' ';
        }
    }
    if (!db->why) {
        db->why = apr_psprintf(db->pool, "%s failed (%s)", doing, line);
    }
}

int playcount_database_query(playcount_database *db, const char *sql, int *rows,
                             const char *doing)
{
    if (apr_dbd_query(db->dbd->driver, db->dbd->handle, rows, sql) == 0) {
        return 1;
    }
    playcount_database_failed(db, doing);
    return 0;
}

/* --- the user's statement --- */

/* As apr_dbd_prepare() counts them. */
static int count_parameters(const char *query)
{
    int n = 0;

    for (; *query; query++) {
        if (*query == '%' && query[1] == '%') {
            query++;
        }
        else if (*query == '%' && apr_isalpha(query[1])) {
            n++;
        }
    }
    return n;
}

static void prepare_again(playcount_database *db, const char *label,
                          const char *query)
{
    apr_dbd_prepared_t *statement = NULL;
    int rows;

    /* When there is none of this name, that is as good. */
    apr_dbd_query(db->dbd->driver, db->dbd->handle, &rows,
                  apr_psprintf(db->pool, "DEALLOCATE %s", label));
    if (apr_dbd_prepare(db->dbd->driver, db->dbd->pool, db->dbd->handle, query,
                        label, &statement) == 0) {
        apr_hash_set(db->dbd->prepared, label, APR_HASH_KEY_STRING, statement);
    }
}

static const char *find_query(playcount_database *db, const playcount_handoff *h)
{
    void *queries = NULL;

    apr_pool_userdata_get(&queries, QUERIES_KEY, db->dbd->pool);
    return queries ? apr_hash_get(queries, h->statement, APR_HASH_KEY_STRING)
                   : NULL;
}

static int find_statement(playcount_database *db, const playcount_handoff *h)
{
    const char *query = find_query(db, h);

    if (!query) {
        db->why = apr_psprintf(db->pool,
                               "there is no DBDPrepareSQL with the label %s here",
                               h->statement);
        return 0;
    }
    if (count_parameters(query) != 2) {
        db->why =
            apr_psprintf(db->pool,
                         "the statement %s must have two parameters, the plays "
                         "and then the song",
                         h->statement);
        return 0;
    }
    /* A connection that pgsql has opened anew has lost them. */
    if (h->prepare_again && !strcmp(db->driver, "pgsql")) {
        prepare_again(db, h->statement, query);
    }
    db->statement =
        apr_hash_get(db->dbd->prepared, h->statement, APR_HASH_KEY_STRING);
    if (!db->statement) {
        db->why = apr_psprintf(db->pool, "the statement %s is not prepared",
                               h->statement);
    }
    return db->statement != NULL;
}

/* SQLite's statements are good for the tables that there were when they were
 * prepared, and no others. In the transaction, so that they stay. */
static int prepare_for_tables(playcount_database *db, const playcount_handoff *h)
{
    if (apr_dbd_prepare(db->dbd->driver, db->dbd->pool, db->dbd->handle,
                        find_query(db, h), h->statement, &db->statement) != 0) {
        playcount_database_failed(db, "preparing the statement");
        return 0;
    }
    apr_hash_set(db->dbd->prepared, h->statement, APR_HASH_KEY_STRING,
                 db->statement);
    return 1;
}

/* --- one transaction --- */

/* The number that a query finds, 0 when it finds none; -1 when it fails. */
static apr_int64_t read_number(playcount_database *db, const char *sql,
                               const char *doing)
{
    apr_dbd_results_t *results = NULL;
    apr_dbd_row_t *first = NULL;
    const char *number;

    if (apr_dbd_select(db->dbd->driver, db->pool, db->dbd->handle, &results, sql,
                       1) != 0) {
        playcount_database_failed(db, doing);
        return -1;
    }
    if (apr_dbd_get_row(db->dbd->driver, db->pool, results, &first, -1) != 0) {
        return 0;
    }
    number = apr_dbd_get_entry(db->dbd->driver, first, 0);
    return number ? apr_atoi64(number) : 0;
}

/* A database in a file makes its tables by itself. */
static int make_tables(playcount_database *db, const playcount_handoff *h)
{
    apr_int64_t there;
    int rows;

    if (strcmp(db->driver, "sqlite3")) {
        return 1;
    }
    there = read_number(db,
                        "SELECT count(*) FROM sqlite_master "
                        "WHERE name IN ('playcount', 'playcount_handoff')",
                        "looking for the tables");
    if (there < 0) {
        return 0;
    }
    if (there != 2 &&
        !playcount_database_query(
            db,
            "CREATE TABLE IF NOT EXISTS playcount_handoff (node TEXT NOT NULL, "
            "zone TEXT NOT NULL, batch INTEGER NOT NULL, "
            "PRIMARY KEY (node, zone)) WITHOUT ROWID; "
            "CREATE TABLE IF NOT EXISTS playcount (song TEXT NOT NULL "
            "PRIMARY KEY, plays INTEGER NOT NULL) WITHOUT ROWID",
            &rows, "making the tables")) {
        return 0;
    }
    return !db->statement || (there == 2 && !h->prepare_again) ||
           prepare_for_tables(db, h);
}

/* Servers that add to the same songs in one table take turns: they would lock each
 * other out otherwise. */
static int take_turns(playcount_database *db)
{
    int rows;

    return strcmp(db->driver, "pgsql") ||
           playcount_database_query(
               db, "SELECT pg_advisory_xact_lock(hashtext('playcount_handoff'))",
               &rows, "waiting for other servers");
}

static const char *row_of(playcount_database *db, const playcount_handoff *h)
{
    return apr_psprintf(db->pool,
                        "node = '%s' AND zone = '%016" APR_UINT64_T_HEX_FMT "'",
                        h->node, playcount_zone_identity(h->zone->zone));
}

/* The last number, 0 when there is none; -1 when it cannot be read. */
static apr_int64_t read_last(playcount_database *db, const char *row)
{
    return read_number(db,
                       apr_pstrcat(db->pool,
                                   "SELECT batch FROM playcount_handoff WHERE ",
                                   row, NULL),
                       "reading the table playcount_handoff");
}

static int write_last(playcount_database *db, const playcount_handoff *h,
                      const char *row, apr_int64_t last, uint64_t number)
{
    int rows = 0;
    const char *sql;

    if (last) {
        sql = apr_psprintf(db->pool,
                           "UPDATE playcount_handoff SET batch = %" APR_UINT64_T_FMT
                           " WHERE %s AND batch = %" APR_INT64_T_FMT,
                           number, row, last);
    }
    else {
        sql = apr_psprintf(db->pool,
                           "INSERT INTO playcount_handoff (node, zone, batch) "
                           "VALUES ('%s', '%016" APR_UINT64_T_HEX_FMT
                           "', %" APR_UINT64_T_FMT ")",
                           h->node, playcount_zone_identity(h->zone->zone), number);
    }
    if (!playcount_database_query(db, sql, &rows,
                                  "writing to the table playcount_handoff")) {
        return 0;
    }
    if (rows != 1) {
        db->why = "another process delivers it at this moment";
    }
    return rows == 1;
}

/* All between the beginning and the end. 1 when there is something to commit. */
static int fill_transaction(playcount_database *db, playcount_handoff *h,
                            const playcount_batch *batch)
{
    const char *row = row_of(db, h);
    apr_int64_t last;
    playcount_batch_verdict_e verdict;

    if (!take_turns(db) || !make_tables(db, h) || (last = read_last(db, row)) < 0) {
        return 0;
    }
    verdict = playcount_batch_verdict(batch, (uint64_t)last);
    if (verdict == PLAYCOUNT_BATCH_IS_IN) {
        db->is_in = 1;
        return 0;
    }
    if (verdict == PLAYCOUNT_BATCH_FOREIGN) {
        db->why = apr_psprintf(
            db->pool,
            "the table playcount_handoff has a number for %s, %" APR_INT64_T_FMT
            ", that this server did not give. If another server runs on a copy of "
            "this zone's file, give each a node= of its own",
            row, last);
        return 0;
    }
    if (last && (uint64_t)last < batch->previous) {
        ap_log_error(
            APLOG_MARK, APLOG_WARNING, 0, h->server,
            "PlaycountHandoff (%s): the database has the batches of zone %s "
            "up to %" APR_INT64_T_FMT " only, but those up to "
            "%" APR_UINT64_T_FMT " were acknowledged; if it is an older "
            "copy of itself, the plays between are not in it",
            h->where, h->zone_name, last, batch->previous);
    }
    return write_last(db, h, row, last, batch->number) &&
           (verdict == PLAYCOUNT_BATCH_SKIP ||
            playcount_database_add(db, h->zone->zone, batch));
}

/* In SQL, where that is possible: the transactions of the driver for pgsql take
 * the process with them when the connection was lost before they begin. */
static const struct {
    const char *driver, *sql;
} beginnings[] = {
    {"sqlite3", "BEGIN IMMEDIATE"},
    {"pgsql", "BEGIN"},
    {"mysql", "START TRANSACTION"},
};

static int begin(playcount_database *db)
{
    int rows;

    for (int i = 0; i < (int)(sizeof(beginnings) / sizeof(beginnings[0])); i++) {
        if (!strcmp(beginnings[i].driver, db->driver)) {
            return playcount_database_query(db, beginnings[i].sql, &rows,
                                            "beginning a transaction");
        }
    }
    if (apr_dbd_transaction_start(db->dbd->driver, db->pool, db->dbd->handle,
                                  &db->transaction)) {
        playcount_database_failed(db, "beginning a transaction");
    }
    return db->transaction != NULL && !db->why;
}

static void roll_back(playcount_database *db)
{
    int rows;

    if (db->transaction) {
        apr_dbd_transaction_mode_set(db->dbd->driver, db->transaction,
                                     APR_DBD_TRANSACTION_ROLLBACK);
        apr_dbd_transaction_end(db->dbd->driver, db->pool, db->transaction);
    }
    else {
        apr_dbd_query(db->dbd->driver, db->dbd->handle, &rows, "ROLLBACK");
    }
    db->transaction = NULL;
}

static int commit(playcount_database *db)
{
    apr_dbd_transaction_t *transaction = db->transaction;
    int rows;

    if (!transaction) {
        return playcount_database_query(db, "COMMIT", &rows, "committing");
    }
    db->transaction = NULL;
    if (apr_dbd_transaction_end(db->dbd->driver, db->pool, transaction)) {
        playcount_database_failed(db, "committing");
        return 0;
    }
    return 1;
}

static void run_transaction(playcount_database *db, playcount_handoff *h,
                            const playcount_batch *batch)
{
    if (h->statement && !find_statement(db, h)) {
        return;
    }
    if (begin(db) && fill_transaction(db, h, batch) && commit(db)) {
        db->is_in = 1;
        return;
    }
    /* SQLite stays in a transaction that it could not commit. */
    roll_back(db);
}

static const char *deliver(playcount_handoff *h, const playcount_batch *batch,
                           apr_pool_t *p)
{
    playcount_database db = {.pool = p};

    db.dbd = dbd_open(p, h->server);
    if (!db.dbd) {
        return "there is no connection to the database; mod_dbd has said why";
    }
    db.driver = apr_dbd_name(db.dbd->driver);
    run_transaction(&db, h, batch);
    dbd_close(h->server, db.dbd);
    if (db.is_in) {
        return NULL;
    }
    return db.why ? db.why : "the database does not say what is the matter";
}

const playcount_engine playcount_engine_dbd = {
    .name = "dbd",
    .check = check,
    .deliver = deliver,
};

/* Starting, ending and asking in a transaction, for each SQL database: see sql.h.
 */

#include "handoff/sql.h"

#include "apr_lib.h"
#include "apr_strings.h"

int playcount_sql_is(const playcount_sql *sql, const char *driver)
{
    return !strcmp(sql->driver, driver);
}

void playcount_sql_failed(playcount_sql *sql, const char *doing)
{
    const char *says = apr_dbd_error(sql->dbd->driver, sql->dbd->handle, 0);
    char *line = apr_pstrdup(sql->pool, says && *says ? says : "no reason given");
    char *end = line + strlen(line);

    while (end > line && (apr_isspace(end[-1]) || end[-1] == '.')) {
        *--end = '\0';
    }
    for (char *at = line; *at; at++) {
        if (apr_iscntrl(*at)) {
            *at = ' ';
        }
    }
    if (!sql->why) {
        sql->why = apr_psprintf(sql->pool, "%s failed (%s)", doing, line);
    }
}

const char *playcount_sql_take_why(playcount_sql *sql)
{
    const char *why = sql->why;

    sql->why = NULL;
    return why;
}

int playcount_sql_query(playcount_sql *sql, const char *query, int *rows,
                        const char *doing)
{
    if (apr_dbd_query(sql->dbd->driver, sql->dbd->handle, rows, query) == 0) {
        return 1;
    }
    playcount_sql_failed(sql, doing);
    return 0;
}

/* The driver for mysql takes rows of a result that it has as a whole by their
 * numbers only; the others take them one after the other. */
int playcount_sql_row(playcount_sql *sql, apr_dbd_results_t *results,
                      apr_dbd_row_t **row, int number)
{
    return apr_dbd_get_row(sql->dbd->driver, sql->pool, results, row,
                           playcount_sql_is(sql, "mysql") ? number : -1) == 0;
}

apr_int64_t playcount_sql_read_number(playcount_sql *sql, const char *query,
                                      const char *doing)
{
    apr_dbd_results_t *results = NULL;
    apr_dbd_row_t *first = NULL;
    const char *number;

    if (apr_dbd_select(sql->dbd->driver, sql->pool, sql->dbd->handle, &results,
                       query, 1) != 0) {
        playcount_sql_failed(sql, doing);
        return -1;
    }
    if (!playcount_sql_row(sql, results, &first, 1)) {
        return 0;
    }
    number = apr_dbd_get_entry(sql->dbd->driver, first, 0);
    return number ? apr_atoi64(number) : 0;
}

const char *playcount_sql_escape(playcount_sql *sql, apr_pool_t *p,
                                 const char *text)
{
    return apr_dbd_escape(sql->dbd->driver, p, text, sql->dbd->handle);
}

/* --- the transaction --- */

/* In SQL, where that is possible: the transactions of the driver for pgsql bring
 * the process down if the connection was lost before they begin. */
static const struct {
    const char *driver, *query;
} beginnings[] = {
    {"sqlite3", "BEGIN IMMEDIATE"},
    /* Ids are UTF-8, whatever the database's encoding is. */
    {"pgsql", "BEGIN; SET LOCAL client_encoding = 'UTF8'"},
    {"mysql", "START TRANSACTION"},
    {NULL, NULL},
};

static const char *beginning(const playcount_sql *sql)
{
    int i = 0;

    while (beginnings[i].driver && !playcount_sql_is(sql, beginnings[i].driver)) {
        i++;
    }
    return beginnings[i].query;
}

int playcount_sql_begin(playcount_sql *sql)
{
    const char *query = beginning(sql);
    int rows;

    if (query) {
        return playcount_sql_query(sql, query, &rows, "beginning a transaction");
    }
    if (apr_dbd_transaction_start(sql->dbd->driver, sql->pool, sql->dbd->handle,
                                  &sql->transaction)) {
        playcount_sql_failed(sql, "beginning a transaction");
    }
    return sql->transaction != NULL && !sql->why;
}

void playcount_sql_roll_back(playcount_sql *sql)
{
    int rows;

    if (sql->transaction) {
        apr_dbd_transaction_mode_set(sql->dbd->driver, sql->transaction,
                                     APR_DBD_TRANSACTION_ROLLBACK);
        apr_dbd_transaction_end(sql->dbd->driver, sql->pool, sql->transaction);
    }
    else {
        apr_dbd_query(sql->dbd->driver, sql->dbd->handle, &rows, "ROLLBACK");
    }
    sql->transaction = NULL;
}

int playcount_sql_commit(playcount_sql *sql)
{
    apr_dbd_transaction_t *transaction = sql->transaction;
    int rows;

    if (!transaction) {
        return playcount_sql_query(sql, "COMMIT", &rows, "committing");
    }
    sql->transaction = NULL;
    if (apr_dbd_transaction_end(sql->dbd->driver, sql->pool, transaction)) {
        playcount_sql_failed(sql, "committing");
        return 0;
    }
    return 1;
}

/* --- savepoints --- */

int playcount_sql_has_savepoints(const playcount_sql *sql)
{
    return beginning(sql) != NULL;
}

int playcount_sql_set_savepoint(playcount_sql *sql)
{
    int rows;

    return playcount_sql_query(sql, "SAVEPOINT playcount", &rows,
                               "setting a savepoint");
}

int playcount_sql_keep_savepoint(playcount_sql *sql)
{
    int rows;

    return playcount_sql_query(sql, "RELEASE SAVEPOINT playcount", &rows,
                               "releasing a savepoint");
}

int playcount_sql_undo_savepoint(playcount_sql *sql)
{
    int rows;

    return playcount_sql_query(sql, "ROLLBACK TO SAVEPOINT playcount", &rows,
                               "rolling back to a savepoint") &&
           playcount_sql_keep_savepoint(sql);
}

int playcount_sql_try(playcount_sql *sql, const char *query, int *done,
                      const char *doing)
{
    const char *why;
    int rows;

    /* One round trip. */
    *done =
        playcount_sql_query(sql,
                            apr_pstrcat(sql->pool, "SAVEPOINT playcount; ", query,
                                        "; RELEASE SAVEPOINT playcount", NULL),
                            &rows, doing);
    if (*done) {
        return 1;
    }
    why = playcount_sql_take_why(sql);
    if (playcount_sql_undo_savepoint(sql)) {
        return 1;
    }
    sql->why = why;
    return 0;
}

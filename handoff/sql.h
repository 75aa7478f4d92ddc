/* A connection to an SQL database for one delivery, and its transaction. */
#ifndef PLAYCOUNT_HANDOFF_SQL_H
#define PLAYCOUNT_HANDOFF_SQL_H

#include "apr_dbd.h"
#include "mod_dbd.h"

typedef struct {
    ap_dbd_t *dbd;
    const char *driver;                 /* its name: "sqlite3", "pgsql" */
    apr_dbd_transaction_t *transaction; /* the driver's, if it is not in SQL */
    apr_pool_t *pool;                   /* of this delivery */
    const char *why; /* the first thing that went wrong, or NULL */
} playcount_sql;

/* Is this the driver's name? */
int playcount_sql_is(const playcount_sql *sql, const char *driver);

/* Note what went wrong, unless something has been noted already: `doing`, and what
 * the database says about it. */
void playcount_sql_failed(playcount_sql *sql, const char *doing);

/* Return what went wrong, and forget it: for a failure that is dealt with. */
const char *playcount_sql_take_why(playcount_sql *sql);

/* Execute a statement. 1 when it was done; *rows is the number of rows it changed.
 */
int playcount_sql_query(playcount_sql *sql, const char *query, int *rows,
                        const char *doing);

/* The next row of a result that was asked for as a whole; `number` counts from 1. 0
 * at the end. */
int playcount_sql_row(playcount_sql *sql, apr_dbd_results_t *results,
                      apr_dbd_row_t **row, int number);

/* The number that a query finds, 0 when it finds none; -1 when it fails. */
apr_int64_t playcount_sql_read_number(playcount_sql *sql, const char *query,
                                      const char *doing);

/* A text as it may stand between '...' in a statement. */
const char *playcount_sql_escape(playcount_sql *sql, apr_pool_t *p,
                                 const char *text);

/* The transaction. 1 when it was done. After a failure it has to be rolled back,
 * also after one of commit: SQLite stays in a transaction that it could not commit.
 */
int playcount_sql_begin(playcount_sql *sql);
int playcount_sql_commit(playcount_sql *sql);
void playcount_sql_roll_back(playcount_sql *sql);

/* A part of the transaction that can be undone: one at a time, not nested. Where
 * the transaction is the driver's there are none: ask first. 1 when it was done; if
 * not, the transaction is lost. */
int playcount_sql_has_savepoints(const playcount_sql *sql);
int playcount_sql_set_savepoint(playcount_sql *sql);
int playcount_sql_keep_savepoint(playcount_sql *sql);
int playcount_sql_undo_savepoint(playcount_sql *sql);

/* Execute a statement that may fail: not every database has it. 1 unless the
 * transaction is lost; *done is 1 when it was executed. */
int playcount_sql_try(playcount_sql *sql, const char *query, int *done,
                      const char *doing);

#endif

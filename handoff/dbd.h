/* A connection to a database, as dbd.c and rows.c share it. */
#ifndef PLAYCOUNT_HANDOFF_DBD_H
#define PLAYCOUNT_HANDOFF_DBD_H

#include "apr_dbd.h"
#include "mod_dbd.h"

#include "handoff/handoff.h"

typedef struct {
    ap_dbd_t *dbd;
    const char *driver;            /* its name: "sqlite3", "pgsql" */
    apr_dbd_prepared_t *statement; /* the user's own, NULL for the default table */
    apr_dbd_transaction_t *transaction; /* the driver's, if it is not in SQL */
    apr_pool_t *pool;                   /* of this delivery */
    const char *why;                    /* the first thing that went wrong, NULL */
    int is_in; /* the database has the batch: nothing but this is a success */
} playcount_database;

/* Note what went wrong, unless something did before: `doing` and what the database
 * says of it. */
void playcount_database_failed(playcount_database *db, const char *doing);

/* Execute a statement. 1 when it was done; *rows is what it changed. */
int playcount_database_query(playcount_database *db, const char *sql, int *rows,
                             const char *doing);

/* Add every song of the batch. 1 when all are added. */
int playcount_database_add(playcount_database *db, playcount_zone *zone,
                           const playcount_batch *batch);

#endif

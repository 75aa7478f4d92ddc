/* The parts of the engine `dbd`: see handoff.h for who is above whom. */
#ifndef PLAYCOUNT_HANDOFF_DBD_H
#define PLAYCOUNT_HANDOFF_DBD_H

#include "handoff/handoff.h"
#include "handoff/sql.h"

/* --- statement.c: the user's own statement --- */

typedef struct {
    const char *label; /* of the DBDPrepareSQL; NULL: the default table */
    int may_be_stale;  /* a delivery failed: the connection may be another one, and
                          the statement gone with the old one */
    const char *query; /* as it was configured, for this connection */
    apr_dbd_prepared_t *prepared; /* on this connection; NULL: the default table */
} playcount_statement;

/* The hook of mod_dbd that keeps the queries at hand. */
void playcount_statement_register_hooks(void);

/* NULL, or what is wrong with this label, as the rest of a sentence. */
const char *playcount_statement_check_label(const char *label);

/* Find the statement on this connection, before the transaction. 1 when it is
 * there, or when there is none to find. */
int playcount_statement_find(playcount_sql *sql, playcount_statement *statement);

/* Prepare it anew, in the transaction. 1 when it was done. */
int playcount_statement_prepare(playcount_sql *sql, playcount_statement *statement);

/* --- fence.c: the tables, and which batch is in --- */

/* Make the tables, where the database is a file that makes them by itself. *made is
 * 1 when there were none. In a transaction. 1 when they are there. */
int playcount_fence_make_tables(playcount_sql *sql, int *made);

typedef enum {
    PLAYCOUNT_FENCE_ADD,   /* the number is written: add the songs and commit */
    PLAYCOUNT_FENCE_SKIP,  /* the number is written: commit without the songs */
    PLAYCOUNT_FENCE_IS_IN, /* the database has the batch: roll back */
    PLAYCOUNT_FENCE_FAILED /* sql->why says why: roll back */
} playcount_fence_e;

/* Read the number of the last batch in the database and write that of this one in
 * its place. In a transaction. */
playcount_fence_e playcount_fence_pass(playcount_sql *sql,
                                       const playcount_handoff *h,
                                       const playcount_batch *batch);

/* --- rows.c --- */

/* Add every song of the batch. In a transaction. 1 when all are added. */
int playcount_rows_add(playcount_sql *sql, const playcount_statement *statement,
                       playcount_zone *zone, const playcount_batch *batch);

#endif

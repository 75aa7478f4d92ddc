/* The engine `dbd`, what its files share with each other only: handoff.h says which
 * is above which. */
#ifndef PLAYCOUNT_HANDOFF_DBD_H
#define PLAYCOUNT_HANDOFF_DBD_H

#include "handoff/handoff.h"
#include "handoff/sql.h"

/* --- statement.c: the user's own statement --- */

typedef struct {
    const char *label; /* of the DBDPrepareSQL; NULL: the default table */
    const char *query; /* its text; NULL: there is no such DBDPrepareSQL */

    /* of the process that delivers */
    apr_dbd_prepared_t *prepared; /* on the connection of this delivery */
    int may_be_stale; /* a delivery failed: the connection may be another one, and
                         the statement gone with the old one */
    int is_inferred;  /* PostgreSQL did not prepare it with the types that the query
                         names, and finds them out by itself */
} playcount_statement;

/* NULL, or what is wrong with this label, as the rest of a sentence. */
const char *playcount_statement_check_label(const char *label);

/* Find the text of the DBDPrepareSQL that holds for the PlaycountHandoff at
 * `where`, and take it out of mod_dbd's hands. In check_config. */
void playcount_statement_take(playcount_statement *statement, server_rec *s,
                              const ap_directive_t *where);

/* Prepare the statement on this connection, if it is not: before the transaction,
 * and, where the tables matter, again in it. 1 when it was done, or when there is
 * none. */
int playcount_statement_find(playcount_sql *sql, playcount_statement *statement);
int playcount_statement_prepare(playcount_sql *sql, playcount_statement *statement);

/* --- sums.c: sums that are too large, in SQLite --- */

/* See that integers to which this statement adds stop at the highest one: on this
 * connection, before the transaction. 1 when it was done, or when there is nothing
 * to see to. */
int playcount_sums_guard(playcount_sql *sql, const char *query);

/* --- fence.c: the tables, and which batch is in --- */

/* Make the tables, where the database is a file that makes them by itself. Before
 * the transaction. 1 when they are there, or when there is nothing to make. */
int playcount_fence_make_tables(playcount_sql *sql);

/* "node = '...' AND zone = '...'": the rows of this server and zone. */
const char *playcount_fence_row(playcount_sql *sql, const playcount_handoff *h);

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

/* --- adding songs, in a transaction --- */

typedef struct {
    const char *id;
    apr_size_t length;
    uint64_t plays;
    int is_done; /* added by the user's own statement, or kept aside: nothing is
                    left for the default table */
} playcount_row;

/* One delivery, or one try of the songs that were refused. */
typedef struct {
    playcount_sql *sql;
    playcount_handoff *handoff;
    playcount_statement *statement;
    int apart; /* keep songs aside that fail by themselves; needs savepoints */

    uint64_t retried; /* songs that were refused, tried again */
    uint64_t refused; /* songs kept aside */
    const char *first_refused, *first_reason;
} playcount_adding;

/* One way to add songs: into the default table, or by the user's own statement. */
typedef struct {
    /* 1 when all are added; otherwise 0, and sql->why says why. */
    int (*add)(playcount_adding *adding, playcount_row *rows, apr_size_t n,
               apr_pool_t *p);
    apr_size_t most; /* rows at a time */
} playcount_target;

/* table.c, statement.c */
extern const playcount_target playcount_target_table;
extern const playcount_target playcount_target_statement;

/* apart.c: add these (at most target->most), and keep aside those that fail by
 * themselves if so wanted. 1 when every one is added or aside. `works` is 0 before
 * the first row of a transaction, and kept for the next call. */
int playcount_apart_add(playcount_adding *adding, const playcount_target *target,
                        int *works, playcount_row *rows, apr_size_t n,
                        apr_pool_t *p);

/* rows.c: add every song of the batch; or these, which get sorted. 1 when every one
 * is added or aside. */
int playcount_rows_add_batch(playcount_adding *adding,
                             const playcount_batch *batch);
int playcount_rows_add(playcount_adding *adding, playcount_row *rows, apr_size_t n,
                       apr_pool_t *p);

/* --- refused.c: the table playcount_refused --- */

/* Keep the plays of a song aside. In a transaction. 1 when it was done. */
int playcount_refused_keep(playcount_adding *adding, const playcount_row *row,
                           const char *reason, apr_pool_t *p);

/* Add the songs that an operator has marked, and take them out of the table. In a
 * transaction. 1 when it was done. */
int playcount_refused_retry(playcount_adding *adding);

/* Tell the zone how many songs the table has. Outside of a transaction. */
void playcount_refused_count(playcount_sql *sql, const playcount_handoff *h);

#endif

/* Sums that stay sums: SQLite, with a statement of the user's own.
 *
 * Where the sum of two integers is larger than the highest one, SQLite goes on with
 * a floating-point number, without a word; single plays do not change it any more.
 * Other databases refuse the statement, and the song is kept aside. Here the sum
 * stops at the highest number, as it does in the zone and in the default table.
 *
 * This is done by triggers of the connection alone (CREATE TEMP TRIGGER), which
 * leave nothing in the database's file. Which table they belong to says SQLite
 * itself: its program for the statement (EXPLAIN) opens for writing the page at
 * which the table begins. They look at columns that are declared as integers.
 */
#include "handoff/dbd.h"

#include "apr_lib.h"
#include "apr_strings.h"

#define PREFIX "playcount_sum_"
#define HIGHEST "9223372036854775807"
#define MOST 16 /* tables that one statement writes to */

#define DOING "looking for sums that are too large"

static apr_dbd_results_t *rows_of(playcount_sql *sql, const char *query)
{
    apr_dbd_results_t *results = NULL;

    if (apr_dbd_select(sql->dbd->driver, sql->pool, sql->dbd->handle, &results,
                       query, 1) != 0) {
        playcount_sql_failed(sql, DOING);
        return NULL;
    }
    return results;
}

static int next_row(playcount_sql *sql, apr_dbd_results_t *results,
                    apr_dbd_row_t **row)
{
    return results &&
           apr_dbd_get_row(sql->dbd->driver, sql->pool, results, row, -1) == 0;
}

static const char *entry(playcount_sql *sql, apr_dbd_row_t *row, int column)
{
    const char *text = apr_dbd_get_entry(sql->dbd->driver, row, column);

    return text ? text : "";
}

static const char *as_name(playcount_sql *sql, const char *name)
{
    char *quoted = apr_palloc(sql->pool, 2 * strlen(name) + 3), *to = quoted;

    *to++ = '"';
    for (; *name; name++) {
        if (*name == '"') {
            *to++ = '"';
        }
        *to++ = *name;
    }
    *to++ = '"';
    *to = '\0';
    return quoted;
}

/* The statement with numbers in the places of its parameters. */
static const char *as_query(playcount_sql *sql, const char *query)
{
    char *text = apr_palloc(sql->pool, strlen(query) + 1), *to = text;

    while (*query) {
        if (*query == '%' && query[1] == '%') {
            query++;
        }
        else if (*query == '%' && apr_isalpha(query[1])) {
            query += query[1] == 'l' ? 2 : 1;
            query += *query == 'l';
            query += *query != '\0';
            *to++ = '0';
            continue;
        }
        *to++ = *query++;
    }
    *to = '\0';
    return text;
}

/* The tables of the main database that it writes to. */
static int find_tables(playcount_sql *sql, const char *query, const char **tables)
{
    apr_dbd_results_t *program = rows_of(
        sql, apr_pstrcat(sql->pool, "EXPLAIN ", as_query(sql, query), NULL));
    apr_dbd_row_t *row = NULL, *found = NULL;
    int n = 0;

    while (n < MOST && next_row(sql, program, &row)) {
        apr_dbd_results_t *names;

        /* opcode, p2: the page, p3: 0 is main */
        if (strcmp(entry(sql, row, 1), "OpenWrite") ||
            strcmp(entry(sql, row, 4), "0")) {
            continue;
        }
        names = rows_of(
            sql, apr_psprintf(sql->pool,
                              "SELECT name FROM main.sqlite_master WHERE "
                              "type = 'table' AND rootpage = %" APR_INT64_T_FMT,
                              apr_atoi64(entry(sql, row, 3))));
        found = NULL;
        if (next_row(sql, names, &found)) {
            tables[n++] = apr_pstrdup(sql->pool, entry(sql, found, 0));
        }
    }
    return n;
}

/* "x" IS NEW."x" AND ...: the row that has just been written. */
static const char *this_row(playcount_sql *sql, const char *table)
{
    apr_dbd_results_t *columns =
        rows_of(sql, apr_pstrcat(sql->pool, "SELECT name FROM pragma_table_info('",
                                 playcount_sql_escape(sql, sql->pool, table),
                                 "') WHERE pk", NULL));
    apr_dbd_row_t *row = NULL;
    const char *condition = NULL;

    while (next_row(sql, columns, &row)) {
        const char *name = as_name(sql, entry(sql, row, 0));

        condition =
            apr_pstrcat(sql->pool, condition ? condition : "",
                        condition ? " AND " : "", name, " IS NEW.", name, NULL);
    }
    return condition ? condition : "rowid = NEW.rowid";
}

static int make(playcount_sql *sql, const char *table, const char *column,
                const char *row, int number)
{
    const char *t = as_name(sql, table), *c = as_name(sql, column);
    const char *when = apr_pstrcat(sql->pool, "typeof(NEW.", c,
                                   ") = 'real' AND NEW.", c, " >= " HIGHEST, NULL);
    const char *then = apr_pstrcat(sql->pool, "BEGIN UPDATE ", t, " SET ", c,
                                   " = " HIGHEST " WHERE ", row, "; END", NULL);
    int changed;

    return playcount_sql_query(
        sql,
        apr_psprintf(sql->pool,
                     "CREATE TEMP TRIGGER " PREFIX "%d_update AFTER UPDATE OF %s "
                     "ON main.%s WHEN typeof(OLD.%s) = 'integer' AND %s %s; "
                     "CREATE TEMP TRIGGER " PREFIX "%d_insert AFTER INSERT "
                     "ON main.%s WHEN %s %s",
                     number, c, t, c, when, then, number, t, when, then),
        &changed, DOING);
}

static int guard(playcount_sql *sql, const char *table, int *number)
{
    apr_dbd_results_t *columns =
        rows_of(sql, apr_pstrcat(sql->pool, "SELECT name FROM pragma_table_info('",
                                 playcount_sql_escape(sql, sql->pool, table),
                                 "') WHERE type LIKE '%INT%' AND NOT pk", NULL));
    const char *this = this_row(sql, table);
    apr_dbd_row_t *row = NULL;
    int ok = columns != NULL;

    while (ok && next_row(sql, columns, &row)) {
        ok = make(sql, table, apr_pstrdup(sql->pool, entry(sql, row, 0)), this,
                  ++*number);
    }
    return ok;
}

/* Those of before: the table may be another one now. */
static int drop(playcount_sql *sql)
{
    apr_dbd_results_t *names =
        rows_of(sql, "SELECT name FROM sqlite_temp_master WHERE type = 'trigger' "
                     "AND name LIKE '" PREFIX "%'");
    apr_dbd_row_t *row = NULL;
    const char *all = NULL;
    int changed;

    while (next_row(sql, names, &row)) {
        all = apr_pstrcat(sql->pool, all ? all : "", all ? "; " : "",
                          "DROP TRIGGER temp.", as_name(sql, entry(sql, row, 0)),
                          NULL);
    }
    return names && (!all || playcount_sql_query(sql, all, &changed, DOING));
}

int playcount_sums_guard(playcount_sql *sql, const char *query)
{
    const char *tables[MOST];
    int n, number = 0, ok = 1;

    if (!drop(sql)) {
        return 0;
    }
    n = find_tables(sql, query, tables);
    /* What is wrong with the statement is said when it is prepared. */
    playcount_sql_take_why(sql);
    for (int i = 0; ok && i < n; i++) {
        ok = guard(sql, tables[i], &number);
    }
    return ok;
}

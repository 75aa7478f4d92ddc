/* The user's own statement: the text of a DBDPrepareSQL, each song one execution.
 *
 * mod_dbd would prepare it when it connects, with the types that the %s and %lld of
 * the text name. With PostgreSQL a text parameter does not compare with an integer
 * key, so the connection itself would fail. Therefore the text is taken out of
 * mod_dbd's hands and prepared here; if the database does not take it with these
 * types, it is left to find them out by itself.
 *
 * A prepared statement can be gone while the connection seems to be the same one:
 * the driver for pgsql reconnects by itself, without the statements. And SQLite's
 * are good only for the tables that existed when they were prepared. So after a
 * failure it is prepared again.
 */
#include "handoff/dbd.h"

#include "apr_lib.h"
#include "apr_optional.h"
#include "apr_strings.h"
#include "http_log.h"
#include "http_main.h"

#include "server/text.h"

#define MOST 64 /* songs between two savepoints */

/* PostgreSQL takes labels for names in SQL and folds them to lower case, but not
 * where it is asked to execute them; and a name has no '-' and '.'. */
const char *playcount_statement_check_label(const char *label)
{
    apr_size_t n = strspn(label, "abcdefghijklmnopqrstuvwxyz0123456789_");

    return n >= 1 && n <= 63 && !label[n] && !apr_isdigit(*label)
               ? NULL
               : "is not a label that every database takes; use that of a "
                 "DBDPrepareSQL, of small letters, digits and '_', with no digit "
                 "first";
}

/* --- taking it over --- */

/* The text that the last DBDPrepareSQL of these gives the label; NULL if none does.
 * An empty one takes back an inherited one. */
static const char *find_text(const ap_directive_t *d, const char *label,
                             apr_pool_t *p)
{
    const char *found = NULL;

    for (; d; d = d->next) {
        const char *args = d->args;

        if (!ap_cstr_casecmp(d->directive, "DBDPrepareSQL")) {
            const char *text = ap_getword_conf(p, &args);
            const char *name = *args ? ap_getword_conf(p, &args) : NULL;

            if (!strcmp(name ? name : text, label)) {
                found = name ? text : "";
            }
        }
    }
    return found;
}

void playcount_statement_take(playcount_statement *statement, server_rec *s,
                              const ap_directive_t *where)
{
    APR_OPTIONAL_FN_TYPE(ap_dbd_prepare) *prepare =
        APR_RETRIEVE_OPTIONAL_FN(ap_dbd_prepare);
    apr_pool_t *p = s->process->pconf;
    const char *text =
        where->parent ? find_text(where->parent->first_child, statement->label, p)
                      : NULL;

    if (!text) {
        text = find_text(ap_conftree, statement->label, p);
    }
    if (!text || !*text) {
        return;
    }
    statement->query = text;
    /* mod_dbd skips empty ones. Servers that share a connection share these, too.
     */
    for (server_rec *each = ap_server_conf; each; each = each->next) {
        prepare(each, "", statement->label);
    }
}

/* --- preparing --- */

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

/* Without a label, nothing is sent before the execution. */
static int prepare_as(playcount_sql *sql, playcount_statement *s, const char *label,
                      apr_pool_t *p)
{
    apr_dbd_prepared_t *prepared = NULL;

    if (apr_dbd_prepare(sql->dbd->driver, p, sql->dbd->handle, s->query, label,
                        &prepared) != 0) {
        playcount_sql_failed(sql, "preparing the statement");
        return 0;
    }
    s->prepared = prepared;
    return 1;
}

int playcount_statement_prepare(playcount_sql *sql, playcount_statement *s)
{
    if (!prepare_as(sql, s, s->label, sql->dbd->pool)) {
        return 0;
    }
    apr_hash_set(sql->dbd->prepared, s->label, APR_HASH_KEY_STRING, s->prepared);
    return 1;
}

static int prepare_postgresql(playcount_sql *sql, playcount_statement *s)
{
    int rows;

    if (s->may_be_stale) {
        /* If there is none of this name, that is just as good. */
        apr_dbd_query(sql->dbd->driver, sql->dbd->handle, &rows,
                      apr_psprintf(sql->pool, "DEALLOCATE %s", s->label));
        s->is_inferred = 0;
        s->prepared = NULL;
    }
    if (!s->is_inferred && (s->prepared || playcount_statement_prepare(sql, s))) {
        return 1;
    }
    playcount_sql_take_why(sql);
    s->is_inferred = 1;
    return prepare_as(sql, s, NULL, sql->pool);
}

int playcount_statement_find(playcount_sql *sql, playcount_statement *s)
{
    if (!s->label) {
        return 1;
    }
    if (!s->query) {
        sql->why = apr_psprintf(sql->pool,
                                "there is no DBDPrepareSQL with the label %s here",
                                s->label);
        return 0;
    }
    if (count_parameters(s->query) != 2) {
        sql->why =
            apr_psprintf(sql->pool,
                         "the statement %s must have two parameters, the plays "
                         "and then the song",
                         s->label);
        return 0;
    }
    s->prepared = apr_hash_get(sql->dbd->prepared, s->label, APR_HASH_KEY_STRING);
    if (playcount_sql_is(sql, "pgsql")) {
        return prepare_postgresql(sql, s);
    }
    if (playcount_sql_is(sql, "sqlite3")) {
        /* It is prepared in the transaction, when the tables stay. */
        return (s->prepared && !s->may_be_stale) ||
               playcount_sums_guard(sql, s->query);
    }
    return s->prepared || playcount_statement_prepare(sql, s);
}

/* --- executing --- */

static int execute(playcount_adding *adding, playcount_row *row, apr_pool_t *p)
{
    playcount_sql *sql = adding->sql;
    char plays[PLAYCOUNT_DIGITS_MAX + 1];
    const char *id = apr_pstrmemdup(p, row->id, row->length);
    const char *values[] = {plays, id};
    int changed = 0;

    plays[playcount_digits(plays, row->plays)] = '\0';
    if (apr_dbd_pquery(sql->dbd->driver, p, sql->dbd->handle, &changed,
                       adding->statement->prepared, 2, values) != 0) {
        playcount_sql_failed(sql, apr_psprintf(sql->pool,
                                               "the statement for the song \"%s\"",
                                               ap_escape_logitem(sql->pool, id)));
        return 0;
    }
    row->is_done = changed > 0;
    return 1;
}

static int add(playcount_adding *adding, playcount_row *rows, apr_size_t n,
               apr_pool_t *p)
{
    int ok = 1;

    for (apr_size_t i = 0; ok && i < n; i++) {
        ok = execute(adding, &rows[i], p);
    }
    return ok;
}

const playcount_target playcount_target_statement = {add, MOST};

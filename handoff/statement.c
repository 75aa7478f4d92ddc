/* The user's own statement: a DBDPrepareSQL that mod_dbd prepares when it connects.
 *
 * A prepared statement can be gone while the connection seems to be the same one:
 * the driver for pgsql reconnects by itself, without the statements. And SQLite's
 * are good for the tables that there were when they were prepared, and no others.
 * So after a failure it is prepared again; for that its text is kept.
 */
#include "handoff/dbd.h"

#include "apr_lib.h"
#include "apr_optional_hooks.h"
#include "apr_strings.h"

#define QUERIES_KEY "mod_playcount queries"

/* mod_dbd has connected: keep the texts of its statements at hand. */
static apr_status_t connected(apr_pool_t *pool, dbd_cfg_t *cfg, ap_dbd_t *dbd)
{
    apr_pool_userdata_setn(cfg->queries, QUERIES_KEY, NULL, dbd->pool);
    return APR_SUCCESS;
}

void playcount_statement_register_hooks(void)
{
    APR_OPTIONAL_HOOK(dbd, post_connect, connected, NULL, NULL, APR_HOOK_MIDDLE);
}

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

int playcount_statement_prepare(playcount_sql *sql, playcount_statement *s)
{
    if (apr_dbd_prepare(sql->dbd->driver, sql->dbd->pool, sql->dbd->handle,
                        s->query, s->label, &s->prepared) != 0) {
        playcount_sql_failed(sql, "preparing the statement");
        return 0;
    }
    apr_hash_set(sql->dbd->prepared, s->label, APR_HASH_KEY_STRING, s->prepared);
    return 1;
}

static int find_query(playcount_sql *sql, playcount_statement *s)
{
    void *queries = NULL;

    apr_pool_userdata_get(&queries, QUERIES_KEY, sql->dbd->pool);
    s->query =
        queries ? apr_hash_get(queries, s->label, APR_HASH_KEY_STRING) : NULL;
    if (!s->query) {
        sql->why = apr_psprintf(sql->pool,
                                "there is no DBDPrepareSQL with the label %s here",
                                s->label);
    }
    else if (count_parameters(s->query) != 2) {
        sql->why =
            apr_psprintf(sql->pool,
                         "the statement %s must have two parameters, the plays "
                         "and then the song",
                         s->label);
    }
    return !sql->why;
}

int playcount_statement_find(playcount_sql *sql, playcount_statement *s)
{
    int rows;

    if (!s->label) {
        return 1;
    }
    if (!find_query(sql, s)) {
        return 0;
    }
    if (s->may_be_stale && playcount_sql_is(sql, "pgsql")) {
        /* When there is none of this name, that is as good. */
        apr_dbd_query(sql->dbd->driver, sql->dbd->handle, &rows,
                      apr_psprintf(sql->pool, "DEALLOCATE %s", s->label));
        return playcount_statement_prepare(sql, s);
    }
    s->prepared = apr_hash_get(sql->dbd->prepared, s->label, APR_HASH_KEY_STRING);
    if (!s->prepared) {
        sql->why =
            apr_psprintf(sql->pool, "the statement %s is not prepared", s->label);
    }
    return s->prepared != NULL;
}

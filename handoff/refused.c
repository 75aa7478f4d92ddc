/* The songs that a database refused one by one: the table playcount_refused.
 *
 *   node, zone   as in playcount_handoff
 *   song         the id as it stands in a URL: in ASCII, as the reason may be that
 *                the database cannot store its characters
 *   plays        that are not where they belong
 *   reason       what the database said last, in ASCII
 *   retry        0; an operator sets it to 1 to have the song tried again
 *
 * The plays are added to a row in the transaction that writes the batch's number,
 * and a row is deleted in the transaction that adds its plays to where they belong.
 * So each play is in one of the two places, once.
 */
#include "handoff/dbd.h"

#include "apr_lib.h"
#include "apr_strings.h"

#include "server/text.h"

#define AT_ONCE 1000 /* songs tried again in a transaction */

#define DOING "writing to the table playcount_refused"

static const char *as_url(playcount_sql *sql, const playcount_row *row,
                          apr_pool_t *p)
{
    char *text = apr_palloc(p, PLAYCOUNT_ESCAPED_MAX + 1);

    text[playcount_url_escape_id(text, row->id, row->length)] = '\0';
    return playcount_sql_escape(sql, p, text);
}

static const char *as_ascii(playcount_sql *sql, const char *reason, apr_pool_t *p)
{
    char *text = apr_pstrndup(p, reason, 500);

    for (char *at = text; *at; at++) {
        if (!apr_isascii(*at) || apr_iscntrl(*at) || *at == '\\') {
            *at = '?';
        }
    }
    return playcount_sql_escape(sql, p, text);
}

int playcount_refused_keep(playcount_adding *adding, const playcount_row *row,
                           const char *reason, apr_pool_t *p)
{
    playcount_sql *sql = adding->sql;
    const playcount_handoff *h = adding->handoff;
    const char *song = as_url(sql, row, p), *text = as_ascii(sql, reason, p);
    int changed = 0;

    if (!playcount_sql_query(
            sql,
            apr_psprintf(p,
                         "UPDATE playcount_refused SET plays = CASE WHEN plays > "
                         "9223372036854775807 - %" APR_UINT64_T_FMT
                         " THEN 9223372036854775807 ELSE plays + %" APR_UINT64_T_FMT
                         " END, reason = '%s', retry = 0 WHERE %s AND song = '%s'",
                         row->plays, row->plays, text, playcount_fence_row(sql, h),
                         song),
            &changed, DOING)) {
        return 0;
    }
    return changed ||
           playcount_sql_query(
               sql,
               apr_psprintf(
                   p,
                   "INSERT INTO playcount_refused (node, zone, song, plays, "
                   "reason, retry) VALUES ('%s', '%016" APR_UINT64_T_HEX_FMT
                   "', '%s', %" APR_UINT64_T_FMT ", '%s', 0)",
                   h->node, playcount_zone_identity(h->zone->zone), song,
                   row->plays, text),
               &changed, DOING);
}

/* --- trying again --- */

/* The song of a row, out of the table. 0 when another process was faster. */
static int take_out(playcount_adding *adding, const char *song, const char *plays,
                    apr_pool_t *p)
{
    playcount_sql *sql = adding->sql;
    int changed = 0;

    return playcount_sql_query(
               sql,
               apr_psprintf(
                   p,
                   "DELETE FROM playcount_refused WHERE %s AND song = '%s' "
                   "AND plays = %s AND retry <> 0",
                   playcount_fence_row(sql, adding->handoff),
                   playcount_sql_escape(sql, p, song), plays),
               &changed, DOING) &&
           changed == 1;
}

/* What an operator may have written there is checked like a request. */
static int read_row(playcount_row *row, const char *song, const char *plays,
                    apr_pool_t *p)
{
    char *id = apr_palloc(p, PLAYCOUNT_ID_MAX);
    apr_ssize_t length =
        playcount_percent_decode(id, PLAYCOUNT_ID_MAX, song, strlen(song), 0);

    if (length < 0 || playcount_id_error(id, (apr_size_t)length)) {
        return 0;
    }
    *row = (playcount_row){
        id, (apr_size_t)length,
        playcount_read_number(plays, strlen(plays), PLAYCOUNT_MAX), 0};
    return row->plays > 0;
}

static apr_dbd_results_t *select_marked(playcount_adding *adding)
{
    playcount_sql *sql = adding->sql;
    apr_dbd_results_t *results = NULL;

    if (apr_dbd_select(
            sql->dbd->driver, sql->pool, sql->dbd->handle, &results,
            apr_psprintf(sql->pool,
                         "SELECT song, plays FROM playcount_refused WHERE "
                         "%s AND retry <> 0 LIMIT %d",
                         playcount_fence_row(sql, adding->handoff), AT_ONCE),
            1) != 0) {
        playcount_sql_failed(sql, "reading the table playcount_refused");
        return NULL;
    }
    return results;
}

int playcount_refused_retry(playcount_adding *adding)
{
    playcount_sql *sql = adding->sql;
    apr_dbd_results_t *results = select_marked(adding);
    apr_dbd_row_t *at = NULL;
    playcount_row *rows = apr_palloc(sql->pool, AT_ONCE * sizeof(*rows));
    apr_size_t n = 0;

    if (!results) {
        return 0;
    }
    for (int number = 1; playcount_sql_row(sql, results, &at, number); number++) {
        const char *song = apr_dbd_get_entry(sql->dbd->driver, at, 0);
        const char *plays = apr_dbd_get_entry(sql->dbd->driver, at, 1);

        if (song && plays && read_row(&rows[n], song, plays, sql->pool) &&
            take_out(adding, song, plays, sql->pool)) {
            n++;
        }
        if (sql->why) {
            return 0;
        }
    }
    if (!playcount_rows_add(adding, rows, n, sql->pool)) {
        return 0;
    }
    adding->retried = n;
    return 1;
}

void playcount_refused_count(playcount_sql *sql, const playcount_handoff *h)
{
    const char *row = playcount_fence_row(sql, h);
    apr_int64_t songs = playcount_sql_read_number(
        sql,
        apr_pstrcat(sql->pool, "SELECT count(*) FROM playcount_refused WHERE ", row,
                    NULL),
        "counting the songs that were refused");
    apr_int64_t plays = playcount_sql_read_number(
        sql,
        apr_pstrcat(sql->pool, "SELECT sum(plays) FROM playcount_refused WHERE ",
                    row, NULL),
        "adding up the plays that were refused");

    playcount_sql_take_why(sql);
    if (songs >= 0) {
        /* SQLite refuses a sum that is too large. */
        playcount_handoff_refused(h->zone->zone, (uint64_t)songs,
                                  plays >= 0 ? (uint64_t)plays : PLAYCOUNT_MAX);
    }
}

/* The default table, playcount(song, plays): a piece is one statement that reads
 * the songs from a JSON object, where the database can do that. Sums stop at the
 * highest number, as they do in the zone.
 */
#include "handoff/dbd.h"

#include "apr_strings.h"

#include "server/text.h"

#define MOST 4096 /* songs in a statement */

#define DOING "adding to the table playcount"

/* plays + new, at most PLAYCOUNT_MAX */
#define SUM(plays, added)                                                          \
    "CASE WHEN " plays " > 9223372036854775807 - " added                           \
    " THEN 9223372036854775807 ELSE " plays " + " added " END"

static const struct {
    const char *driver, *before, *behind;
} upserts[] = {
    {"sqlite3",
     "INSERT INTO playcount (song, plays) SELECT key, value FROM json_each('",
     "') WHERE true ON CONFLICT (song) DO UPDATE SET "
     "plays = " SUM("plays", "excluded.plays")},
    {"pgsql",
     "INSERT INTO playcount (song, plays) "
     "SELECT key, value::bigint FROM json_each_text('",
     "') ON CONFLICT (song) DO UPDATE SET "
     "plays = " SUM("playcount.plays", "excluded.plays")},
    {NULL, NULL, NULL},
};

/* {"ID":PLAYS,...} */
static const char *as_json(const playcount_row *rows, apr_size_t n, apr_pool_t *p)
{
    apr_size_t room = 3;
    char *json, *to;

    for (apr_size_t i = 0; i < n; i++) {
        room += 6 * rows[i].length + PLAYCOUNT_DIGITS_MAX + 4;
    }
    json = to = apr_palloc(p, room);
    *to++ = '{';
    for (apr_size_t i = 0; i < n; i++) {
        if (i) {
            *to++ = ',';
        }
        *to++ = '"';
        to += playcount_json_escape(to, rows[i].id, rows[i].length);
        *to++ = '"';
        *to++ = ':';
        to += playcount_digits(to, rows[i].plays);
    }
    *to++ = '}';
    *to = '\0';
    return json;
}

/* In words that every database knows. */
static int add_one(playcount_sql *sql, const playcount_row *row, apr_pool_t *p)
{
    const char *id =
        playcount_sql_escape(sql, p, apr_pstrmemdup(p, row->id, row->length));
    const char *plays = apr_psprintf(p, "%" APR_UINT64_T_FMT, row->plays);
    int changed = 0;

    if (!playcount_sql_query(sql,
                             apr_psprintf(p,
                                          "UPDATE playcount SET plays = " SUM(
                                              "plays", "%s") " WHERE song = '%s'",
                                          plays, plays, id),
                             &changed, DOING)) {
        return 0;
    }
    return changed ||
           playcount_sql_query(
               sql,
               apr_psprintf(p,
                            "INSERT INTO playcount (song, plays) VALUES ('%s', %s)",
                            id, plays),
               &changed, DOING);
}

static int add(playcount_adding *adding, playcount_row *rows, apr_size_t n,
               apr_pool_t *p)
{
    playcount_sql *sql = adding->sql;
    int changed, ok = 1;

    for (int i = 0; upserts[i].driver; i++) {
        if (playcount_sql_is(sql, upserts[i].driver)) {
            const char *json = playcount_sql_escape(sql, p, as_json(rows, n, p));

            return playcount_sql_query(
                sql,
                apr_pstrcat(p, upserts[i].before, json, upserts[i].behind, NULL),
                &changed, DOING);
        }
    }
    for (apr_size_t i = 0; ok && i < n; i++) {
        ok = add_one(sql, &rows[i], p);
    }
    return ok;
}

const playcount_target playcount_target_table = {add, MOST};

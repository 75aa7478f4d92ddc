/* The songs of a batch, made into statements.
 *
 * By default the plays go into the table playcount(song, plays). A statement for
 * each song would be a round trip each, and in the order of first plays each would
 * touch another page of the table's index. So the songs are collected into runs of
 * tens of thousands, a run is sorted, and goes in pieces of some thousand songs,
 * each piece one statement that reads them from a JSON object. Several servers that
 * sort alike also meet less often the wrong way round.
 *
 * With a statement of the user's own, each song is a statement. Plays of a song
 * that it finds no row for (an UPDATE of a table that has not got the song) go into
 * the default table: they would be lost otherwise.
 */
#include "handoff/dbd.h"

#include <stdlib.h>

#include "apr_strings.h"

#include "server/text.h"

#define RUN 65536           /* songs sorted at a time */
#define RUN_BYTES (4 << 20) /* bytes of their ids */
#define PIECE 4096          /* songs in a statement */
#define PIECE_BYTES 262144

typedef struct {
    const char *id;
    apr_size_t length;
    uint64_t plays;
} row;

typedef struct {
    playcount_sql *sql;
    apr_pool_t *pool;        /* cleared with each run */
    apr_pool_t *short_lived; /* cleared with each statement */
    row *rows;               /* RUN of them */
    apr_size_t n, bytes;
    char *json;
} run;

static int by_id(const void *a, const void *b)
{
    const row *x = a, *y = b;
    apr_size_t length = x->length < y->length ? x->length : y->length;
    int order = memcmp(x->id, y->id, length);

    return order ? order : (x->length > y->length) - (x->length < y->length);
}

/* --- the default table --- */

static const struct {
    const char *driver, *before, *behind;
} upserts[] = {
    {"sqlite3",
     "INSERT INTO playcount (song, plays) SELECT key, value FROM json_each('",
     "') WHERE true "
     "ON CONFLICT (song) DO UPDATE SET plays = plays + excluded.plays"},
    {"pgsql",
     "INSERT INTO playcount (song, plays) "
     "SELECT key, value::bigint FROM json_each_text('",
     "') ON CONFLICT (song) DO UPDATE SET plays = playcount.plays + "
     "excluded.plays"},
};

static apr_size_t write_json(run *r, apr_size_t *at)
{
    char *to = r->json;

    *to++ = '{';
    for (apr_size_t n = 0; *at < r->n && n < PIECE && to < r->json + PIECE_BYTES;
         n++, (*at)++) {
        const row *song = &r->rows[*at];

        if (n) {
            *to++ = ',';
        }
        *to++ = '"';
        to += playcount_json_escape(to, song->id, song->length);
        *to++ = '"';
        *to++ = ':';
        to += playcount_digits(to, song->plays);
    }
    *to++ = '}';
    *to = '\0';
    return (apr_size_t)(to - r->json);
}

static int add_pieces(run *r, int how)
{
    playcount_sql *sql = r->sql;
    apr_size_t at = 0;
    int ok = 1, rows;

    while (ok && at < r->n) {
        const char *json;

        write_json(r, &at);
        json = playcount_sql_escape(sql, r->short_lived, r->json);
        ok = playcount_sql_query(sql,
                                 apr_pstrcat(r->short_lived, upserts[how].before,
                                             json, upserts[how].behind, NULL),
                                 &rows, "adding to the table playcount");
        apr_pool_clear(r->short_lived);
    }
    return ok;
}

/* In words that every database knows. */
static int add_one(run *r, const row *song)
{
    playcount_sql *sql = r->sql;
    const char *doing = "adding to the table playcount";
    const char *id = playcount_sql_escape(
        sql, r->short_lived,
        apr_pstrmemdup(r->short_lived, song->id, song->length));
    int rows = 0;

    if (!playcount_sql_query(
            sql,
            apr_psprintf(r->short_lived,
                         "UPDATE playcount SET plays = plays + %" APR_UINT64_T_FMT
                         " WHERE song = '%s'",
                         song->plays, id),
            &rows, doing)) {
        return 0;
    }
    return rows ||
           playcount_sql_query(
               sql,
               apr_psprintf(r->short_lived,
                            "INSERT INTO playcount (song, plays) VALUES ('%s', "
                            "%" APR_UINT64_T_FMT ")",
                            id, song->plays),
               &rows, doing);
}

static int flush(run *r)
{
    int ok = 1;
    int how = -1;

    for (int i = 0; i < (int)(sizeof(upserts) / sizeof(upserts[0])); i++) {
        if (playcount_sql_is(r->sql, upserts[i].driver)) {
            how = i;
        }
    }
    qsort(r->rows, r->n, sizeof(*r->rows), by_id);
    if (how >= 0) {
        ok = add_pieces(r, how);
    }
    for (apr_size_t i = 0; how < 0 && ok && i < r->n; i++) {
        ok = add_one(r, &r->rows[i]);
        apr_pool_clear(r->short_lived);
    }
    r->n = r->bytes = 0;
    apr_pool_clear(r->pool);
    return ok;
}

static int collect(run *r, const playcount_song *song)
{
    r->rows[r->n++] = (row){apr_pmemdup(r->pool, song->id, song->length),
                            song->length, song->count};
    r->bytes += song->length;
    return (r->n < RUN && r->bytes < RUN_BYTES) || flush(r);
}

/* --- the user's own statement --- */

static int execute(run *r, apr_dbd_prepared_t *statement,
                   const playcount_song *song)
{
    playcount_sql *sql = r->sql;
    char plays[PLAYCOUNT_DIGITS_MAX + 1];
    char id[PLAYCOUNT_ID_MAX + 1];
    const char *values[] = {plays, id};
    int rows = 0;

    plays[playcount_digits(plays, song->count)] = '\0';
    memcpy(id, song->id, song->length);
    id[song->length] = '\0';
    if (apr_dbd_pquery(sql->dbd->driver, r->short_lived, sql->dbd->handle, &rows,
                       statement, 2, values) != 0) {
        playcount_sql_failed(sql, apr_psprintf(sql->pool,
                                               "the statement for the song \"%s\"",
                                               ap_escape_logitem(sql->pool, id)));
        return 0;
    }
    apr_pool_clear(r->short_lived);
    return rows ? 1 : collect(r, song);
}

int playcount_rows_add(playcount_sql *sql, const playcount_statement *statement,
                       playcount_zone *zone, const playcount_batch *batch)
{
    run r = {.sql = sql};
    playcount_batch_cursor cursor;
    playcount_song song;
    int ok = 1, more = 0;

    apr_pool_create(&r.pool, sql->pool);
    apr_pool_create(&r.short_lived, sql->pool);
    r.rows = apr_palloc(sql->pool, RUN * sizeof(*r.rows));
    r.json = apr_palloc(sql->pool, PIECE_BYTES + PLAYCOUNT_ESCAPED_MAX + 64);
    playcount_batch_begin(zone, batch, &cursor);
    while (ok && (more = playcount_batch_next(zone, &cursor, &song)) > 0) {
        ok = statement->label ? execute(&r, statement->prepared, &song)
                              : collect(&r, &song);
    }
    if (ok && more < 0) {
        sql->why = "it was acknowledged by another process meanwhile";
        return 0;
    }
    return ok && (!r.n || flush(&r));
}

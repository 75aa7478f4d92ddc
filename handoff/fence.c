/* Which batch is in: the table playcount_handoff keeps, for the node and the zone,
 * the number of the last batch, in the transaction that adds its songs. The number
 * tells whether a batch is in (playcount_batch_verdict()), no matter what was
 * killed or cut off, and when.
 *
 * It is replaced before any song is added, by an UPDATE that names the number that
 * was read: of two processes that deliver the same batch at once, the second waits
 * for the first and then changes no row, or is refused.
 *
 * The row is known by the zone's identity, a random number in its file, and not by
 * the host: a server that comes up under another name, in a container say, must
 * not add twice what was committed under the old one. Two servers on copies of one
 * file are told apart by node=, and found out if they are not.
 */
#include "handoff/dbd.h"

#include "apr_strings.h"
#include "http_log.h"

APLOG_USE_MODULE(playcount);

static const char making[] =
    "CREATE TABLE IF NOT EXISTS playcount_handoff (node TEXT NOT NULL, "
    "zone TEXT NOT NULL, batch INTEGER NOT NULL, PRIMARY KEY (node, zone)) "
    "WITHOUT ROWID; "
    "CREATE TABLE IF NOT EXISTS playcount (song TEXT NOT NULL PRIMARY KEY, "
    "plays INTEGER NOT NULL) WITHOUT ROWID; "
    "CREATE TABLE IF NOT EXISTS playcount_refused (node TEXT NOT NULL, "
    "zone TEXT NOT NULL, song TEXT NOT NULL, plays INTEGER NOT NULL, reason TEXT, "
    "retry INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (node, zone, song)) "
    "WITHOUT ROWID";

/* Not in the transaction of a batch: where tables are made, rolling back to a
 * savepoint makes prepared statements void. */
int playcount_fence_make_tables(playcount_sql *sql)
{
    apr_int64_t there;
    int rows;

    if (!playcount_sql_is(sql, "sqlite3")) {
        return 1;
    }
    there = playcount_sql_read_number(
        sql,
        "SELECT count(*) FROM sqlite_master WHERE name IN "
        "('playcount', 'playcount_handoff', 'playcount_refused')",
        "looking for the tables");
    if (there < 0 || there == 3) {
        return there == 3;
    }
    if (playcount_sql_begin(sql) &&
        playcount_sql_query(sql, making, &rows, "making the tables") &&
        playcount_sql_commit(sql)) {
        return 1;
    }
    playcount_sql_roll_back(sql);
    return 0;
}

const char *playcount_fence_row(playcount_sql *sql, const playcount_handoff *h)
{
    return apr_psprintf(sql->pool,
                        "node = '%s' AND zone = '%016" APR_UINT64_T_HEX_FMT "'",
                        h->node, playcount_zone_identity(h->zone->zone));
}

/* The last number, 0 when there is none; -1 when it cannot be read. */
static apr_int64_t read_last(playcount_sql *sql, const char *row)
{
    return playcount_sql_read_number(
        sql,
        apr_pstrcat(sql->pool, "SELECT batch FROM playcount_handoff WHERE ", row,
                    NULL),
        "reading the table playcount_handoff");
}

static int write_last(playcount_sql *sql, const playcount_handoff *h,
                      const char *row, apr_int64_t last, uint64_t number)
{
    int rows = 0;
    const char *query;

    if (last) {
        query =
            apr_psprintf(sql->pool,
                         "UPDATE playcount_handoff SET batch = %" APR_UINT64_T_FMT
                         " WHERE %s AND batch = %" APR_INT64_T_FMT,
                         number, row, last);
    }
    else {
        query = apr_psprintf(
            sql->pool,
            "INSERT INTO playcount_handoff (node, zone, batch) "
            "VALUES ('%s', '%016" APR_UINT64_T_HEX_FMT "', %" APR_UINT64_T_FMT ")",
            h->node, playcount_zone_identity(h->zone->zone), number);
    }
    if (!playcount_sql_query(sql, query, &rows,
                             "writing to the table playcount_handoff")) {
        return 0;
    }
    if (rows != 1) {
        sql->why = "another process delivers it at this moment";
    }
    return rows == 1;
}

static playcount_fence_e refuse_foreign(playcount_sql *sql, const char *row,
                                        apr_int64_t last)
{
    sql->why = apr_psprintf(
        sql->pool,
        "the table playcount_handoff has a number for %s, %" APR_INT64_T_FMT
        ", that this server did not give. If another server runs on a copy of "
        "this zone's file, give each a node= of its own",
        row, last);
    return PLAYCOUNT_FENCE_FAILED;
}

static void warn_of_lost(const playcount_handoff *h, const playcount_batch *batch,
                         apr_int64_t last)
{
    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, h->server,
                 "PlaycountHandoff (%s): the database has the batches of zone %s "
                 "up to %" APR_INT64_T_FMT " only, but those up to "
                 "%" APR_UINT64_T_FMT " were acknowledged; if it is an older "
                 "copy of itself, the plays between are not in it",
                 h->where, h->zone_name, last, batch->previous);
}

playcount_fence_e playcount_fence_pass(playcount_sql *sql,
                                       const playcount_handoff *h,
                                       const playcount_batch *batch)
{
    const char *row = playcount_fence_row(sql, h);
    apr_int64_t last = read_last(sql, row);
    playcount_batch_verdict_e verdict;

    if (last < 0) {
        return PLAYCOUNT_FENCE_FAILED;
    }
    verdict = playcount_batch_verdict(batch, (uint64_t)last);
    if (verdict == PLAYCOUNT_BATCH_IS_IN) {
        return PLAYCOUNT_FENCE_IS_IN;
    }
    if (verdict == PLAYCOUNT_BATCH_FOREIGN) {
        return refuse_foreign(sql, row, last);
    }
    if (last && (uint64_t)last < batch->previous) {
        warn_of_lost(h, batch, last);
    }
    if (!write_last(sql, h, row, last, batch->number)) {
        return PLAYCOUNT_FENCE_FAILED;
    }
    return verdict == PLAYCOUNT_BATCH_SKIP ? PLAYCOUNT_FENCE_SKIP
                                           : PLAYCOUNT_FENCE_ADD;
}

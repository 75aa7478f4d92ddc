/* The songs of a batch, sorted and in pieces.
 *
 * A statement for each song would be a round trip each, and in the order of first
 * plays each would touch another page of the table's index. So the songs are
 * collected into runs of tens of thousands, a run is sorted, and goes in pieces.
 * Several servers that sort alike also deadlock less often.
 *
 * With a statement of the user's own, each song is a statement. Plays of a song
 * that it finds no row for (an UPDATE of a table that does not have the song) go
 * into the default table: they would be lost otherwise.
 */
#include "handoff/dbd.h"

#include <stdlib.h>

#include "apr_strings.h"

#define RUN 65536             /* songs sorted at a time */
#define RUN_BYTES (4 << 20)   /* bytes of their ids */
#define PIECE_BYTES (1 << 17) /* bytes of the ids of a piece */

static int by_id(const void *a, const void *b)
{
    const playcount_row *x = a, *y = b;
    apr_size_t length = x->length < y->length ? x->length : y->length;
    int order = memcmp(x->id, y->id, length);

    return order ? order : (x->length > y->length) - (x->length < y->length);
}

static apr_size_t piece(const playcount_row *rows, apr_size_t n, apr_size_t most)
{
    apr_size_t taken = 0;

    for (apr_size_t bytes = 0; taken < n && taken < most && bytes < PIECE_BYTES;) {
        bytes += rows[taken++].length;
    }
    return taken;
}

static int add_pieces(playcount_adding *adding, const playcount_target *target,
                      playcount_row *rows, apr_size_t n, apr_pool_t *pool)
{
    apr_pool_t *p;
    int ok = 1, works = 0;

    apr_pool_create(&p, pool);
    for (apr_size_t at = 0, taken; ok && at < n; at += taken) {
        taken = piece(rows + at, n - at, target->most);
        ok = playcount_apart_add(adding, target, &works, rows + at, taken, p);
        apr_pool_clear(p);
    }
    apr_pool_destroy(p);
    return ok;
}

/* Move what is left for the default table to the front. Returns how many. */
static apr_size_t left(playcount_row *rows, apr_size_t n)
{
    apr_size_t kept = 0;

    for (apr_size_t i = 0; i < n; i++) {
        if (!rows[i].is_done) {
            rows[kept++] = rows[i];
        }
    }
    return kept;
}

int playcount_rows_add(playcount_adding *adding, playcount_row *rows, apr_size_t n,
                       apr_pool_t *p)
{
    qsort(rows, n, sizeof(*rows), by_id);
    if (adding->statement->label) {
        if (!add_pieces(adding, &playcount_target_statement, rows, n, p)) {
            return 0;
        }
        n = left(rows, n);
    }
    return add_pieces(adding, &playcount_target_table, rows, n, p);
}

/* The next run of the batch, into rows. Returns how many, *more as
 * playcount_batch_next(). */
static apr_size_t collect(playcount_zone *zone, playcount_batch_cursor *cursor,
                          playcount_row *rows, int *more, apr_pool_t *p)
{
    playcount_song song;
    apr_size_t n = 0;

    for (apr_size_t bytes = 0; n < RUN && bytes < RUN_BYTES; bytes += song.length) {
        *more = playcount_batch_next(zone, cursor, &song);
        if (*more <= 0) {
            break;
        }
        rows[n++] = (playcount_row){apr_pmemdup(p, song.id, song.length),
                                    song.length, song.count, 0};
    }
    return n;
}

int playcount_rows_add_batch(playcount_adding *adding, const playcount_batch *batch)
{
    playcount_zone *zone = adding->handoff->zone->zone;
    playcount_row *rows = apr_palloc(adding->sql->pool, RUN * sizeof(*rows));
    playcount_batch_cursor cursor;
    apr_pool_t *p;
    int ok = 1, more = 1;

    apr_pool_create(&p, adding->sql->pool);
    playcount_batch_begin(zone, batch, &cursor);
    while (ok && more > 0) {
        apr_size_t n = collect(zone, &cursor, rows, &more, p);

        ok = playcount_rows_add(adding, rows, n, p);
        apr_pool_clear(p);
    }
    if (ok && more < 0) {
        adding->sql->why = "it was acknowledged by another process meanwhile";
    }
    return ok && more == 0;
}

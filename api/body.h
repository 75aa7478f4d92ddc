/* Reading the body of POST /songs into a batch.
 *
 *   body.c       the entries put together, each song once
 *   body_text.c  1=3,5=2 or a line for each; 1=3&5=2
 *   body_json.c  {"1":3,"5":2}
 *
 * Both readers go through the body once and refuse what cannot be a batch where
 * they meet it. What they allocate depends on how many entries the body can have
 * and is bounded by PLAYCOUNT_BATCH_MAX of them, about 5 MB, whatever the body
 * holds. They know nothing of requests.
 */
#ifndef PLAYCOUNT_API_BODY_H
#define PLAYCOUNT_API_BODY_H

#include "apr_pools.h"

#include "shm/zone/zone.h"

typedef struct {
    playcount_play *plays; /* what is added: each song once */
    apr_size_t n;
    uint32_t *order; /* for each entry: its song in plays[] ... */
    uint64_t *by;    /* ... and its own amount */
    apr_size_t entries;
    int in_lines; /* entries were separated by newlines */
} playcount_batch_body;

/* The body is decoded in place, and the plays point into it; body[length] is a NUL.
 * NULL, or the sentence of a 400 (413 when *too_many is set). */
typedef const char *playcount_body_read(apr_pool_t *pool, playcount_zone *zone,
                                        char *body, apr_size_t length,
                                        playcount_batch_body *batch, int *too_many);

playcount_body_read playcount_body_text;
playcount_body_read playcount_body_form;
playcount_body_read playcount_body_json;

/* --- for the two readers --- */

typedef struct {
    apr_pool_t *pool;
    playcount_zone *zone;
    playcount_batch_body *batch;
    uint32_t *seen; /* 1 + the song's place in plays[], by the id's hash */
    apr_size_t mask;
} playcount_body_reader;

/* An empty batch with room for this many entries, and at most PLAYCOUNT_BATCH_MAX.
 */
void playcount_body_begin(playcount_body_reader *b, apr_pool_t *pool,
                          playcount_zone *zone, playcount_batch_body *batch,
                          apr_size_t entries);

/* One entry more; the id stays where it is. 1 when the batch had the song already.
 */
int playcount_body_add(playcount_body_reader *b, const char *id, apr_size_t length,
                       uint64_t by);

/* How many bytes of the text are this one. */
apr_size_t playcount_body_count(const char *text, apr_size_t length, char byte);

/* The bytes of a byte order mark at the beginning: 3, or 0. */
apr_size_t playcount_body_mark(const char *body, apr_size_t length);

/* Sentences of refusals. `what` is the rest of one that begins with the entry. */
#define PLAYCOUNT_BODY_NO_NUMBER                                                   \
    "its number of plays is not a whole number from 1 to 9223372036854775807."
const char *playcount_body_wrong(const playcount_body_reader *b, const char *what);
const char *playcount_body_wrong_id(const playcount_body_reader *b,
                                    const char *id_error);
const char *playcount_body_too_many(int *too_many);

#endif

/* The bodies of POST /songs.
 *
 * A song may stand in a batch more than once. The zone takes each song once, so
 * its amounts are put together here, by way of a table of the songs seen so far
 * (open addressing over their hashes); each entry keeps its own amount for the
 * answer.
 */

#include "httpd.h"
#include <jansson.h>

#include "apr_strings.h"

#include "api/api.h"
#include "server/text.h"

typedef struct {
    request_rec *r;
    playcount_zone *zone;
    playcount_batch_body *batch;
    uint32_t *seen; /* 1 + the song's place in plays[] */
    apr_size_t mask;
} parser;

/* Room for `entries` entries. */
static void make_room(parser *p, apr_size_t entries)
{
    apr_pool_t *pool = p->r->pool;

    p->mask = 4;
    while (p->mask < 2 * entries) {
        p->mask *= 2;
    }
    p->seen = apr_pcalloc(pool, p->mask * sizeof(*p->seen));
    p->mask--;
    p->batch->plays = apr_palloc(pool, entries * sizeof(*p->batch->plays));
    p->batch->order = apr_palloc(pool, entries * sizeof(*p->batch->order));
    p->batch->by = apr_palloc(pool, entries * sizeof(*p->batch->by));
}

static void add_entry(parser *p, const char *id, apr_size_t length, uint64_t by)
{
    playcount_batch_body *b = p->batch;
    uint64_t hash = playcount_zone_prefetch(p->zone, id, length);
    apr_size_t at = hash & p->mask;
    playcount_play *play;

    for (; p->seen[at]; at = (at + 1) & p->mask) {
        play = &b->plays[p->seen[at] - 1];
        if (play->hash == hash && play->length == length &&
            !memcmp(play->id, id, length)) {
            break;
        }
    }
    if (!p->seen[at]) {
        play = &b->plays[b->n++];
        p->seen[at] = (uint32_t)b->n;
        play->id = id;
        play->length = (uint8_t)length;
        play->hash = hash;
        play->by = 0;
    }
    play = &b->plays[p->seen[at] - 1];
    play->by = by > PLAYCOUNT_MAX - play->by ? PLAYCOUNT_MAX : play->by + by;
    b->order[b->entries] = p->seen[at] - 1;
    b->by[b->entries++] = by;
}

static const char *wrong_entry(const parser *p, const char *what, const char *more)
{
    return apr_psprintf(p->r->pool,
                        "Entry %" APR_SIZE_T_FMT " of the batch: %s%s%s",
                        p->batch->entries + 1, what, more, *more ? "." : "");
}

static const char *too_many_entries(int *too_many)
{
    *too_many = 1;
    return "The batch has more than 65536 entries; send it in parts.";
}

#define NOT_A_NUMBER                                                               \
    "its number of plays is not a whole number from 1 to 9223372036854775807."

/* One entry, "id=plays", decoded in place. */
static const char *text_entry(parser *p, char *entry, apr_size_t whole)
{
    apr_size_t length = whole && entry[whole - 1] == '\r' ? whole - 1 : whole;
    char *equals = memchr(entry, '=', length);
    apr_size_t name = equals ? (apr_size_t)(equals - entry) : length;
    apr_ssize_t n;
    const char *wrong;
    uint64_t by;

    if (!equals) {
        return wrong_entry(p, "it is not of the form ID=PLAYS.", "");
    }
    n = playcount_percent_decode(entry, name, entry, name, 0);
    if (n < 0) {
        return wrong_entry(
            p,
            "its id has a % that is not followed by two hexadecimal digits "
            "other than 00.",
            "");
    }
    if ((wrong = playcount_id_error(entry, (apr_size_t)n))) {
        return wrong_entry(p, "its id ", wrong);
    }
    by = playcount_read_number(equals + 1, length - name - 1, PLAYCOUNT_MAX);
    if (!by) {
        return wrong_entry(p, NOT_A_NUMBER, "");
    }
    add_entry(p, entry, (apr_size_t)n, by);
    return NULL;
}

/* The same for an entry whose id needs neither decoding nor checking, as most do:
 * the bytes it takes, or 0 when it is to be looked at closely. */
static apr_size_t plain_entry(parser *p, const char *entry, const char *end)
{
    apr_size_t left = (apr_size_t)(end - entry);
    apr_size_t name = playcount_plain_length(entry, left);
    apr_size_t at = name + 1;
    uint64_t by;

    if (name < 1 || name > PLAYCOUNT_ID_MAX || name >= left || entry[name] != '=') {
        return 0;
    }
    while (at < left && entry[at] >= '0' && entry[at] <= '9') {
        at++;
    }
    by = playcount_read_number(entry + name + 1, at - name - 1, PLAYCOUNT_MAX);
    if (!by || (at < left && entry[at] != ',' && entry[at] != '\n')) {
        return 0;
    }
    add_entry(p, entry, name, by);
    return at;
}

/* How many of the eight bytes are this one. What is left of the high bits are
 * those of the bytes that are 0 after the exclusive or; the product adds them up.
 */
static apr_size_t count_byte(uint64_t eight, char byte)
{
    const uint64_t ones = 0x0101010101010101u, low = 0x7F * ones;
    uint64_t x = eight ^ (unsigned char)byte * ones;

    return (apr_size_t)(((~(((x & low) + low) | x | low) >> 7) * ones) >> 56);
}

/* Entries are at most the separators and one. */
static apr_size_t count_entries(const char *body, apr_size_t length)
{
    apr_size_t n = 1, i = 0;

    for (uint64_t eight; i + 8 <= length; i += 8) {
        memcpy(&eight, body + i, 8);
        n += count_byte(eight, ',') + count_byte(eight, '\n');
    }
    for (; i < length; i++) {
        n += body[i] == ',' || body[i] == '\n';
    }
    return n;
}

static apr_size_t entry_length(const char *body, apr_size_t length)
{
    apr_size_t n = 0;

    while (n < length && body[n] != ',' && body[n] != '\n') {
        n++;
    }
    return n;
}

const char *playcount_parse_text(request_rec *r, playcount_zone *zone, char *body,
                                 apr_size_t length, playcount_batch_body *batch,
                                 int *too_many)
{
    parser p = {r, zone, batch, NULL, 0};
    apr_size_t entries;

    memset(batch, 0, sizeof(*batch));
    if (length && body[length - 1] == '\n') {
        length--; /* the end of the last line */
    }
    entries = count_entries(body, length);
    if (entries > PLAYCOUNT_BATCH_MAX) {
        return too_many_entries(too_many);
    }
    make_room(&p, entries);
    for (apr_size_t at = 0; at < length || (at && at == length);) {
        apr_size_t n = plain_entry(&p, body + at, body + length);
        const char *error = NULL;

        if (!n) {
            n = entry_length(body + at, length - at);
            error = text_entry(&p, body + at, n);
        }
        if (error || at + n == length) {
            return error;
        }
        batch->in_lines |= body[at + n] == '\n';
        at += n + 1;
    }
    return NULL;
}

static const char *json_entry(parser *p, const char *id, json_t *value)
{
    const char *wrong = playcount_id_error(id, strlen(id));

    if (wrong) {
        return wrong_entry(p, "its id ", wrong);
    }
    if (!json_is_integer(value) || json_integer_value(value) < 1) {
        return wrong_entry(p, NOT_A_NUMBER, "");
    }
    add_entry(p, apr_pstrdup(p->r->pool, id), strlen(id),
              (uint64_t)json_integer_value(value));
    return NULL;
}

static const char *json_object_entries(parser *p, json_t *object, int *too_many)
{
    const char *id, *error;
    json_t *value;

    if (!json_is_object(object)) {
        return "The body is not a JSON object such as {\"1\":3,\"5\":2}.";
    }
    if (json_object_size(object) > PLAYCOUNT_BATCH_MAX) {
        return too_many_entries(too_many);
    }
    make_room(p, json_object_size(object) + 1);
    json_object_foreach(object, id, value)
    {
        if ((error = json_entry(p, id, value))) {
            return error;
        }
    }
    return NULL;
}

/* Values are at most the commas outside of strings and one. Counted before the
 * parser makes a tree of them, which takes twenty times the body's memory. */
static apr_size_t count_values(const char *body, apr_size_t length)
{
    apr_size_t n = 1;
    int in_string = 0;

    for (apr_size_t i = 0; i < length; i++) {
        if (body[i] == '"') {
            in_string = !in_string;
        }
        else if (body[i] == '\\' && in_string) {
            i++;
        }
        n += body[i] == ',' && !in_string;
    }
    return n;
}

const char *playcount_parse_json(request_rec *r, playcount_zone *zone, char *body,
                                 apr_size_t length, playcount_batch_body *batch,
                                 int *too_many)
{
    parser p = {r, zone, batch, NULL, 0};
    json_error_t wrong;
    json_t *object;
    const char *error;

    memset(batch, 0, sizeof(*batch));
    if (count_values(body, length) > PLAYCOUNT_BATCH_MAX) {
        return too_many_entries(too_many);
    }
    object = json_loadb(body, length, JSON_REJECT_DUPLICATES, &wrong);
    if (!object) {
        return apr_psprintf(r->pool,
                            "The body is not valid JSON: %s (line %d, column %d).",
                            wrong.text, wrong.line, wrong.column);
    }
    error = json_object_entries(&p, object, too_many);
    json_decref(object);
    return error;
}

/* Batches as JSON: one object whose names are ids and whose values are plays.
 *
 * A reader of this one form and of no other JSON (RFC 8259). It never builds a
 * tree: each entry goes into the batch as it is read, so memory does not depend on
 * what the body holds, and the first thing that no batch may have ends the reading,
 * be it bad JSON or a value that is not a number. Names are decoded in place: no
 * escape is shorter than what it stands for.
 *
 * The NUL behind the body is no part of any token, so the reader stops there
 * without comparing with the end.
 */

#include "api/body.h"

#include <string.h>

#include "apr_strings.h"

#include "server/text.h"
#include "shm/figures/label.h"

typedef struct {
    playcount_body_reader b;
    const char *body;
    char *at;  /* what is read next */
    char *end; /* the NUL */
} reader;

static const char *invalid_at(const reader *j, const char *at, const char *what)
{
    int line = 1, column = 1;

    for (const char *c = j->body; c < at; c++, column++) {
        if (*c == '\n') {
            line++;
            column = 0;
        }
    }
    return apr_psprintf(j->b.pool,
                        "The body is not valid JSON: %s (line %d, column %d).",
                        at == j->end ? "it ends too early" : what, line, column);
}

static const char *invalid(const reader *j, const char *what)
{
    return invalid_at(j, j->at, what);
}

static void skip_white_space(reader *j)
{
    while (*j->at == ' ' || *j->at == '\n' || *j->at == '\t' || *j->at == '\r') {
        j->at++;
    }
}

/* The number of \uXXXX at s, or -1. */
static int read_unit(const char *s)
{
    int unit = 0;

    if (s[0] != '\\' || s[1] != 'u') {
        return -1;
    }
    for (int i = 2; i < 6; i++) {
        char c = s[i];
        int lower = c | 0x20;

        if (c >= '0' && c <= '9') {
            unit = unit << 4 | (c - '0');
        }
        else if (lower >= 'a' && lower <= 'f') {
            unit = unit << 4 | (lower - 'a' + 10);
        }
        else {
            return -1;
        }
    }
    return unit;
}

static char *put_utf8(char *out, int c)
{
    if (c < 0x80) {
        *out++ = (char)c;
        return out;
    }
    if (c < 0x800) {
        *out++ = (char)(0xC0 | c >> 6);
    }
    else {
        if (c < 0x10000) {
            *out++ = (char)(0xE0 | c >> 12);
        }
        else {
            *out++ = (char)(0xF0 | c >> 18);
            *out++ = (char)(0x80 | (c >> 12 & 0x3F));
        }
        *out++ = (char)(0x80 | (c >> 6 & 0x3F));
    }
    *out++ = (char)(0x80 | (c & 0x3F));
    return out;
}

/* \uXXXX, or two of them that are a pair of surrogates. */
static const char *decode_unicode(reader *j, char **out)
{
    int c = read_unit(j->at), low;

    if (c < 0) {
        return invalid(j, "\\u needs four hexadecimal digits");
    }
    if (c == 0) {
        return invalid(j, "\\u0000 is not taken");
    }
    j->at += 6;
    if (c >= 0xD800 && c <= 0xDFFF) {
        low = read_unit(j->at);
        if (c > 0xDBFF || low < 0xDC00 || low > 0xDFFF) {
            return invalid_at(j, j->at - 6, "half a pair of surrogates");
        }
        j->at += 6;
        c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
    }
    *out = put_utf8(*out, c);
    return NULL;
}

static const char *decode_escape(reader *j, char **out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *found;

    if (j->at[1] == 'u') {
        return decode_unicode(j, out);
    }
    found = j->at[1] ? strchr(from, j->at[1]) : NULL;
    if (!found) {
        return invalid_at(j, j->at + 1, "no escape follows the backslash");
    }
    *(*out)++ = to[found - from];
    j->at += 2;
    return NULL;
}

/* The rest of a name up to its quote, decoded to the place where it begins. */
static const char *decode_name(reader *j, char *name, apr_size_t *length)
{
    char *out = name;

    while (*j->at != '"') {
        apr_size_t n = playcount_utf8_length(j->at);
        const char *error;

        if (out - name > PLAYCOUNT_ID_MAX) {
            break; /* too long already, which is reported below */
        }
        if (*j->at == '\\') {
            if ((error = decode_escape(j, &out))) {
                return error;
            }
            continue;
        }
        if ((unsigned char)*j->at < 0x20) {
            return invalid(j, "a control character in a name");
        }
        if (!n) {
            return invalid(j, "a name is not valid UTF-8");
        }
        memmove(out, j->at, n);
        out += n;
        j->at += n;
    }
    *length = (apr_size_t)(out - name);
    return NULL;
}

static const char *read_name(reader *j, char **name, apr_size_t *length)
{
    const char *error;

    if (*j->at != '"') {
        return invalid(j, "a name in double quotes is expected");
    }
    *name = ++j->at;
    *length = playcount_plain_length(j->at, PLAYCOUNT_ID_MAX + 1);
    if (j->at[*length] == '"' && *length && *length <= PLAYCOUNT_ID_MAX) {
        j->at += *length + 1; /* nothing to decode or to check, as in most */
        return NULL;
    }
    if ((error = decode_name(j, *name, length))) {
        return error;
    }
    if ((error = playcount_id_error(*name, *length))) {
        return playcount_body_wrong_id(&j->b, error);
    }
    j->at++;
    return NULL;
}

static const char *read_plays(reader *j, uint64_t *by)
{
    apr_size_t n = 0;

    while (j->at[n] >= '0' && j->at[n] <= '9') {
        n++;
    }
    if (!n) {
        return *j->at && strchr("-\"[{tfn", *j->at)
                   ? playcount_body_wrong(&j->b, PLAYCOUNT_BODY_NO_NUMBER)
                   : invalid(j, "a value is expected");
    }
    if (n > 1 && *j->at == '0') {
        return invalid(j, "a number begins with 0");
    }
    *by = playcount_read_number(j->at, n, PLAYCOUNT_MAX);
    if (j->at[n] == '.' || j->at[n] == 'e' || j->at[n] == 'E' || (!*by && n == 1)) {
        return playcount_body_wrong(&j->b, PLAYCOUNT_BODY_NO_NUMBER);
    }
    if (!*by) {
        return invalid(j, "a number is above 9223372036854775807");
    }
    j->at += n;
    return NULL;
}

static const char *read_entry(reader *j)
{
    char *name = NULL;
    const char *start = j->at, *error;
    apr_size_t length = 0;
    uint64_t by = 0;

    if ((error = read_name(j, &name, &length))) {
        return error;
    }
    skip_white_space(j);
    if (*j->at != ':') {
        return invalid(j, "a colon is expected");
    }
    j->at++;
    skip_white_space(j);
    if ((error = read_plays(j, &by))) {
        return error;
    }
    skip_white_space(j);
    return playcount_body_add(&j->b, name, length, by)
               ? invalid_at(j, start, "duplicate name in the object")
               : NULL;
}

static const char *read_entries(reader *j, int *too_many)
{
    for (const char *error;; j->at++) {
        skip_white_space(j);
        if (j->b.batch->entries == PLAYCOUNT_BATCH_MAX) {
            return playcount_body_too_many(too_many);
        }
        if ((error = read_entry(j))) {
            return error;
        }
        if (*j->at == '}') {
            return NULL;
        }
        if (*j->at != ',') {
            return invalid(j, "a comma or the closing brace is expected");
        }
    }
}

static const char *read_object(reader *j, int *too_many)
{
    const char *error = NULL;

    skip_white_space(j);
    if (*j->at != '{') {
        return *j->at && strchr("[\"-0123456789tfn", *j->at)
                   ? "The body is not a JSON object such as {\"1\":3,\"5\":2}."
                   : invalid(j, "an opening brace is expected");
    }
    j->at++;
    skip_white_space(j);
    if (*j->at != '}' && (error = read_entries(j, too_many))) {
        return error;
    }
    j->at++;
    skip_white_space(j);
    return j->at == j->end ? NULL
                           : invalid(j, "something follows the closing brace");
}

const char *playcount_body_json(apr_pool_t *pool, playcount_zone *zone, char *body,
                                apr_size_t length, playcount_batch_body *batch,
                                int *too_many)
{
    apr_size_t entries;
    reader j = {.body = body,
                .at = body + playcount_body_mark(body, length),
                .end = body + length};

    /* Commas in names count too, which is why the length has a say: no entry is
     * shorter than "a":1, with its comma or brace. */
    entries = 1 + playcount_body_count(body, length, ',');
    playcount_body_begin(&j.b, pool, zone, batch,
                         entries < length / 6 ? entries : length / 6);
    return read_object(&j, too_many);
}

/* Batches as text: 1=3,5=2 or a line for each; and as a form: 1=3&5=2.
 *
 * The form, which the client and its files share: entries are separated by commas
 * or newlines, and the last line may end. A line ends with LF or CRLF. Spaces and
 * tabs around an entry do not belong to it: an id that begins with one has it as
 * %20. A byte order mark at the beginning is skipped.
 *
 * In a form '&' separates entries too, and '+' is a space. An encoder of forms
 * escapes commas and newlines, so they still separate: curl calls its text a form.
 */

#include "api/body.h"

#include <string.h>

#include "server/text.h"

static int is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static apr_size_t entry_length(const char *body, apr_size_t length, int form)
{
    apr_size_t n = 0;

    while (n < length && body[n] != ',' && body[n] != '\n' &&
           !(form && body[n] == '&')) {
        n++;
    }
    return n;
}

/* One entry, "id=plays", without what is before and behind it; decoded in place. */
static const char *add_entry(playcount_body_reader *b, char *entry,
                             apr_size_t length, int form)
{
    char *equals = memchr(entry, '=', length);
    apr_size_t name = equals ? (apr_size_t)(equals - entry) : length;
    apr_ssize_t n;
    const char *wrong;
    uint64_t by;

    if (!equals) {
        return playcount_body_wrong(b, "it is not of the form ID=PLAYS.");
    }
    n = playcount_percent_decode(entry, name, entry, name, form);
    if (n < 0) {
        return playcount_body_wrong(
            b, "its id has a % that is not followed by two hexadecimal digits "
               "other than 00.");
    }
    if ((wrong = playcount_id_error(entry, (apr_size_t)n))) {
        return playcount_body_wrong_id(b, wrong);
    }
    by = playcount_read_number(equals + 1, length - name - 1, PLAYCOUNT_MAX);
    if (!by) {
        return playcount_body_wrong(b, PLAYCOUNT_BODY_NO_NUMBER);
    }
    playcount_body_add(b, entry, (apr_size_t)n, by);
    return NULL;
}

/* The same for an entry whose id needs neither decoding nor checking, as most do:
 * the bytes it takes, or 0 when it is to be looked at closely. */
static apr_size_t add_plain_entry(playcount_body_reader *b, const char *entry,
                                  apr_size_t left)
{
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
    playcount_body_add(b, entry, name, by);
    return at;
}

/* The entry at the beginning of `entry`: *length bytes up to its separator. */
static const char *read_entry(playcount_body_reader *b, char *entry,
                              apr_size_t left, int form, apr_size_t *length)
{
    apr_size_t blanks = 0, n;

    while (blanks < left && is_blank(entry[blanks])) {
        blanks++;
    }
    n = form ? 0 : add_plain_entry(b, entry + blanks, left - blanks);
    if (n) {
        *length = blanks + n;
        return NULL;
    }
    n = entry_length(entry + blanks, left - blanks, form);
    *length = blanks + n;
    while (n &&
           (is_blank(entry[blanks + n - 1]) || entry[blanks + n - 1] == '\r')) {
        n--;
    }
    return add_entry(b, entry + blanks, n, form);
}

static const char *read_body(apr_pool_t *pool, playcount_zone *zone, char *body,
                             apr_size_t length, int form,
                             playcount_batch_body *batch, int *too_many)
{
    playcount_body_reader b;
    apr_size_t mark = playcount_body_mark(body, length), entries, n;
    const char *error;

    body += mark;
    length -= mark;
    if (length && body[length - 1] == '\n') { /* the end of the last line */
        length -= length > 1 && body[length - 2] == '\r' ? 2 : 1;
    }
    entries = 1 + playcount_body_count(body, length, ',') +
              playcount_body_count(body, length, '\n') +
              (form ? playcount_body_count(body, length, '&') : 0);
    if (entries > PLAYCOUNT_BATCH_MAX) {
        return playcount_body_too_many(too_many);
    }
    /* No entry is shorter than a=1 and a comma. */
    playcount_body_begin(&b, pool, zone, batch,
                         entries < (length + 1) / 4 ? entries : (length + 1) / 4);
    if (!length) {
        return NULL;
    }
    for (apr_size_t at = 0;; at += n + 1) {
        if ((error = read_entry(&b, body + at, length - at, form, &n)) ||
            at + n == length) {
            return error;
        }
        batch->in_lines |= body[at + n] == '\n';
    }
}

const char *playcount_body_text(apr_pool_t *pool, playcount_zone *zone, char *body,
                                apr_size_t length, playcount_batch_body *batch,
                                int *too_many)
{
    return read_body(pool, zone, body, length, 0, batch, too_many);
}

const char *playcount_body_form(apr_pool_t *pool, playcount_zone *zone, char *body,
                                apr_size_t length, playcount_batch_body *batch,
                                int *too_many)
{
    /* Without these it is the text that it would be. */
    int form = memchr(body, '&', length) || memchr(body, '+', length);

    return read_body(pool, zone, body, length, form, batch, too_many);
}

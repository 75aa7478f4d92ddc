/* Ids as text: checked, escaped, unescaped; and the digits of counts. Nothing
 * here allocates; the caller provides room for the longest. */
#ifndef PLAYCOUNT_SERVER_TEXT_H
#define PLAYCOUNT_SERVER_TEXT_H

#include <stdint.h>

#include "apr.h"

#include "shm/zone/zone.h"

#define PLAYCOUNT_ESCAPED_MAX (6 * PLAYCOUNT_ID_MAX) /* in any of the forms */
#define PLAYCOUNT_DIGITS_MAX 20

/* NULL if these bytes may be an id; otherwise what is wrong with them, as the
 * end of a sentence that begins "the id ". */
const char *playcount_id_error(const char *id, apr_size_t length);

/* How many bytes at the beginning of `text`, which a NUL ends, are ASCII that every
 * form takes as it is: no control characters, no ',' '=' '%' '"' or '\\'. */
apr_size_t playcount_plain_length(const char *text, apr_size_t most);

/* Decode %XX from text[0 .. length-1] into out (which may be text itself), and
 * '+' to a space if that is wanted. Returns the bytes written, or -1 when an escape
 * is broken or gives a NUL, or when `room` bytes are not enough (-2). */
apr_ssize_t playcount_percent_decode(char *out, apr_size_t room, const char *text,
                                     apr_size_t length, int plus_is_space);

/* Can all of a text, which a NUL ends, be decoded so? */
int playcount_percent_is_valid(const char *text);

/* The listing's form: ',', '=', '%', control characters, and a space or byte
 * order mark at the beginning as %XX. Returns the bytes written. */
apr_size_t playcount_listing_escape(char *out, const char *id, apr_size_t length);

/* As a part of a URL's path; slashes stay. */
apr_size_t playcount_url_escape(char *out, const char *id, apr_size_t length);

/* The same for an id. Clients take segments of one or two dots out of a path; an id
 * that has such gets its slashes escaped, or if it is one, its dots. */
apr_size_t playcount_url_escape_id(char *out, const char *id, apr_size_t length);

/* As the inside of a JSON string. */
apr_size_t playcount_json_escape(char *out, const char *id, apr_size_t length);

/* The decimal digits of n. Returns how many; out has room for PLAYCOUNT_DIGITS_MAX,
 * and all of that may be written to. */
apr_size_t playcount_digits(char *out, uint64_t n);

/* All of text[0 .. length-1] as a number of 1 to `most`; 0 if it is not one. */
uint64_t playcount_read_number(const char *text, apr_size_t length, uint64_t most);

#endif

/* Route names: short, valid UTF-8.
 *
 * A label may come from anywhere, a request included, so it is cut and cleaned
 * once, where it enters. What it may still hold (quotes, pipes, blanks) each output
 * escapes in its own way. Thread-safe.
 */
#ifndef PLAYCOUNT_SHM_LABEL_H
#define PLAYCOUNT_SHM_LABEL_H

#include <stddef.h>

#define PLAYCOUNT_LABEL_MAX 63

/* Writes the label as valid UTF-8 of at most PLAYCOUNT_LABEL_MAX bytes and a
 * final NUL, never cut inside a character; each byte that is no UTF-8, and
 * each control character, becomes a question mark. Reads no more of the label than
 * it needs. Returns the length. */
size_t playcount_label_clean(char out[PLAYCOUNT_LABEL_MAX + 1], const char *label);

/* The length in bytes (1 to 4) of the UTF-8 character at s, 0 if there is none. */
size_t playcount_utf8_length(const char *s);

#endif

/* Ids: what they may be, and how they travel.
 *
 * In a path every byte but letters, digits and -._~ is percent-encoded, except for
 * the slash, which belongs to an id as it is; a slash that a server would fold
 * (next to another, at the beginning, around . and ..) is encoded too. In the text
 * form
 * (`1=1,5=2`) the bytes , = % and the space are percent-encoded; an id has no
 * control characters.
 */
#ifndef PLAYCOUNT_CLIENT_ID_H
#define PLAYCOUNT_CLIENT_ID_H

#include "client/playcount.h"

/* Room for any id, encoded, with the NUL. */
#define PLAYCOUNT_ID_ENCODED (3 * PLAYCOUNT_ID_BYTES + 1)

/* NULL, or what is wrong with this id: "is empty", "is not UTF-8" ... */
const char *playcount_id_fault(const char *id);

/* Encode a valid id; the result has a NUL, its length is returned. */
size_t playcount_id_to_path(const char *id, char out[PLAYCOUNT_ID_ENCODED]);
size_t playcount_id_to_text(const char *id, char out[PLAYCOUNT_ID_ENCODED]);

/* Decode %XX, n bytes of text into out, which has room for n + 1. Not 0: a percent
 * sign without two hexadecimal digits, or %00. */
int playcount_percent_decode(const char *text, size_t n, char *out);

/* Make a string fit to be shown: control characters and what is not UTF-8 become
 * question marks. */
void playcount_text_clean(char *text);

#endif

/* Reading the files that directives name, whole, and saying what is wrong with one.
 */
#ifndef PLAYCOUNT_MEDIA_RULES_FILE_H
#define PLAYCOUNT_MEDIA_RULES_FILE_H

#include <stddef.h>

/* The bytes of a file and a NUL behind them, to be freed; NULL with a sentence in
 * wrong[] that begins with the path. Files of more than 64 MB, and what is no file,
 * are refused. */
char *playcount_rules_file(const char *path, size_t *n, char *wrong,
                           size_t wrong_size);

/* The next line of a text: *text moves behind it. Without its end and the blanks
 * around it; it may be empty. NULL: no more lines. Writes NULs into the text. */
char *playcount_rules_line(char **text);

#endif

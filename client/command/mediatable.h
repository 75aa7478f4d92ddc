/* What listeners have got, and which of them are plays.
 *
 * By the UTC day, a listener's union is kept until it is enough and is then
 * forgotten, so the memory follows the downloads that are never finished. By
 * rolling windows each delivery is kept, and all are sorted by time at the end: so
 * neither way the order of the lines matters.
 *
 * Listeners are known by numbers under a random key that ends with the run.
 */
#ifndef PLAYCOUNT_COMMAND_MEDIATABLE_H
#define PLAYCOUNT_COMMAND_MEDIATABLE_H

#include "client/command/medialine.h"
#include "media/rules/window.h"

typedef struct mediatable mediatable;

/* NULL: no memory, or no random numbers. */
mediatable *mediatable_new(playcount_window_e window);
void mediatable_free(mediatable *t);

/* Not 0: no memory. */
int mediatable_add(mediatable *t, const media_delivery *d);

/* The plays of a song on a day (of a rolling window: on which it began). */
typedef struct {
    int64_t day; /* since 1970 */
    const char *song;
    uint64_t plays;
    uint64_t missing; /* those of them that the module has not counted */
} media_count;

/* All of them, by day and song; the array and the songs belong to the table.
 * Nothing may be added afterwards. NULL: no memory. */
const media_count *mediatable_counts(mediatable *t, size_t *n);

#endif

/* The songs of one zone for the live page: the highest counts, or those whose ids
 * begin with something. Inside the room only.
 *
 *     ?format=songs&zone=NAME[&top=N][&prefix=P]
 */
#ifndef PLAYCOUNT_METRICS_SONGS_H
#define PLAYCOUNT_METRICS_SONGS_H

#include "metrics/formats.h"

#define PLAYCOUNT_SONGS_SHOWN 100 /* at most, and by default */

typedef struct {
    const char *zone;   /* NULL: the zone of this location */
    const char *prefix; /* NULL: any */
    unsigned top;       /* how many */
} playcount_songs_query;

/* HTTP status or OK. To find them is to read the whole zone, as GET /songs?top=
 * does; it is done once for all who ask (kept.h). "time" is when it was. */
int playcount_write_songs(playcount_writer *w, const playcount_songs_query *query);

#endif

/* What the live page and the monitor ask for and what is the same for all who ask,
 * computed once for all processes: inside the room only.
 *
 *     request ---- asks ---->  board in shared memory  <---- writes ---- keeper
 *                              (shm/figures/board.h)
 *
 * The keeper is a thread of one process at a time. It computes again what somebody
 * has wanted in the last seconds, when an interval has ended and when the value has
 * been good for so many times as long as it cost. So all open pages together cost
 * no more than one, a zone of many songs costs no more than a small one, and no
 * request waits for another: one that finds no value, or one that is too old,
 * computes it for itself, as GET /songs?top= does. There is no lock.
 */
#ifndef PLAYCOUNT_METRICS_KEPT_H
#define PLAYCOUNT_METRICS_KEPT_H

#include "metrics/formats.h"
#include "server/zones.h"
#include "shm/zone/batches.h"

typedef enum {
    PLAYCOUNT_KEPT_ROWS = 1, /* minutes: playcount_live_rows */
    PLAYCOUNT_KEPT_RATES,    /* of the newest interval: playcount_live_rates */
    PLAYCOUNT_KEPT_WINDOW,   /* minutes, route (-1: all): playcount_totals */
    PLAYCOUNT_KEPT_USE,      /* of a zone: playcount_kept_use */
    PLAYCOUNT_KEPT_SONGS,    /* of a zone, whose ids begin with `prefix`:
                                playcount_song[], at most PLAYCOUNT_SONGS_SHOWN */
    PLAYCOUNT_KEPT_KINDS
} playcount_kept_kind;

/* Both read the whole zone. */
typedef struct {
    playcount_zone_use zone;
    playcount_handoff_use handoff;
} playcount_kept_use;

/* Made by the functions below only: compared byte by byte. */
typedef struct {
    uint64_t of; /* the zone's identity; when the metrics' memory was made */
    int32_t kind, minutes, route, length; /* length: of the prefix */
    char prefix[PLAYCOUNT_ID_MAX + 1];
} playcount_kept_key;

playcount_kept_key playcount_kept_of_metrics(playcount_kept_kind kind,
                                             unsigned minutes, int route);
playcount_kept_key playcount_kept_of_zone(playcount_kept_kind kind,
                                          playcount_zone *zone, const char *prefix);

/* The value, in the pool, its size and when it was made (any of them may be NULL).
 * NULL without memory. */
const void *playcount_kept_get(request_rec *r, const playcount_kept_key *key,
                               size_t *bytes, apr_time_t *made);

/* In post_config, after the metrics have their memory: the board and the keeper. */
void playcount_kept_start(server_rec *s, apr_pool_t *p);

/* What computes them: malloc'd, *bytes long; NULL without memory. Any thread. */
void *playcount_live_compute_rows(unsigned minutes, size_t *bytes);
void *playcount_live_compute_rates(size_t *bytes);
void *playcount_live_compute_window(unsigned minutes, int route, size_t *bytes);
void *playcount_compute_songs(playcount_zone *zone, const char *prefix,
                              size_t length, size_t *bytes);

#endif

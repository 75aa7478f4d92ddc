/* One record in memory. */

#include "recorder/recorder.h"

#include <stdlib.h>

static _Atomic apr_size_t held; /* bytes of all records of this child */

/* Bodies leave some of it to headers and facts: a record without these is
 * worthless. */
#define BODIES_MAX (PLAYCOUNT_RECORDER_MEMORY / 4 * 3)

/* Take `n` bytes of the memory that records may have. */
static int take(apr_size_t n, apr_size_t most)
{
    if (atomic_fetch_add(&held, n) + n > most) {
        atomic_fetch_sub(&held, n);
        return 0;
    }
    return 1;
}

void playcount_record_dropped(const playcount_recorder *recorder)
{
    atomic_fetch_add(&recorder->shared->dropped, 1);
    atomic_fetch_add(&recorder->shared->missed, 1);
}

playcount_record *playcount_record_begin(playcount_recorder *recorder,
                                         request_rec *r)
{
    playcount_record *record = NULL;
    apr_time_t paused = atomic_load(&recorder->shared->paused_until);

    if (!(paused && apr_time_now() < paused) && take(sizeof(*record), BODIES_MAX)) {
        record = calloc(1, sizeof(*record));
        if (!record) {
            atomic_fetch_sub(&held, sizeof(*record));
        }
    }
    if (!record) {
        return NULL;
    }
    record->recorder = recorder;
    playcount_heads_request(record, r);
    return record;
}

char *playcount_record_room(playcount_record *record, playcount_record_part part,
                            apr_size_t length)
{
    playcount_kept *kept = &record->part[part];
    apr_size_t room = kept->room ? kept->room : 1024;
    int is_body = part == PLAYCOUNT_REQUEST_BODY || part == PLAYCOUNT_RESPONSE_BODY;
    char *at;

    while (room - kept->length < length) {
        room *= 2;
    }
    if (room != kept->room) {
        if (!take(room - kept->room,
                  is_body ? BODIES_MAX : PLAYCOUNT_RECORDER_MEMORY)) {
            return NULL;
        }
        at = realloc(kept->at, room);
        if (!at) {
            atomic_fetch_sub(&held, room - kept->room);
            return NULL;
        }
        kept->at = at;
        kept->room = room;
    }
    return kept->at + kept->length;
}

void playcount_record_passed(playcount_record *record, playcount_record_part part,
                             uint64_t length)
{
    record->part[part].passed += length;
}

void playcount_record_keep(playcount_record *record, playcount_record_part part,
                           const char *data, apr_size_t length, apr_size_t most)
{
    playcount_kept *kept = &record->part[part];
    apr_size_t n = 0;
    char *room;

    /* After a gap nothing is kept: what is kept is the beginning. */
    if (kept->length == kept->passed && kept->length < most) {
        n = most - kept->length < length ? most - kept->length : length;
    }
    room = n ? playcount_record_room(record, part, n) : NULL;
    if (room) {
        memcpy(room, data, n);
        kept->length += n;
    }
    kept->passed += length;
}

void playcount_record_free(playcount_record *record)
{
    apr_size_t bytes = sizeof(*record);

    for (int i = 0; i < PLAYCOUNT_RECORD_PARTS; i++) {
        bytes += record->part[i].room;
        free(record->part[i].at);
    }
    free(record->name);
    free(record);
    atomic_fetch_sub(&held, bytes);
}

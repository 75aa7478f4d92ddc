/* A batch in the queue of a collector: it owns its songs, and knows how sending it
 * went so far. */
#ifndef PLAYCOUNT_CLIENT_QUEUED_H
#define PLAYCOUNT_CLIENT_QUEUED_H

#include "client/pack.h"

typedef struct playcount_queued playcount_queued;

struct playcount_queued {
    playcount_queued *next;
    playcount_batch batch;
    char *ids;          /* of the songs, one after the other */
    int failures;       /* in a row */
    int64_t not_before; /* when it may be sent again; ms */
    int64_t
        doubt_since; /* when it was first sent without a clear answer; 0: never */
    playcount_error why; /* the last failure */
};

/* n songs of a tally, from this one, under a new key. NULL: no memory. */
playcount_queued *playcount_queued_from(const playcount_tally *tally, size_t from,
                                        size_t n, int server);

/* Half of a batch's songs, the first or the second, under a new key. NULL: no
 * memory.
 */
playcount_queued *playcount_queued_half(const playcount_queued *entry, int second);

void playcount_queued_free(playcount_queued *entry);

/* What to do with a batch after it was sent. */
typedef enum {
    PLAYCOUNT_QUEUED_COUNTED,
    PLAYCOUNT_QUEUED_RETRY,  /* later; not_before is set */
    PLAYCOUNT_QUEUED_SPLIT,  /* as a whole it is refused, its halves may not be */
    PLAYCOUNT_QUEUED_REFUSED /* permanently */
} playcount_queued_outcome;

playcount_queued_outcome playcount_queued_judge(playcount_queued *entry,
                                                const playcount_error *error,
                                                int64_t now, long key_seconds);

#endif

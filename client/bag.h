/* A bag: a parcel that owns its songs, and what is known about sending it. */
#ifndef PLAYCOUNT_CLIENT_BAG_H
#define PLAYCOUNT_CLIENT_BAG_H

#include "client/pack.h"

typedef struct playcount_bag playcount_bag;

struct playcount_bag {
    playcount_bag *next;
    playcount_parcel parcel;
    char *ids;          /* of the songs, one after the other */
    int failures;       /* in a row */
    int64_t not_before; /* when it may be sent again; ms */
    int64_t
        doubt_since; /* when it was first sent without a clear answer; 0: never */
    playcount_error why; /* the last failure */
};

/* n songs of a tally, from this one, under a new key. NULL: no memory. */
playcount_bag *playcount_bag_of(const playcount_tally *tally, size_t from, size_t n,
                                int server);

/* Half of a bag's songs, the first or the second, under a new key. NULL: no memory.
 */
playcount_bag *playcount_bag_half(const playcount_bag *bag, int second);

void playcount_bag_free(playcount_bag *bag);

/* What is to be done with a bag after it was sent. */
typedef enum {
    PLAYCOUNT_BAG_COUNTED,
    PLAYCOUNT_BAG_AGAIN,  /* later; not_before is set */
    PLAYCOUNT_BAG_SPLIT,  /* as a whole it is refused, its halves may not be */
    PLAYCOUNT_BAG_REFUSED /* for good */
} playcount_bag_fate;

playcount_bag_fate playcount_bag_judge(playcount_bag *bag,
                                       const playcount_error *error, int64_t now,
                                       long key_seconds);

#endif

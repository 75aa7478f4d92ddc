/* A tally adds up by song and keeps the order of the first plays. */
#include <stdlib.h>
#include <string.h>

#include "client/tally.h"
#include "t/tap.h"

enum { SONGS = 100000 };

int main(void)
{
    playcount_tally tally = {0};
    char id[32];

    for (int round = 1; round <= 3; round++) {
        int good = 1;
        for (int i = 0; i < SONGS; i++) {
            snprintf(id, sizeof(id), "song/%d", i);
            good = good && playcount_tally_add(&tally, id, (uint64_t)round) == i;
        }
        ok(good && tally.n == SONGS, "round %d: each song keeps its place", round);
    }
    int good = 1;
    for (int i = 0; i < SONGS; i++) {
        snprintf(id, sizeof(id), "song/%d", i);
        good = good && tally.songs[i].sum == 6 &&
               strcmp(playcount_tally_id(&tally, (size_t)i), id) == 0;
    }
    ok(good, "the sums are right");
    playcount_tally_clear(&tally);
    ok(tally.n == 0 && playcount_tally_add(&tally, "x", 1) == 0 &&
           tally.songs[0].sum == 1,
       "a cleared one starts over");
    playcount_tally_add(&tally, "x", PLAYCOUNT_COUNT_MAX);
    ok(tally.songs[0].sum == PLAYCOUNT_COUNT_MAX, "sums stop at the top");
    playcount_tally_free(&tally);
    return done_testing();
}

/* The member "window" of the live JSON: all requests of a window together, with
 * histograms that a terminal can draw. See live.h. */

#include "metrics/live_window.h"

#define U64 "%" APR_UINT64_T_FMT
#define STEPS_BITS 2 /* four steps in an octave */

/* From the first to the last step that holds anything: the limits between the
 * steps, one more than there are counts. */
static void put_histogram(playcount_writer *w, const uint64_t *bucket,
                          unsigned buckets)
{
    unsigned first = 0, last = buckets;

    while (first < last && !bucket[first]) {
        first++;
    }
    while (last > first && !bucket[last - 1]) {
        last--;
    }
    first = first < last ? playcount_histogram_coarse(first, STEPS_BITS) : first;
    playcount_put(w, "{\"counts\":[");
    for (unsigned at = first, begin = first; at < last; begin = at) {
        uint64_t n = 0;
        unsigned step = playcount_histogram_coarse(at, STEPS_BITS);

        for (; at < last && playcount_histogram_coarse(at, STEPS_BITS) == step;
             at++) {
            n += bucket[at];
        }
        playcount_printf(w, begin == first ? U64 : "," U64, n);
    }
    playcount_put(w, "],\"limits\":[");
    for (unsigned at = first; at < last; at++) {
        if (playcount_histogram_coarse(at, STEPS_BITS) == at) {
            playcount_printf(w, U64 ",", playcount_histogram_low(at));
        }
    }
    while (last < buckets && playcount_histogram_coarse(last, STEPS_BITS) != last) {
        last++;
    }
    playcount_printf(w, U64 "]}", playcount_histogram_low(last));
}

void playcount_write_live_window(playcount_writer *w, const playcount_totals *sum,
                                 unsigned figures)
{
    int n = 0;

    playcount_put(w, "\"window\":{");
    playcount_write_totals_json(w, sum);
    playcount_put(w, ",\"histograms\":{");
    for (int f = 0; f < PLAYCOUNT_FIGURES; f++) {
        if (figures & 1u << f) {
            playcount_printf(
                w, n++ ? ",\"%s\":" : "\"%s\":", playcount_figure_names[f]);
            put_histogram(w, sum->bucket + playcount_first_bucket(f),
                          playcount_bucket_count(f));
        }
    }
    playcount_put(w, "}},");
}

/* Counting what was measured: each thread writes into a tray of its own (trays.h),
 * which it claims with its first request. A thread for which none was left adds to
 * the figures itself. */

#include "metrics/metrics.h"

#include <pthread.h>
#include <unistd.h>

static _Thread_local struct {
    playcount_tray *tray; /* NULL: none */
    int asked;            /* for one; once is enough */
} own;

static pthread_key_t at_end; /* its value is the thread's tray */
static int ready;

static void thread_ends(void *tray)
{
    own.tray = NULL;
    playcount_tray_give_back(tray, playcount_metrics_segment->figures);
}

void playcount_count_child(void)
{
    ready = !pthread_key_create(&at_end, thread_ends);
}

static void ask(void)
{
    own.asked = 1;
    if (!ready) {
        return;
    }
    own.tray =
        playcount_tray_claim(playcount_metrics_segment->trays, (int32_t)getpid());
    if (own.tray && pthread_setspecific(at_end, own.tray)) {
        playcount_tray_give_back(own.tray, playcount_metrics_segment->figures);
        own.tray = NULL;
    }
}

void playcount_count(unsigned route, unsigned cell,
                     const uint64_t value[PLAYCOUNT_FIGURES])
{
    playcount_figures *figures = playcount_metrics_segment->figures;

    if (!own.asked) {
        ask();
    }
    if (own.tray) {
        playcount_tray_add(own.tray, figures, route, cell, value);
    }
    else {
        playcount_figures_add(&figures[route], cell, value);
    }
}

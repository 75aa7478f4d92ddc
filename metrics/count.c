/* Counting what was measured, into trays of the process (trays.h): one for each
 * processor. Threads take turns on a processor, so the tray of the one that a
 * thread runs on is most likely in its cache and free; what belonged to the thread
 * itself would be in no cache, as other requests were answered since its last one.
 * Without a tray, or while another thread is at it, a request goes to the figures
 * at once.
 *
 * The parent gives a child's trays back when the child has ended. */

#include "metrics/metrics.h"

#include <sched.h>
#include <unistd.h>

#include "ap_mpm.h"

#include "shm/hot.h"

#define MOST_TRAYS 64 /* of one process */

static playcount_tray *tray[MOST_TRAYS];
static PLAYCOUNT_AT_HAND unsigned trays;
static PLAYCOUNT_AT_HAND playcount_figures *figures;

unsigned playcount_count_trays(void)
{
    long processors = sysconf(_SC_NPROCESSORS_CONF);
    int threads = 0;

    ap_mpm_query(AP_MPMQ_HARD_LIMIT_THREADS, &threads);
    if (threads < 1 || processors < 1) {
        return 1;
    }
    if (processors > threads) {
        processors = threads;
    }
    return processors < MOST_TRAYS ? (unsigned)processors : MOST_TRAYS;
}

void playcount_count_child(void)
{
    unsigned wanted = playcount_count_trays();

    figures = playcount_metrics_segment->figures;
    for (trays = 0; trays < wanted; trays++) {
        tray[trays] = playcount_tray_claim(playcount_metrics_segment->trays,
                                           (int32_t)getpid());
        if (!tray[trays]) {
            return;
        }
    }
}

/* The C library knows the processor without asking the kernel. By the time the tray
 * is used it may be another one: then two processors are at the tray. */
static inline playcount_tray *nearest(void)
{
    int processor = sched_getcpu();
    unsigned i = processor > 0 ? (unsigned)processor : 0;

    return tray[i < trays ? i : i % trays];
}

PLAYCOUNT_HOT void playcount_count(unsigned route, unsigned cell,
                                   const uint64_t value[PLAYCOUNT_FIGURES])
{
    if (PLAYCOUNT_SELDOM(!trays) || PLAYCOUNT_SELDOM(!playcount_tray_add(
                                        nearest(), figures, route, cell, value))) {
        playcount_figures_add(&figures[route], cell, value);
    }
}

/* Counting what was measured: each thread writes into a tray of its own (trays.h),
 * which it claims with its first request. A thread for which none was left adds to
 * the figures itself. */

#include "metrics/metrics.h"
#include "shm/hot.h"

#include <pthread.h>
#include <unistd.h>

typedef struct {
    playcount_tray *tray; /* NULL: none */
    int asked;            /* for one; once is enough */
} thread;

/* Where it is takes a call to find out: once is enough. */
static PLAYCOUNT_HOT __attribute__((noinline)) thread *own(void)
{
    static _Thread_local thread of_thread;

    return &of_thread;
}

static pthread_key_t at_end; /* its value is the thread's tray */
static pthread_mutex_t ending = PTHREAD_MUTEX_INITIALIZER;
static int ready; /* ending */

static void thread_ends(void *tray)
{
    own()->tray = NULL;
    pthread_mutex_lock(&ending);
    if (ready) {
        playcount_tray_give_back(tray, playcount_metrics_segment->figures);
    }
    pthread_mutex_unlock(&ending);
}

/* Threads of the MPM may end after the pool of child_init, when the memory of the
 * figures and this code are going: the parent gives their trays back. */
static apr_status_t child_ends(void *unused)
{
    pthread_mutex_lock(&ending);
    ready = 0;
    pthread_key_delete(at_end);
    pthread_mutex_unlock(&ending);
    return APR_SUCCESS;
}

void playcount_count_child(apr_pool_t *pchild)
{
    ready = !pthread_key_create(&at_end, thread_ends);
    if (ready) {
        apr_pool_pre_cleanup_register(pchild, NULL, child_ends);
    }
}

static PLAYCOUNT_COLD void ask(thread *t)
{
    t->asked = 1;
    pthread_mutex_lock(&ending);
    if (ready) {
        t->tray = playcount_tray_claim(playcount_metrics_segment->trays,
                                       (int32_t)getpid());
    }
    if (t->tray && pthread_setspecific(at_end, t->tray)) {
        playcount_tray_give_back(t->tray, playcount_metrics_segment->figures);
        t->tray = NULL;
    }
    pthread_mutex_unlock(&ending);
}

PLAYCOUNT_HOT void playcount_count_prefetch(void)
{
    const thread *t = own();

    __builtin_prefetch(t->tray, 1);
}

PLAYCOUNT_HOT void playcount_count(unsigned route, unsigned cell,
                                   const uint64_t value[PLAYCOUNT_FIGURES])
{
    playcount_figures *figures = playcount_metrics_segment->figures;
    thread *t = own();

    if (!t->asked) {
        ask(t);
    }
    if (t->tray) {
        playcount_tray_add(t->tray, figures, route, cell, value);
    }
    else {
        playcount_figures_add(&figures[route], cell, value);
    }
}

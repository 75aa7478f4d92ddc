/* What the lane knows of the MPM's threads: see worker.h. */

#include "lane/worker.h"

#include <pthread.h>
#include <stdatomic.h>

#include "ap_mpm.h"
#include "apr_portable.h"

/* Never freed: the loop may read it when the thread has ended. */
static _Thread_local _Atomic uint64_t *turns;
static _Thread_local int place = -1;

static pthread_key_t at_end; /* its value is `turns` */
static _Atomic int called;   /* a worker has been called, and has not come yet */

static void end(void *of_thread)
{
    (*(_Atomic uint64_t *)of_thread)++;
}

apr_status_t playcount_lane_worker_child(void)
{
    return pthread_key_create(&at_end, end);
}

_Atomic uint64_t *playcount_lane_worker_turn(void)
{
    if (!turns) {
        turns = ap_calloc(1, sizeof(*turns));
        pthread_setspecific(at_end, (void *)turns);
    }
    (*turns)++;
    return turns;
}

static void come(void *data)
{
    playcount_lane_worker_turn();
    atomic_store(&called, 0);
}

void playcount_lane_worker_call(void)
{
    /* Due a second ago: at once. */
    if (!atomic_exchange(&called, 1) &&
        ap_mpm_register_timed_callback(-apr_time_from_sec(1), come, NULL) !=
            APR_SUCCESS) {
        atomic_store(&called, 0);
    }
}

void playcount_lane_worker_sit(conn_rec *c, ap_sb_handle_t *handle)
{
    apr_os_thread_t self = apr_os_thread_current();
    int threads = 0, child;

    ap_mpm_query(AP_MPMQ_HARD_LIMIT_THREADS, &threads);
    child = threads > 0 ? (int)(c->id / threads) : 0;
    for (int i = 0; place < 0 && i < threads; i++) {
        const worker_score *score = ap_get_scoreboard_worker_from_indexes(child, i);

        if (score && pthread_equal(score->tid, self)) {
            place = i;
        }
    }
    if (place >= 0) {
        ap_update_sb_handle(handle, child, place);
        c->sbh = handle;
        c->id = (long)child * threads + place;
    }
}

/* Tasks called by mod_watchdog: see watchdog.h.
 *
 * Every child has a thread for each task, and one that shows that the process runs
 * ("pulse"). A thread whose turn it is not looks once a second whether it may take
 * it. */

#include "server/watchdog.h"

#include <pthread.h>

#include "apr_signal.h"
#include "apr_strings.h"
#include "apr_thread_proc.h"
#include "http_log.h"
#include "mpm_common.h"

#include "server/turn.h"

APLOG_USE_MODULE(playcount);

#define SECOND apr_time_from_sec(1)
#define PULSE "pulse"

/* One task. In the configuration's pool; each child has its copy. */
typedef struct watch {
    struct watch *next;
    const char *task;
    ap_watchdog_callback_fn_t *callback;
    void *data;
    apr_interval_time_t interval;
    server_rec *server;
    int is_by_turns;
    playcount_seat seat;  /* of the turn; its looks are this thread's */
    pthread_mutex_t lock; /* held while it is called; guards what follows */
    apr_time_t looked;    /* when the turn was asked for */
    apr_time_t called;
    int started;     /* it had its first call and not its last one */
    int ended;       /* it must have no call any more */
    uint64_t seen;   /* parent: the beat, */
    unsigned vain;   /* how often it was the same, */
    apr_time_t said; /* and when that was logged */
} watch;

static watch *all, **last = &all;

/* --- in a child --- */

static int is_past(apr_time_t since, apr_interval_time_t interval, apr_time_t now)
{
    return now < since || now - since >= interval;
}

static void say_taken(const watch *w)
{
    ap_log_error(
        APLOG_MARK, APLOG_ERR, 0, w->server,
        "the task %s: process %" APR_UINT64_T_FMT
        " has not moved for %d s, this one goes on with it. The other may "
        "be stopped (SIGSTOP), in a debugger or in a frozen cgroup: let it "
        "continue, or kill -9 it",
        w->task, w->seat.stood, PLAYCOUNT_TURN_LOOKS);
}

static int has_turn(watch *w, apr_time_t now)
{
    if (playcount_turn_is_mine(&w->seat)) {
        return 1;
    }
    if (!is_past(w->looked, SECOND, now)) {
        return 0;
    }
    w->looked = now;
    if (!playcount_turn_ask(&w->seat)) {
        return 0;
    }
    if (w->seat.stood) {
        say_taken(w);
    }
    return 1;
}

static apr_status_t stop(watch *w, apr_pool_t *pool)
{
    int was_started = w->started;

    w->started = 0;
    return was_started ? w->callback(AP_WATCHDOG_STATE_STOPPING, w->data, pool)
                       : APR_SUCCESS;
}

static apr_status_t run(watch *w, apr_pool_t *pool)
{
    apr_time_t now = apr_time_now();

    if (w->is_by_turns && !has_turn(w, now)) {
        return stop(w, pool);
    }
    if (!w->started) {
        w->started = 1;
        w->called = now;
        return w->callback(AP_WATCHDOG_STATE_STARTING, w->data, pool);
    }
    /* mod_watchdog calls once a second or more often. */
    if (w->interval > SECOND && !is_past(w->called, w->interval, now)) {
        return APR_SUCCESS;
    }
    w->called = now;
    return w->callback(AP_WATCHDOG_STATE_RUNNING, w->data, pool);
}

static apr_status_t call(int state, void *data, apr_pool_t *pool)
{
    watch *w = data;
    apr_status_t rv = APR_SUCCESS;

    pthread_mutex_lock(&w->lock);
    if (w->ended) {
        pthread_mutex_unlock(&w->lock);
        return APR_SUCCESS;
    }
    switch (state) {
    case AP_WATCHDOG_STATE_STARTING:
        /* prefork ends a child from its signal handler, on the thread that gets the
         * signal: not on this one, which holds the lock. */
        apr_setup_signal_thread();
        rv = run(w, pool);
        break;
    case AP_WATCHDOG_STATE_RUNNING:
        rv = run(w, pool);
        break;
    case AP_WATCHDOG_STATE_STOPPING:
        w->ended = 1;
        rv = stop(w, pool);
        if (w->is_by_turns) {
            playcount_turn_give(&w->seat);
        }
        break;
    }
    pthread_mutex_unlock(&w->lock);
    return rv;
}

/* A callback that is being called is waited for. */
static apr_status_t end_all(void *pchild)
{
    for (watch *w = all; w; w = w->next) {
        call(AP_WATCHDOG_STATE_STOPPING, w, pchild);
    }
    return APR_SUCCESS;
}

void playcount_watch_child(apr_pool_t *pchild)
{
    /* Before the pool's other cleanups and its children. */
    apr_pool_pre_cleanup_register(pchild, pchild, end_all);
}

/* A child that ends lets others begin, though its own calls may not have ended. */
static apr_status_t pulse(int state, void *data, apr_pool_t *pool)
{
    for (watch *w = all; w; w = w->next) {
        if (w->is_by_turns && state == AP_WATCHDOG_STATE_STOPPING) {
            playcount_turn_give(&w->seat);
        }
        else if (w->is_by_turns) {
            playcount_turn_beat(&w->seat);
        }
    }
    return APR_SUCCESS;
}

/* --- registration --- */

static apr_status_t forget_all(void *unused)
{
    all = NULL;
    last = &all;
    return APR_SUCCESS;
}

int playcount_watch_is_possible(void)
{
    return APR_RETRIEVE_OPTIONAL_FN(ap_watchdog_register_callback) != NULL;
}

/* A thread in every child. */
static apr_status_t add(watch *w, apr_pool_t *p)
{
    APR_OPTIONAL_FN_TYPE(ap_watchdog_get_instance) *get =
        APR_RETRIEVE_OPTIONAL_FN(ap_watchdog_get_instance);
    APR_OPTIONAL_FN_TYPE(ap_watchdog_register_callback) *register_callback =
        APR_RETRIEVE_OPTIONAL_FN(ap_watchdog_register_callback);
    const char *name = apr_pstrcat(p, "_playcount_", w->task, "_", NULL);
    ap_watchdog_t *watchdog;
    apr_status_t rv;

    if (!get || !register_callback) {
        return APR_ENOTIMPL;
    }
    if ((rv = get(&watchdog, name, 0, 0, p)) != APR_SUCCESS) {
        return rv;
    }
    pthread_mutex_init(&w->lock, NULL);
    *last = w;
    last = &w->next;
    return register_callback(watchdog, w->interval < SECOND ? w->interval : SECOND,
                             w, call);
}

static apr_status_t add_pulse(server_rec *s, apr_pool_t *p)
{
    watch *w = apr_pcalloc(p, sizeof(*w));

    *w = (watch){.task = PULSE, .callback = pulse, .interval = SECOND, .server = s};
    apr_pool_cleanup_register(p, NULL, forget_all, apr_pool_cleanup_null);
    return add(w, p);
}

apr_status_t playcount_watch(const char *task, playcount_watch_where where,
                             apr_interval_time_t interval,
                             ap_watchdog_callback_fn_t *callback, const void *data,
                             server_rec *s, apr_pool_t *p)
{
    watch *w = apr_pcalloc(p, sizeof(*w));
    apr_status_t rv = all ? APR_SUCCESS : add_pulse(s, p);

    *w = (watch){.task = task,
                 .callback = callback,
                 .data = (void *)data,
                 .interval = interval,
                 .server = s,
                 .is_by_turns = where == PLAYCOUNT_WATCH_ONE_CHILD};
    if (rv == APR_SUCCESS && w->is_by_turns) {
        rv = playcount_turn_open(&w->seat, task, s);
    }
    return rv == APR_SUCCESS ? add(w, p) : rv;
}

/* --- for all to see --- */

playcount_task *playcount_watch_tasks(int *n, apr_pool_t *p)
{
    apr_array_header_t *tasks = apr_array_make(p, 8, sizeof(playcount_task));

    for (const watch *w = all; w; w = w->next) {
        if (w->is_by_turns) {
            playcount_task *task = apr_array_push(tasks);

            task->task = w->task;
            task->process = playcount_turn_holder(w->seat.turn, &task->still);
            task->taken = atomic_load(&w->seat.turn->taken);
        }
    }
    *n = tasks->nelts;
    return (playcount_task *)tasks->elts;
}

/* About every ten seconds. Where other processes run, they take over before this
 * has looked twice. */
static int monitor(apr_pool_t *p, server_rec *s)
{
    apr_time_t now = apr_time_now();

    for (watch *w = all; w; w = w->next) {
        uint64_t still, process, beat;

        if (!w->is_by_turns) {
            continue;
        }
        process = playcount_turn_holder(w->seat.turn, &still);
        beat = atomic_load(&w->seat.turn->beat);
        w->vain = process && beat == w->seen ? w->vain + 1 : 0;
        w->seen = beat;
        if (w->vain >= 2 && is_past(w->said, 60 * SECOND, now)) {
            w->said = now;
            ap_log_error(APLOG_MARK, APLOG_ERR, 0, s,
                         "the task %s stands still: process %" APR_UINT64_T_FMT
                         ", whose turn it is, has not moved for %" APR_UINT64_T_FMT
                         " s, and no other goes on with it. It may be stopped "
                         "(SIGSTOP), in a debugger or in a frozen cgroup: let it "
                         "continue, or kill -9 it",
                         w->task, process, still / 1000);
        }
    }
    return DECLINED;
}

void playcount_watch_register_hooks(void)
{
    ap_hook_monitor(monitor, NULL, NULL, APR_HOOK_MIDDLE);
}

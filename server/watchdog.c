/* Callbacks run by mod_watchdog: see watchdog.h. */

#include "server/watchdog.h"

#include <pthread.h>

#include "apr_signal.h"
#include "apr_thread_proc.h"

/* One callback. In the configuration's pool; each child has its copy. */
typedef struct watch {
    struct watch *next;
    ap_watchdog_callback_fn_t *callback;
    void *data;
    pthread_mutex_t lock; /* held while it is called; guards what follows */
    int started;          /* it had its first call and not its last one */
    int ended;            /* it had its last one, or must have none */
} watch;

static watch *all;

static apr_status_t call(int state, void *data, apr_pool_t *pool)
{
    watch *w = data;
    apr_status_t rv = APR_SUCCESS;

    pthread_mutex_lock(&w->lock);
    if (state == AP_WATCHDOG_STATE_STARTING && !w->ended) {
        /* prefork ends a child from its signal handler, on the thread that gets the
         * signal: not on this one, which holds the lock. */
        apr_setup_signal_thread();
        w->started = 1;
    }
    if (w->started) {
        w->ended = state == AP_WATCHDOG_STATE_STOPPING;
        w->started = !w->ended;
        rv = w->callback(state, w->data, pool);
    }
    pthread_mutex_unlock(&w->lock);
    return rv;
}

static apr_status_t forget_all(void *unused)
{
    all = NULL;
    return APR_SUCCESS;
}

int playcount_watch_is_possible(void)
{
    return APR_RETRIEVE_OPTIONAL_FN(ap_watchdog_register_callback) != NULL;
}

apr_status_t playcount_watch(const char *name, playcount_watch_where where,
                             apr_interval_time_t interval,
                             ap_watchdog_callback_fn_t *callback, const void *data,
                             apr_pool_t *p)
{
    APR_OPTIONAL_FN_TYPE(ap_watchdog_get_instance) *get =
        APR_RETRIEVE_OPTIONAL_FN(ap_watchdog_get_instance);
    APR_OPTIONAL_FN_TYPE(ap_watchdog_register_callback) *add =
        APR_RETRIEVE_OPTIONAL_FN(ap_watchdog_register_callback);
    watch *w = apr_pcalloc(p, sizeof(*w));
    ap_watchdog_t *watchdog;
    apr_status_t rv;

    if (!get || !add) {
        return APR_ENOTIMPL;
    }
    rv = get(&watchdog, name, 0, where == PLAYCOUNT_WATCH_ONE_CHILD, p);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (!all) {
        apr_pool_cleanup_register(p, NULL, forget_all, apr_pool_cleanup_null);
    }
    w->callback = callback;
    w->data = (void *)data;
    pthread_mutex_init(&w->lock, NULL);
    w->next = all;
    all = w;
    return add(watchdog, interval, w, call);
}

/* A callback that is being called is waited for. */
static apr_status_t end_all(void *pchild)
{
    for (watch *w = all; w; w = w->next) {
        call(AP_WATCHDOG_STATE_STOPPING, w, pchild);
        pthread_mutex_lock(&w->lock);
        w->ended = 1;
        pthread_mutex_unlock(&w->lock);
    }
    return APR_SUCCESS;
}

void playcount_watch_child(apr_pool_t *pchild)
{
    /* Before the pool's other cleanups and its children. */
    apr_pool_pre_cleanup_register(pchild, pchild, end_all);
}

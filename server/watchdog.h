/* What this module does besides answering requests: tasks that mod_watchdog calls
 * once a second or less often, each on a thread of its own in every child.
 *
 * mod_watchdog by itself promises less than its users need. It joins its threads
 * when the process ends, after the pool of child_init and perhaps after the memory
 * of a zone is gone. It may call a callback to stop it while another thread is
 * still in it. And where one process at a time is to do something, one that is
 * stopped keeps the others from it for ever. So it calls this helper's own
 * function, and that keeps these promises:
 *
 *   - a callback runs on one thread of a process at a time
 *   - AP_WATCHDOG_STATE_STARTING comes before all others, and
 *     AP_WATCHDOG_STATE_STOPPING once after it; both come again where a process
 *     loses its turn and gets it back
 *   - no call is made once the pool of child_init is cleared: everything that the
 *     callback touches is still there
 *   - what one process at a time does is gone on with by another when that one
 *     dies, ends, or stands still (turn.h); the log says so
 */
#ifndef PLAYCOUNT_SERVER_WATCHDOG_H
#define PLAYCOUNT_SERVER_WATCHDOG_H

#include "httpd.h"
#include "mod_watchdog.h"

typedef enum {
    PLAYCOUNT_WATCH_ONE_CHILD,  /* in one process at a time; another takes over.
                                   While a graceful restart goes on, or where one
                                   that stood still goes on, two may overlap */
    PLAYCOUNT_WATCH_EVERY_CHILD /* in each process */
} playcount_watch_where;

/* From check_config on: is mod_watchdog loaded? */
int playcount_watch_is_possible(void);

/* In post_config: have `callback` called with `data` every `interval`, for the task
 * of this name, which no other has: log and metrics tell it, so "sync" or
 * "delivery-default". The callback's state and pool are those of mod_watchdog.h.
 *
 * APR_ENOTIMPL: mod_watchdog is not loaded. */
apr_status_t playcount_watch(const char *task, playcount_watch_where where,
                             apr_interval_time_t interval,
                             ap_watchdog_callback_fn_t *callback, const void *data,
                             server_rec *s, apr_pool_t *p);

/* In child_init, before mod_watchdog's: end all of it with this pool. */
void playcount_watch_child(apr_pool_t *pchild);

/* How a task that one process at a time does is going. */
typedef struct {
    const char *task;
    uint64_t process; /* that does it; 0: none */
    uint64_t still;   /* milliseconds since that one last showed that it runs */
    uint64_t taken;   /* how often it was taken from one that stood still */
} playcount_task;

/* [any] All of them, in the order of their registration. */
playcount_task *playcount_watch_tasks(int *n, apr_pool_t *p);

/* The parent looks whether they go on. */
void playcount_watch_register_hooks(void);

#endif

/* A callback that mod_watchdog runs once a second or less often, on a thread of its
 * own. Apart from the recorder's thread and the lane's, and the monitor hook in the
 * parent, all that this module does besides answering requests is done by these.
 *
 * mod_watchdog by itself promises less than its users need. It joins its threads
 * when the process ends, after the pool of child_init and perhaps after the memory
 * of a zone is gone. It may call a callback to stop it while another thread is
 * still in it, and also in processes that only waited for their turn. So it calls
 * this helper's own function, and that keeps these promises:
 *
 *   - a callback runs on one thread of a process at a time
 *   - AP_WATCHDOG_STATE_STOPPING comes once, to a callback that had
 *     AP_WATCHDOG_STATE_STARTING, and is the last call
 *   - no call is made once the pool of child_init is cleared: everything that the
 *     callback touches is still there
 */
#ifndef PLAYCOUNT_SERVER_WATCHDOG_H
#define PLAYCOUNT_SERVER_WATCHDOG_H

#include "httpd.h"
#include "mod_watchdog.h"

typedef enum {
    PLAYCOUNT_WATCH_ONE_CHILD,  /* in one process at a time; another takes over.
                                   While a graceful restart goes on, in one of each
                                   generation */
    PLAYCOUNT_WATCH_EVERY_CHILD /* in each process */
} playcount_watch_where;

/* From check_config on: is mod_watchdog loaded? */
int playcount_watch_is_possible(void);

/* In post_config: have `callback` called with `data` every `interval`, from the
 * thread called `name`. Callbacks of the same name share a thread, and wait for
 * each other; give each that may block a name of its own. The callback's state and
 * pool are those of mod_watchdog.h.
 *
 * APR_ENOTIMPL: mod_watchdog is not loaded. */
apr_status_t playcount_watch(const char *name, playcount_watch_where where,
                             apr_interval_time_t interval,
                             ap_watchdog_callback_fn_t *callback, const void *data,
                             apr_pool_t *p);

/* In child_init, before mod_watchdog's: end all of it with this pool. */
void playcount_watch_child(apr_pool_t *pchild);

#endif

/* A callback that mod_watchdog runs once a second or less often, on a thread of its
 * own: the one way in which this module does something beside answering requests.
 *
 * The thread is joined when the process ends, after the pool that child_init gets
 * is gone. So what a callback touches must outlive that pool: it belongs to the
 * configuration's pool, to shared memory or to the process.
 */
#ifndef PLAYCOUNT_SERVER_WATCHDOG_H
#define PLAYCOUNT_SERVER_WATCHDOG_H

#include "httpd.h"
#include "mod_watchdog.h"

typedef enum {
    PLAYCOUNT_WATCH_ONE_CHILD,  /* in one process at a time; another takes over */
    PLAYCOUNT_WATCH_EVERY_CHILD /* in each process */
} playcount_watch_where;

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

#endif

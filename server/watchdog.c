/* Callbacks run by mod_watchdog: see watchdog.h. */

#include "server/watchdog.h"

apr_status_t playcount_watch(const char *name, playcount_watch_where where,
                             apr_interval_time_t interval,
                             ap_watchdog_callback_fn_t *callback, const void *data,
                             apr_pool_t *p)
{
    APR_OPTIONAL_FN_TYPE(ap_watchdog_get_instance) *get =
        APR_RETRIEVE_OPTIONAL_FN(ap_watchdog_get_instance);
    APR_OPTIONAL_FN_TYPE(ap_watchdog_register_callback) *add =
        APR_RETRIEVE_OPTIONAL_FN(ap_watchdog_register_callback);
    ap_watchdog_t *watchdog;
    apr_status_t rv;

    if (!get || !add) {
        return APR_ENOTIMPL;
    }
    rv = get(&watchdog, name, 0, where == PLAYCOUNT_WATCH_ONE_CHILD, p);
    return rv == APR_SUCCESS ? add(watchdog, interval, data, callback) : rv;
}

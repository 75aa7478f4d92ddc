/* The zones' life in httpd: opened before all else (zones_open.c), synced
 * (zones_sync.c), put back (zones_file.c), and refused when one is of no use. See
 * zones.h. */

#include "httpd.h"
#include "http_core.h"
#include "http_log.h"
#include "util_mutex.h"

#include "server/answer.h"
#include "server/root.h"
#include "server/watchdog.h"
#include "server/retained.h"
#include "server/zones_private.h"
#include "shm/fault/fault.h"

APLOG_USE_MODULE(playcount);

/* --- a zone that cannot be used --- */

int playcount_zone_is_available(const playcount_served_zone *zone)
{
    return zone->zone && !zone->unavailable && !playcount_zone_failed(zone->zone);
}

int playcount_refuse_unavailable(request_rec *r, const playcount_served_zone *zone)
{
    apr_table_setn(r->headers_out, "Retry-After", "60");
    return playcount_refuse(
        r, HTTP_SERVICE_UNAVAILABLE,
        zone->unavailable
            ? "The zone could not be opened when the server was "
              "restarted; its error log says why."
            : "The zone's file cannot be read or written; the server's "
              "error log says more.");
}

int playcount_zone_has_failed_for(const request_rec *r)
{
    const playcount_served_zone *zone = playcount_zone_of(r);

    return r->handler && !strcmp(r->handler, PLAYCOUNT_HANDLER) && zone->zone &&
           playcount_zone_failed(zone->zone);
}

/* --- a lock that is frozen --- */

int playcount_refuse_frozen(request_rec *r, playcount_served_zone *zone)
{
    uint64_t holder = playcount_zone_holder(zone->zone);

    if (playcount_zone_say_frozen(zone->zone,
                                  (uint64_t)apr_time_sec(r->request_time))) {
        ap_log_rerror(
            APLOG_MARK, APLOG_ERR, 0, r,
            "PlaycountZone %s: process %" APR_UINT64_T_FMT
            " has held its lock for seconds and does not go on; requests that need "
            "the lock are refused with 503. It may be stopped (SIGSTOP), in a "
            "debugger or in a frozen cgroup: let it continue, or kill -9 it",
            zone->name, holder);
    }
    apr_table_setn(r->headers_out, "Retry-After", "2");
    return playcount_refuse(r, HTTP_SERVICE_UNAVAILABLE,
                            "The zone is locked by a process that does not go on; "
                            "nothing was changed. Try again.");
}

/* --- hooks --- */

static int pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    return ap_mutex_register(pconf, PLAYCOUNT_MUTEX, NULL, APR_LOCK_DEFAULT, 0);
}

/* Errors that the configuration alone shows are reported here, where `httpd -t`
 * reports them too: a graceful restart with a name that is wrong would end the
 * server. */
static int check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                        server_rec *s)
{
    const apr_array_header_t *served;

    if (!playcount_watch_is_possible()) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, 0, s,
                     "mod_playcount needs mod_watchdog; add LoadModule "
                     "watchdog_module modules/mod_watchdog.so");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    playcount_zones_serve(s, pconf);
    served = playcount_zones(s);
    for (int i = 0; i < served->nelts && !playcount_retained_get("server", "up");
         i++) {
        if (!playcount_zone_look(APR_ARRAY_IDX(served, i, playcount_served_zone *),
                                 ptemp)) {
            return HTTP_INTERNAL_SERVER_ERROR;
        }
    }
    return playcount_zones_resolve_uses(s) ? OK : HTTP_INTERNAL_SERVER_ERROR;
}

/* A start that cannot open a zone fails. At a graceful restart that would take the
 * whole server down: there only the zone is out of service. */
static apr_status_t open_or_stand_in(playcount_served_zone *zone, apr_pool_t *p)
{
    apr_status_t rv = playcount_zone_open(zone, p);

    return rv != APR_SUCCESS && playcount_retained_get("server", "up")
               ? playcount_zone_stand_in(zone, p)
               : rv;
}

static apr_status_t release_faults(void *unused)
{
    playcount_fault_release();
    return APR_SUCCESS;
}

static int post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                       server_rec *s)
{
    const apr_array_header_t *served = playcount_zones(s);

    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG) {
        return OK;
    }
    playcount_fault_catch();
    apr_pool_cleanup_register(pconf, NULL, release_faults, apr_pool_cleanup_null);
    for (int i = 0; i < served->nelts; i++) {
        if (open_or_stand_in(APR_ARRAY_IDX(served, i, playcount_served_zone *),
                             pconf) != APR_SUCCESS) {
            return HTTP_INTERNAL_SERVER_ERROR;
        }
    }
    if (!playcount_retained_get("server", "up")) {
        playcount_retained_create(s, "server", "up", 1);
    }
    playcount_zones_watch_files(s, pconf);
    return playcount_zones_start_syncing(s, pconf);
}

static void child_init(apr_pool_t *p, server_rec *s)
{
    const apr_array_header_t *served = playcount_zones(s);

    playcount_fault_catch();
    playcount_watch_child(p);
    for (int i = 0; i < served->nelts; i++) {
        playcount_served_zone *zone =
            APR_ARRAY_IDX(served, i, playcount_served_zone *);
        apr_status_t rv;

        playcount_zone_set_process(zone->zone);
        rv = apr_global_mutex_child_init(&zone->lock,
                                         apr_global_mutex_lockfile(zone->lock), p);
        if (rv != APR_SUCCESS) {
            ap_log_error(
                APLOG_MARK, APLOG_CRIT, rv, s,
                "PlaycountZone %s: this process cannot have its lock; new songs "
                "will be refused here. See the Mutex directive",
                zone->name);
        }
    }
}

static void register_hooks(apr_pool_t *p)
{
    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_check_config(check_config, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_child_init(child_init, NULL, NULL, APR_HOOK_FIRST);
    playcount_zones_file_hooks();
}

const playcount_room playcount_zones_room = {
    .name = "zones",
    .create_server = playcount_zones_create_server,
    .create_dir = playcount_zones_create_dir,
    .merge_dir = playcount_zones_merge_dir,
    .register_hooks = register_hooks,
};

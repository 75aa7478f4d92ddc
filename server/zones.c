/* The zones' life in httpd: opened before all else (zones_open.c), synced
 * (zones_sync.c), put back (zones_file.c), and refused when one is of no use. See
 * zones.h. */

#include <sys/stat.h>

#include "httpd.h"
#include "apr_strings.h"
#include "http_core.h"
#include "http_log.h"
#include "util_mutex.h"

#include "server/answer.h"
#include "server/root.h"
#include "server/watchdog.h"
#include "server/start.h"
#include "server/zones_private.h"
#include "shm/fault/fault.h"

APLOG_USE_MODULE(playcount);

/* --- a zone that cannot be used --- */

int playcount_zone_is_available(const playcount_served_zone *zone)
{
    return zone->zone && !zone->unavailable && !playcount_zone_failed(zone->zone);
}

int playcount_zone_give_up(playcount_served_zone *zone)
{
    if (!playcount_start_is_restart()) {
        return 0;
    }
    zone->unavailable = 1;
    ap_log_error(APLOG_MARK, APLOG_ALERT, 0, zone->server,
                 "PlaycountZone %s (%s): the server goes on without this zone: "
                 "requests to it get 503 until a restart can open it",
                 zone->name, zone->where);
    return 1;
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

/* By another path: the same path twice is refused by the directive. */
static int shares_file(const apr_array_header_t *served, int place, apr_pool_t *p)
{
    const playcount_served_zone *zone =
        APR_ARRAY_IDX(served, place, const playcount_served_zone *);
    struct stat st, others;

    for (int i = 0; i < place && zone->path && stat(zone->path, &st) == 0; i++) {
        const playcount_served_zone *other =
            APR_ARRAY_IDX(served, i, const playcount_served_zone *);

        if (other->path && stat(other->path, &others) == 0 &&
            st.st_dev == others.st_dev && st.st_ino == others.st_ino) {
            playcount_zone_refuse_file(
                zone,
                apr_psprintf(p, "is the file of the zone %s already", other->name));
            return 1;
        }
    }
    return 0;
}

static int look_at_all(const apr_array_header_t *served, apr_pool_t *p)
{
    int right = 1;

    playcount_fault_catch(); /* `httpd -t` ends soon */
    for (int i = 0; i < served->nelts; i++) {
        right &= !shares_file(served, i, p) &&
                 playcount_zone_look(
                     APR_ARRAY_IDX(served, i, const playcount_served_zone *), p);
    }
    return right;
}

/* Errors that the configuration alone shows are reported here, where `httpd -t`
 * reports them too: a graceful restart with a name that is wrong would end the
 * server. `httpd -t` also looks at the files; other than that this must not refuse
 * them, as `httpd -k stop` calls it too. */
static int check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                        server_rec *s)
{
    if (!playcount_watch_is_possible()) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, 0, s,
                     "mod_playcount needs mod_watchdog; add LoadModule "
                     "watchdog_module modules/mod_watchdog.so");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    playcount_zones_serve(s, pconf);
    if (!playcount_zones_resolve_uses(s)) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    return ap_state_query(AP_SQ_RUN_MODE) != AP_SQ_RM_CONFIG_TEST ||
                   look_at_all(playcount_zones(s), ptemp)
               ? OK
               : HTTP_INTERNAL_SERVER_ERROR;
}

static apr_status_t release_faults(void *unused)
{
    playcount_fault_release();
    return APR_SUCCESS;
}

static void catch_faults(apr_pool_t *pconf)
{
    playcount_fault_catch();
    apr_pool_cleanup_register(pconf, NULL, release_faults, apr_pool_cleanup_null);
}

/* Those whose files are to be made, or the others; the former are looked at with
 * the latter. */
static int take_all(const apr_array_header_t *served, int to_be_made, apr_pool_t *p)
{
    for (int i = 0; i < served->nelts; i++) {
        playcount_served_zone *zone =
            APR_ARRAY_IDX(served, i, playcount_served_zone *);
        int is_new = playcount_zone_is_to_be_made(zone);

        if ((is_new && !to_be_made && !playcount_zone_look(zone, p)) ||
            (is_new == to_be_made && playcount_zone_take(zone) != APR_SUCCESS)) {
            return 0;
        }
    }
    return 1;
}

/* At a start all of it is taken as early as this, before the terminal is given up:
 * what is wrong stands there, and the exit status says that there is no server. */
static int open_logs(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                     server_rec *s)
{
    const apr_array_header_t *served = playcount_zones(s);

    if (!playcount_start_has_terminal()) {
        return OK;
    }
    catch_faults(pconf);
    /* What is there first: a start that is refused makes no new files. */
    return take_all(served, 0, ptemp) && take_all(served, 1, ptemp)
               ? OK
               : HTTP_INTERNAL_SERVER_ERROR;
}

/* A start that cannot open a zone fails. At a graceful restart that would take the
 * whole server down: there only the zone is out of service. */
static apr_status_t open_or_stand_in(playcount_served_zone *zone, apr_pool_t *p)
{
    apr_status_t rv = playcount_zone_open(zone, p);

    return rv != APR_SUCCESS && playcount_start_is_restart()
               ? playcount_zone_stand_in(zone, p)
               : rv;
}

static int post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                       server_rec *s)
{
    const apr_array_header_t *served = playcount_zones(s);

    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG) {
        return OK;
    }
    catch_faults(pconf);
    for (int i = 0; i < served->nelts; i++) {
        if (open_or_stand_in(APR_ARRAY_IDX(served, i, playcount_served_zone *),
                             pconf) != APR_SUCCESS) {
            return HTTP_INTERNAL_SERVER_ERROR;
        }
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
        if (!zone->lock) {
            continue;
        }
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
    ap_hook_open_logs(open_logs, playcount_after_mpm, playcount_before_core,
                      APR_HOOK_REALLY_FIRST);
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

/* Zones written to the disk: every sync= seconds (zones_conf.c has the default) one
 * child at a time syncs each zone's file, looks whether it is still there
 * (zones_file.c), and repairs what a killed process left, should nobody else take
 * the lock. */

#include "httpd.h"
#include "http_log.h"

#include "server/watchdog.h"
#include "server/zones_private.h"
#include "shm/zone/sync.h"

APLOG_USE_MODULE(playcount);

static apr_status_t watch(int state, void *data, apr_pool_t *pool)
{
    playcount_served_zone *zone = data;
    apr_status_t rv = APR_SUCCESS;

    if (state == AP_WATCHDOG_STATE_RUNNING && zone->path && !zone->unavailable) {
        playcount_zone_look_for_file(zone);
    }
    if (playcount_zone_failed(zone->zone)) {
        return APR_SUCCESS;
    }
    if (state == AP_WATCHDOG_STATE_RUNNING) {
        playcount_zone_repair(zone->zone);
    }
    rv = playcount_zone_sync(zone->zone);
    if (rv != APR_SUCCESS && !zone->sync_failed) {
        ap_log_error(
            APLOG_MARK, APLOG_ERR, rv, zone->server,
            "PlaycountZone %s: file=%s cannot be written to the disk; counting "
            "goes on in memory, but a power loss would take what comes now. See "
            "to the disk; the writing is tried again every %d s",
            zone->name, zone->path, zone->sync);
    }
    zone->sync_failed = rv != APR_SUCCESS;
    return APR_SUCCESS;
}

int playcount_zones_start_syncing(server_rec *s, apr_pool_t *p)
{
    const apr_array_header_t *served = playcount_zones(s);

    for (int i = 0; i < served->nelts; i++) {
        playcount_served_zone *zone =
            APR_ARRAY_IDX(served, i, playcount_served_zone *);
        apr_status_t rv =
            playcount_watch("_playcount_", PLAYCOUNT_WATCH_ONE_CHILD,
                            apr_time_from_sec(zone->sync), watch, zone, p);

        if (rv != APR_SUCCESS) {
            return HTTP_INTERNAL_SERVER_ERROR;
        }
    }
    return OK;
}

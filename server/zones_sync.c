/* The task "sync": once a second one child at a time looks whether each zone's file
 * is still there (zones_file.c), repairs what a killed process left, should nobody
 * else take the lock, and, every sync= seconds (zones_conf.c has the default),
 * writes the zone to the disk. */

#include "httpd.h"
#include "http_log.h"

#include "server/watchdog.h"
#include "server/zones_private.h"
#include "shm/zone/sync.h"

APLOG_USE_MODULE(playcount);

static void sync_zone(playcount_served_zone *zone)
{
    apr_status_t rv = playcount_zone_sync(zone->zone);

    if (rv != APR_SUCCESS && !zone->sync_failed) {
        ap_log_error(
            APLOG_MARK, APLOG_ERR, rv, zone->server,
            "PlaycountZone %s: file=%s cannot be written to the disk; counting "
            "goes on in memory, but a power loss would take what comes now. See "
            "to the disk; the writing is tried again every %d s",
            zone->name, zone->path, zone->sync);
    }
    zone->sync_failed = rv != APR_SUCCESS;
}

/* A tick comes a little earlier than a second after the last one, or later. */
static int is_due(const playcount_served_zone *zone, apr_time_t now)
{
    apr_interval_time_t since = now - zone->synced;

    return since < 0 ||
           since >= apr_time_from_sec(zone->sync) - apr_time_from_msec(500);
}

static void look_for_files(const apr_array_header_t *served)
{
    for (int i = 0; i < served->nelts; i++) {
        playcount_served_zone *zone =
            APR_ARRAY_IDX(served, i, playcount_served_zone *);

        if (zone->path && !zone->unavailable) {
            playcount_zone_look_for_file(zone);
        }
    }
}

/* The files are looked for first: a disk that is slow to write to holds that up no
 * longer than once. */
static apr_status_t watch(int state, void *data, apr_pool_t *pool)
{
    const apr_array_header_t *served = data;
    int is_running = state == AP_WATCHDOG_STATE_RUNNING;

    if (is_running) {
        look_for_files(served);
    }
    for (int i = 0; i < served->nelts; i++) {
        playcount_served_zone *zone =
            APR_ARRAY_IDX(served, i, playcount_served_zone *);
        apr_time_t now = apr_time_now();

        if (playcount_zone_failed(zone->zone)) {
            continue;
        }
        if (is_running) {
            playcount_zone_repair(zone->zone);
        }
        if (!is_running || is_due(zone, now)) {
            zone->synced = now;
            sync_zone(zone);
        }
    }
    return APR_SUCCESS;
}

int playcount_zones_start_syncing(server_rec *s, apr_pool_t *p)
{
    return playcount_watch("sync", PLAYCOUNT_WATCH_ONE_CHILD, AP_WD_TM_INTERVAL,
                           watch, playcount_zones(s), s, p) == APR_SUCCESS
               ? OK
               : HTTP_INTERNAL_SERVER_ERROR;
}

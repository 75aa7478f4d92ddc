/* A zone whose file could not be read or written, at a restart: the file is opened
 * again, if the disk and the file have been put right.
 *
 * Children of the older generations may still have the failed one mapped. Its mark
 * stays with them: they answer 503 as long as they live. The new ones get a mark of
 * their own. The lock is the same, and it is held while the file is put right. */

#include "httpd.h"
#include "apr_strings.h"
#include "http_log.h"

#include "server/retained.h"
#include "server/zones_private.h"
#include "shm/zone/file.h"

APLOG_USE_MODULE(playcount);

#define ATTEMPTS 20
#define PAUSE apr_time_from_msec(100)

static apr_status_t lock_soon(apr_global_mutex_t *lock)
{
    apr_status_t rv = apr_global_mutex_trylock(lock);

    for (int i = 0; APR_STATUS_IS_EBUSY(rv) && i < ATTEMPTS; i++) {
        apr_sleep(PAUSE);
        rv = apr_global_mutex_trylock(lock);
    }
    return rv;
}

static apr_status_t new_health(playcount_served_zone *zone,
                               playcount_zone_health **health, unsigned number)
{
    char kind[16];
    void *memory;
    int fresh;
    apr_status_t rv;

    apr_snprintf(kind, sizeof(kind), "health %u", number);
    rv = playcount_retained_memory(zone->server, kind, zone->name, sizeof(**health),
                                   &memory, &fresh);
    *health = memory;
    return rv;
}

/* A copy that stood in for it is in the way, and worth no more. */
static void drop_copy(playcount_kept_zone *kept)
{
    if (kept->copy) {
        playcount_copy_drop(kept->copy);
        apr_pool_destroy(kept->copy_pool);
        kept->copy = NULL;
    }
}

static apr_status_t open_again(playcount_served_zone *zone,
                               playcount_kept_zone *kept)
{
    playcount_zone_size size = {zone->songs, zone->keys};
    playcount_zone_health *health;
    playcount_file file;
    const char *why =
        "cannot be locked: a process of before the restart does not go "
        "on";
    apr_status_t rv = lock_soon(kept->lock);

    if (rv == APR_SUCCESS) {
        rv = playcount_file_reopen(&file, kept->path, &size, kept->fd,
                                   zone->server->process->pool, &why);
        apr_global_mutex_unlock(kept->lock);
    }
    if (rv != APR_SUCCESS) {
        playcount_zone_refuse_file(zone, why);
        return rv;
    }
    if ((rv = new_health(zone, &health, kept->reopened + 1)) != APR_SUCCESS) {
        return rv;
    }
    kept->reopened++;
    kept->health = health;
    kept->memory = file.memory;
    kept->device = file.device;
    kept->inode = file.inode;
    kept->fd = file.fd;
    kept->gaps = file.gaps;
    kept->songs = size.songs;
    kept->keys = size.keys;
    ap_random_insecure_bytes(&kept->opening, sizeof(kept->opening));
    ap_log_error(
        APLOG_MARK, APLOG_WARNING, 0, zone->server,
        "PlaycountZone %s: file=%s, which could not be read or written, has "
        "been opened again",
        zone->name, kept->path);
    return APR_SUCCESS;
}

apr_status_t playcount_zone_reopen(playcount_served_zone *zone,
                                   playcount_kept_zone *kept)
{
    /* Who has not met the bad page must not go on either. */
    atomic_store(&kept->health->failed, 1);
    if (!zone->path || strcmp(zone->path, kept->path)) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, 0, zone->server,
                     "PlaycountZone %s (%s): file=%s cannot be read or written; to "
                     "have the zone elsewhere, stop the server and start it",
                     zone->name, zone->where, kept->path);
        return APR_EGENERAL;
    }
    drop_copy(kept);
    return open_again(zone, kept);
}

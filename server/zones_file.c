/* What happens to a zone's file while the server runs: that it is there is looked
 * at by the child that syncs, once a second; what can be done about it is done by
 * the parent, which has the rights, about every ten seconds (the monitor hook), and
 * once more when the server stops. Under httpd -X there is no such parent: there it
 * is only logged. */

#include <sys/stat.h>

#include "httpd.h"
#include "apr_strings.h"
#include "http_core.h"
#include "http_log.h"
#include "mpm_common.h"

#include "server/retained.h"
#include "server/zones_private.h"
#include "shm/fault/fault.h"
#include "shm/zone/failed.h"

APLOG_USE_MODULE(playcount);

#define MINUTE apr_time_from_sec(60)
#define COPY_TIME apr_time_from_sec(2) /* of ten */

/* --- in the child that syncs --- */

static playcount_file_place look(const playcount_served_zone *zone)
{
    playcount_zone_health *health = zone->health;
    uint64_t device = atomic_load(&health->copy_device);
    uint64_t inode = atomic_load(&health->copy_inode);
    int there = playcount_file_is_there(zone->path, zone->device, zone->inode);

    if (there < 0 && inode &&
        playcount_file_is_there(zone->path, device, inode) == 1) {
        return PLAYCOUNT_FILE_COPIED;
    }
    return there > 0    ? PLAYCOUNT_FILE_THERE
           : there == 0 ? PLAYCOUNT_FILE_DELETED
                        : PLAYCOUNT_FILE_REPLACED;
}

static const char *sentence(playcount_file_place place)
{
    switch (place) {
    case PLAYCOUNT_FILE_DELETED:
        return "has been deleted. Counting goes on in the file that was opened, "
               "which does not have this name any more; the server is about to put "
               "it back, or a copy of it";
    case PLAYCOUNT_FILE_COPIED:
        return "was deleted; a copy stands in its place. It is brought up to date "
               "every ten seconds and when the server stops. Stop the server and "
               "start it: until then, kill -9 of the whole server or a power loss "
               "would take the last seconds";
    default:
        return "has been replaced by another file. Counting goes on in the file "
               "that was opened, which does not have this name any more: all of it "
               "is gone when the server stops. Move the other one away, and the "
               "server puts its own back; or save the counts now (playcount "
               "export), and import them after the next start";
    }
}

static void look_at_size(playcount_served_zone *zone)
{
    struct stat st;

    if (fstat(zone->fd, &st) == 0 && (uint64_t)st.st_size < zone->bytes) {
        playcount_zone_mark_failed(zone->zone);
    }
}

static void say_once_a_minute(playcount_served_zone *zone, int changed,
                              const char *what)
{
    apr_time_t now = apr_time_now();

    if (changed || now - zone->lost_logged >= MINUTE) {
        zone->lost_logged = now;
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, zone->server,
                     "PlaycountZone %s: file=%s %s", zone->name, zone->path, what);
    }
}

void playcount_zone_look_for_file(playcount_served_zone *zone)
{
    playcount_file_place place = look(zone);
    int changed = atomic_exchange(&zone->health->place, place) != place;

    look_at_size(zone);
    if (playcount_zone_failed(zone->zone)) {
        say_once_a_minute(
            zone, 0,
            "cannot be read or written: it was cut short, or the disk "
            "is full or broken. Requests to the zone get 503, all else "
            "goes on. See to the file and the disk, then restart the "
            "server, gracefully or not");
    }
    else if (place != PLAYCOUNT_FILE_THERE) {
        say_once_a_minute(zone, changed, sentence(place));
    }
}

/* --- in the parent --- */

static void say_failed(const playcount_served_zone *zone, playcount_kept_zone *kept,
                       const char *why)
{
    apr_time_t now = apr_time_now();

    if (now - kept->said >= MINUTE) {
        kept->said = now;
        ap_log_error(
            APLOG_MARK, APLOG_ERR, 0, zone->server,
            "PlaycountZone %s: file=%s was deleted and cannot be put back: "
            "a copy %s. All that is counted is gone when the server stops: "
            "save the counts now (playcount export; what is imported later is "
            "handed over again)",
            zone->name, zone->path, why);
    }
}

static void drop_copy(playcount_kept_zone *kept)
{
    atomic_store(&kept->health->copy_inode, 0);
    if (kept->copy) {
        playcount_copy_drop(kept->copy);
        apr_pool_destroy(kept->copy_pool);
    }
    kept->copy = NULL;
}

/* The file cannot have its name again. */
static void begin_copy(const playcount_served_zone *zone, playcount_kept_zone *kept)
{
    const char *why = NULL;

    drop_copy(kept);
    apr_pool_create(&kept->copy_pool, zone->server->process->pool);
    if (playcount_copy_make(&kept->copy, zone->path, zone->zone, kept->fd,
                            kept->copy_pool, &why) != APR_SUCCESS) {
        say_failed(zone, kept, why);
        apr_pool_destroy(kept->copy_pool);
        kept->copy = NULL;
    }
}

/* The name is free. */
static void put_back(const playcount_served_zone *zone, playcount_kept_zone *kept,
                     apr_pool_t *p)
{
    apr_status_t rv = playcount_file_link(zone->path, kept->fd, p);

    if (rv == APR_SUCCESS) {
        drop_copy(kept);
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, zone->server,
                     "PlaycountZone %s: file=%s was moved away while the server "
                     "runs, and has been given its name again; nothing is lost. To "
                     "move a zone's file, stop the server first",
                     zone->name, zone->path);
    }
    else if (rv !=
             APR_EEXIST) { /* no name left, another disk: what it is is said */
        begin_copy(zone, kept);
    }
}

static void say_placed(const playcount_served_zone *zone, playcount_kept_zone *kept)
{
    uint64_t device, inode;

    playcount_copy_place(kept->copy, &device, &inode);
    atomic_store(&kept->health->copy_device, device);
    atomic_store(&kept->health->copy_inode, inode);
    kept->said = 0;
    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, zone->server,
                 "PlaycountZone %s: a copy of the deleted file=%s has been put in "
                 "its place",
                 zone->name, zone->path);
}

/* The parent has other things to do: a large zone is copied in pieces. */
static void update(const playcount_served_zone *zone, playcount_kept_zone *kept,
                   int last)
{
    const char *why = NULL;
    int was_placed = playcount_copy_is_placed(kept->copy);
    apr_status_t rv =
        last ? playcount_copy_finish(kept->copy, zone->zone, &why)
             : playcount_copy_update(kept->copy, zone->zone, COPY_TIME, &why);

    if (APR_STATUS_IS_INCOMPLETE(rv)) {
        return;
    }
    if (rv != APR_SUCCESS) {
        say_failed(zone, kept, why);
        if (!was_placed) {
            drop_copy(kept);
        }
    }
    else if (!was_placed) {
        say_placed(zone, kept);
    }
}

static void mend(const playcount_served_zone *zone, int last, apr_pool_t *p)
{
    playcount_kept_zone *kept = playcount_retained_get("zone", zone->name);

    if (!kept || !zone->path || !playcount_zone_is_available(zone)) {
        return;
    }
    switch (look(zone)) {
    case PLAYCOUNT_FILE_DELETED:
        /* That a copy is being made may be so since the last time. */
        if (!kept->copy || playcount_copy_is_placed(kept->copy)) {
            put_back(zone, kept, p);
        }
        break;
    case PLAYCOUNT_FILE_COPIED:
        break;
    default:
        if (kept->copy && !playcount_copy_is_placed(kept->copy)) {
            drop_copy(kept);
        }
        return;
    }
    if (kept->copy && !playcount_zone_failed(zone->zone)) {
        update(zone, kept, last);
    }
}

static void mend_all(server_rec *s, int last, apr_pool_t *pool)
{
    const apr_array_header_t *served = playcount_zones(s);
    apr_pool_t *p;

    apr_pool_create(&p, pool);
    for (int i = 0; i < served->nelts; i++) {
        mend(APR_ARRAY_IDX(served, i, const playcount_served_zone *), last, p);
    }
    apr_pool_destroy(p);
}

static int monitor(apr_pool_t *p, server_rec *s)
{
    playcount_fault_catch();
    mend_all(s, 0, p);
    return DECLINED;
}

/* The children have gone. */
static apr_status_t stop(void *s)
{
    playcount_fault_catch();
    mend_all(s, 1, ((server_rec *)s)->process->pool);
    return APR_SUCCESS;
}

/* At a restart the code behind it may go. */
static apr_status_t forget_stop(void *s)
{
    apr_pool_cleanup_kill(((server_rec *)s)->process->pool, s, stop);
    return APR_SUCCESS;
}

void playcount_zones_watch_files(server_rec *s, apr_pool_t *pconf)
{
    /* Before the files are closed and unmapped, which the process's pool does too.
     */
    apr_pool_pre_cleanup_register(s->process->pool, s, stop);
    apr_pool_cleanup_register(pconf, s, forget_stop, apr_pool_cleanup_null);
}

void playcount_zones_file_hooks(void)
{
    ap_hook_monitor(monitor, NULL, NULL, APR_HOOK_MIDDLE);
}

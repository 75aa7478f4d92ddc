/* A zone's memory or file and its lock: made once in the life of the server, found
 * again at each graceful restart. */

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "httpd.h"
#include "apr_strings.h"
#include "http_log.h"
#include "util_mutex.h"

#include "server/retained.h"
#include "server/start.h"
#include "server/zones_private.h"
#include "shm/zone/failed.h"
#include "shm/zone/file.h"
#include "shm/zone/sync.h"

APLOG_USE_MODULE(playcount);

/* Take all pages of it now. Where memory ends that may fail, or end the server (in
 * a cgroup): at the start, and not when a song comes. */
static apr_status_t reserve(const playcount_served_zone *zone, void *memory,
                            apr_size_t bytes)
{
    /* Older kernels do not know the first one: then each page is written to. */
    if (madvise(memory, bytes, MADV_POPULATE_WRITE) != 0 && errno != EINVAL) {
        apr_status_t rv = apr_get_os_error();

        ap_log_error(
            APLOG_MARK, APLOG_EMERG, rv, zone->server,
            "PlaycountZone %s (%s): memory=reserve cannot have %" APR_SIZE_T_FMT
            " MB; set songs= to what the site needs",
            zone->name, zone->where, bytes / 1000000 + 1);
        return rv;
    }
    for (apr_size_t at = 0; at < bytes; at += 4096) {
        ((volatile char *)memory)[at] = 0;
    }
    return APR_SUCCESS;
}

static apr_status_t open_memory(playcount_served_zone *zone,
                                playcount_kept_zone *kept,
                                const playcount_zone_size *size)
{
    server_rec *s = zone->server;
    int fresh;
    apr_status_t rv = playcount_retained_memory(s, "zone memory", zone->name,
                                                playcount_zone_bytes(size),
                                                &kept->memory, &fresh);

    if (rv == APR_SUCCESS && zone->reserve) {
        apr_status_t refused =
            reserve(zone, kept->memory, playcount_zone_bytes(size));

        if (refused != APR_SUCCESS) {
            return refused;
        }
    }
    if (rv == APR_SUCCESS) {
        rv = playcount_zone_format(kept->memory, size);
    }
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, rv, s,
                     "PlaycountZone %s (%s): cannot have %" APR_UINT64_T_FMT
                     " MB of address space for %" APR_UINT64_T_FMT
                     " songs; set songs= to what the site needs",
                     zone->name, zone->where,
                     playcount_zone_bytes(size) / 1000000 + 1, size->songs);
    }
    return rv;
}

void playcount_zone_refuse_file(const playcount_served_zone *zone, const char *why)
{
    ap_log_error(APLOG_MARK, APLOG_EMERG, 0, zone->server,
                 "PlaycountZone %s (%s): file=%s %s. Nothing was changed; put that "
                 "right or name another file",
                 zone->name, zone->where, zone->path, why);
}

static apr_status_t open_file(playcount_served_zone *zone,
                              playcount_kept_zone *kept,
                              const playcount_zone_size *size)
{
    const char *why = NULL;
    playcount_file file;
    apr_status_t rv = playcount_file_open(&file, zone->path, size,
                                          zone->server->process->pool, &why);

    if (rv != APR_SUCCESS) {
        playcount_zone_refuse_file(zone, why);
        return rv;
    }
    kept->gaps = file.gaps;
    kept->memory = file.memory;
    kept->device = file.device;
    kept->inode = file.inode;
    kept->fd = file.fd;
    apr_cpystrn(kept->path, zone->path, sizeof(kept->path));
    return APR_SUCCESS;
}

static apr_status_t make_lock(playcount_served_zone *zone,
                              playcount_kept_zone *kept)
{
    server_rec *s = zone->server;
    apr_status_t rv = ap_global_mutex_create(&kept->lock, NULL, PLAYCOUNT_MUTEX,
                                             zone->name, s, s->process->pool, 0);

    if (rv != APR_SUCCESS) {
        return rv; /* ap_global_mutex_create has logged why */
    }
    if (apr_global_mutex_mech(kept->lock) == APR_LOCK_POSIXSEM) {
        ap_log_error(
            APLOG_MARK, APLOG_EMERG, 0, s,
            "Mutex posixsem cannot be used for playcount: when a process dies "
            "with it, all others wait for ever. Use Mutex pthread, sysvsem, fcntl "
            "or flock for playcount, or leave it to the default");
        return APR_ENOTIMPL;
    }
    return APR_SUCCESS;
}

/* What all processes must know of a zone, and its file cannot hold. */
static apr_status_t open_health(const playcount_served_zone *zone,
                                playcount_kept_zone *kept)
{
    void *memory;
    int fresh;
    apr_status_t rv =
        playcount_retained_memory(zone->server, "zone health", zone->name,
                                  sizeof(playcount_zone_health), &memory, &fresh);

    kept->health = memory;
    return rv;
}

static apr_status_t open_zone(playcount_served_zone *zone,
                              playcount_kept_zone **kept)
{
    playcount_zone_size size = {zone->songs, zone->keys};
    playcount_kept_zone new_zone = {.songs = zone->songs, .keys = zone->keys};
    apr_status_t rv = make_lock(zone, &new_zone);

    if (rv != APR_SUCCESS || (rv = open_health(zone, &new_zone)) != APR_SUCCESS) {
        return rv;
    }
    ap_random_insecure_bytes(&new_zone.opening, sizeof(new_zone.opening));
    rv = zone->path ? open_file(zone, &new_zone, &size)
                    : open_memory(zone, &new_zone, &size);
    if (rv == APR_SUCCESS) {
        *kept = playcount_retained_create(zone->server, "zone", zone->name,
                                          sizeof(**kept));
        **kept = new_zone;
    }
    return rv;
}

static apr_status_t unmap(void *memory)
{
    playcount_zone_size size = {1, 0};

    munmap(memory, playcount_zone_bytes(&size));
    return APR_SUCCESS;
}

apr_status_t playcount_zone_stand_in(playcount_served_zone *zone, apr_pool_t *p)
{
    playcount_zone_size size = {1, 0};
    void *memory = mmap(NULL, playcount_zone_bytes(&size), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    apr_status_t rv;

    if (memory == MAP_FAILED) {
        return apr_get_os_error();
    }
    apr_pool_cleanup_register(p, memory, unmap, apr_pool_cleanup_null);
    if ((rv = playcount_zone_format(memory, &size)) != APR_SUCCESS) {
        return rv;
    }
    /* No lock: it may be what could not be had. Nothing is done in it. */
    zone->zone = playcount_zone_attach(p, memory, NULL);
    playcount_zone_give_up(zone);
    return APR_SUCCESS;
}

int playcount_zone_look(const playcount_served_zone *zone, apr_pool_t *p)
{
    playcount_zone_size size = {zone->songs, zone->keys};
    const char *why = NULL;
    apr_status_t rv;

    if (!zone->path) {
        return 1;
    }
    rv = playcount_file_look(zone->path, &size, p, &why);
    if (rv == APR_SUCCESS ||
        (APR_STATUS_IS_EAGAIN(rv) && playcount_running_has_open(zone->path, p))) {
        return 1;
    }
    playcount_zone_refuse_file(zone, why);
    return 0;
}

static void warn_of_changes(const playcount_served_zone *zone,
                            const playcount_kept_zone *kept)
{
    if (zone->songs != kept->songs || zone->keys != kept->keys ||
        strcmp(zone->path ? zone->path : "", kept->path)) {
        ap_log_error(
            APLOG_MARK, APLOG_WARNING, 0, zone->server,
            "PlaycountZone %s (%s): the zone goes on as it is "
            "(songs=%" APR_UINT64_T_FMT "%s%s, %" APR_UINT64_T_FMT
            " idempotency keys); to change it, stop the server and start it",
            zone->name, zone->where, kept->songs, *kept->path ? " file=" : "",
            kept->path, kept->keys);
    }
}

/* Its memory must not be touched then. */
static int has_failed(const playcount_kept_zone *kept)
{
    playcount_zone_size size = {kept->songs, kept->keys};
    struct stat st;

    return *kept->path && (atomic_load(&kept->health->failed) ||
                           (fstat(kept->fd, &st) == 0 &&
                            (uint64_t)st.st_size < playcount_zone_bytes(&size)));
}

int playcount_zone_is_to_be_made(const playcount_served_zone *zone)
{
    struct stat st;

    return zone->path && lstat(zone->path, &st) != 0;
}

apr_status_t playcount_zone_take(playcount_served_zone *zone)
{
    playcount_kept_zone *kept = playcount_retained_get("zone", zone->name);

    return kept ? APR_SUCCESS : open_zone(zone, &kept);
}

/* What was taken before the start went into the background, belongs to it. */
static apr_status_t find_or_take(playcount_served_zone *zone,
                                 playcount_kept_zone **kept)
{
    apr_status_t rv;
    int reopen;

    *kept = playcount_retained_get("zone", zone->name);
    reopen = *kept && has_failed(*kept);
    zone->opened_now = !*kept || reopen || !playcount_start_is_restart();
    rv = reopen  ? playcount_zone_reopen(zone, *kept)
         : *kept ? APR_SUCCESS
                 : open_zone(zone, kept);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    warn_of_changes(zone, *kept);
    if (zone->opened_now && (*kept)->gaps) {
        ap_log_error(
            APLOG_MARK, APLOG_WARNING, 0, zone->server,
            "PlaycountZone %s: file=%s has lost %" APR_UINT64_T_FMT
            " songs whose first plays came after the last sync before a power "
            "loss",
            zone->name, (*kept)->path, (*kept)->gaps);
    }
    return APR_SUCCESS;
}

apr_status_t playcount_zone_open(playcount_served_zone *zone, apr_pool_t *p)
{
    playcount_kept_zone *kept;
    apr_status_t rv = find_or_take(zone, &kept);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    zone->zone = playcount_zone_attach(p, kept->memory, kept->lock);
    if (*kept->path) {
        playcount_zone_set_in_file(zone->zone);
    }
    zone->lock = kept->lock;
    zone->opening = kept->opening;
    zone->device = kept->device;
    zone->inode = kept->inode;
    zone->health = kept->health;
    if (*kept->path) {
        playcount_zone_size size = {kept->songs, kept->keys};

        zone->fd = kept->fd;
        zone->bytes = playcount_zone_bytes(&size);
        playcount_zone_guard(zone->zone, &kept->health->failed, p);
    }
    return APR_SUCCESS;
}

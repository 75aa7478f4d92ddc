/* What the files of the zones share with each other only:
 *
 *   zones_conf.c  the directives, and which zone a request uses
 *   zones_open.c  a zone's memory or file and its lock
 *   zones_reopen.c  a file that had failed, at a restart
 *   zones_file.c  what happens to the file while the server runs
 *   zones_sync.c  writing to the disk, every sync= seconds
 *   zones.c       the hooks
 */
#ifndef PLAYCOUNT_SERVER_ZONES_PRIVATE_H
#define PLAYCOUNT_SERVER_ZONES_PRIVATE_H

#include "server/zones.h"
#include "shm/zone/put_back.h"

#define PLAYCOUNT_MUTEX "playcount"

/* What is kept of a zone over graceful restarts. */
typedef struct {
    void *memory;
    apr_global_mutex_t *lock;
    playcount_zone_health *health;
    char path[1024]; /* of the file, "" without one */
    uint64_t songs, keys;
    uint64_t opening;
    uint64_t device, inode; /* of the file */
    int fd;                 /* the file, open */
    uint64_t gaps;          /* songs that it lost to a power loss */
    unsigned reopened;      /* how often it had failed and was opened again */
    playcount_zone_copy
        *copy; /* what stands in the place of a deleted file, or NULL */
    apr_pool_t *copy_pool;
    apr_time_t said; /* when it was logged that it cannot be put back */
} playcount_kept_zone;

void *playcount_zones_create_server(apr_pool_t *p, server_rec *s);
void *playcount_zones_create_dir(apr_pool_t *p, char *dir);
void *playcount_zones_merge_dir(apr_pool_t *p, void *base, void *add);

/* Serve the configured zones, or the default one if none is; not yet open. */
void playcount_zones_serve(server_rec *main_server, apr_pool_t *p);

/* Find the zone of every PlaycountUse. 0 if there is none of that name, which is
 * logged. */
int playcount_zones_resolve_uses(server_rec *main_server);

/* In the parent: the zone's memory or file and its lock, made or found again, and a
 * handle from the pool p. What goes wrong is logged. */
apr_status_t playcount_zone_open(playcount_served_zone *zone, apr_pool_t *p);

/* At a graceful restart, for a zone that cannot be opened: an empty one in its
 * place, marked unavailable, so that the server goes on. */
apr_status_t playcount_zone_stand_in(playcount_served_zone *zone, apr_pool_t *p);

/* At a restart, for a zone whose file has failed: open it again, if it is well. */
apr_status_t playcount_zone_reopen(playcount_served_zone *zone,
                                   playcount_kept_zone *kept);

/* Log why a zone's file is refused: half a sentence. */
void playcount_zone_refuse_file(const playcount_served_zone *zone, const char *why);

/* Is there no file yet? */
int playcount_zone_is_to_be_made(const playcount_served_zone *zone);

/* At a start, while the terminal is still there: the same without the handle, for
 * the playcount_zone_open() to come. */
apr_status_t playcount_zone_take(playcount_served_zone *zone);

/* For `httpd -t`: 0 if the zone's file cannot be opened or made, which is logged.
 * What the server of this configuration has open already is right. */
int playcount_zone_look(const playcount_served_zone *zone, apr_pool_t *p);

/* In the child that syncs: is the file still there? It is logged once a minute if
 * not, and what to do. */
void playcount_zone_look_for_file(playcount_served_zone *zone);

/* In the parent, when the zones are open: the watchdog's callbacks that sync.
 * Returns OK or an HTTP error, as hooks do. */
int playcount_zones_start_syncing(server_rec *s, apr_pool_t *p);

/* In the parent, when the zones are open: their files are put back if they lose
 * their names. */
void playcount_zones_watch_files(server_rec *s, apr_pool_t *pconf);
void playcount_zones_file_hooks(void);

#endif

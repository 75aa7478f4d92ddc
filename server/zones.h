/* Zones in httpd: the directives PlaycountZone, PlaycountUse and
 * PlaycountIdempotency, the memory or file behind each zone, its lock, its sync,
 * and which zone a request uses.
 *
 * Zones belong to the process, not to the configuration: memory, file and lock
 * are made once and found again at each graceful restart, so that the children
 * of the old and the new generation count in the same place under the same lock.
 */
#ifndef PLAYCOUNT_SERVER_ZONES_H
#define PLAYCOUNT_SERVER_ZONES_H

#include <stdatomic.h>

#include "httpd.h"
#include "http_config.h"

#include "server/conf.h"
#include "shm/zone/zone.h"

#define PLAYCOUNT_DEFAULT_ZONE "default"

/* What stands under the name of a zone's file. */
typedef enum {
    PLAYCOUNT_FILE_THERE,    /* the file that was opened */
    PLAYCOUNT_FILE_DELETED,  /* nothing */
    PLAYCOUNT_FILE_COPIED,   /* a copy that the server has put there */
    PLAYCOUNT_FILE_REPLACED, /* something else */
} playcount_file_place;

/* What all processes must know of a zone and its file cannot hold: in memory that
 * they share, for as long as the server runs. */
typedef struct {
    _Atomic uint32_t failed;      /* any: a page cannot be read or written */
    _Atomic uint32_t place;       /* the child that syncs: a playcount_file_place */
    _Atomic uint64_t copy_device; /* parent: which file the copy is; */
    _Atomic uint64_t copy_inode;  /* 0 for none */
} playcount_zone_health;

typedef struct {
    const char *name;
    const char *path;         /* of the file; NULL for a zone in memory */
    uint64_t songs;           /* capacity */
    uint64_t keys;            /* idempotency keys remembered */
    uint64_t key_seconds;     /* for so long */
    int sync;                 /* seconds between two syncs */
    int reserve;              /* 1: take all memory at the start */
    server_rec *server;       /* for the log */
    const char *where;        /* file and line of the directive */
    apr_global_mutex_t *lock; /* NULL for a zone that could not be opened */
    int sync_failed;          /* logged already */
    apr_time_t synced;        /* the child that syncs: when */
    uint64_t device, inode;   /* which file it is */
    int fd;                   /* it, open */
    uint64_t bytes;           /* its size */
    apr_time_t lost_logged; /* when it was logged that it is not there, or fails */
    playcount_zone *zone;   /* NULL before post_config */
    playcount_zone_health *health; /* NULL for a zone that is unavailable */
    uint64_t opening; /* random: tells this opening of the zone from all others;
                         the same over graceful restarts */
    int opened_now;   /* 1 in the parent if this start (not a graceful
                         restart) opened or made it */
    int unavailable;  /* 1 if a graceful restart could not open it: `zone` is an
                         empty one then, in which nothing must be counted */
} playcount_served_zone;

/* All zones of the server, playcount_served_zone *, in the order of their
 * directives; known from the zones' check_config on, open from their post_config
 * on. Both run before those of the other rooms (which register theirs as
 * APR_HOOK_MIDDLE or later). */
const apr_array_header_t *playcount_zones(const server_rec *s);

/* The zone of this name, NULL if there is none. */
playcount_served_zone *playcount_zone_named(const server_rec *s, const char *name);

/* The zone that this request counts in; never NULL. */
playcount_served_zone *playcount_zone_of(const request_rec *r);

/* 0 if it could not be opened, or if its file cannot be read or written any more.
 * Ask before an operation, and playcount_zone_failed() after it. */
int playcount_zone_is_available(const playcount_served_zone *zone);

/* In post_config: something that belongs to an open zone has failed. At a restart
 * it is unavailable from now on, which is logged; 0 at a start, which has to fail.
 */
int playcount_zone_give_up(playcount_served_zone *zone);

/* Answer a request to a zone that is not available: 503. */
int playcount_refuse_unavailable(request_rec *r, const playcount_served_zone *zone);

/* Has the zone of this request, which is the counter's, failed meanwhile? What it
 * has said must not be answered then (server/answer.c). */
int playcount_zone_has_failed_for(const request_rec *r);

/* Answer what a zone refused with APR_TIMEUP: 503, Retry-After, and once a minute
 * log a line that names the process that holds the lock. */
int playcount_refuse_frozen(request_rec *r, playcount_served_zone *zone);

/* The directives' functions. */
const char *playcount_cmd_zone(cmd_parms *cmd, void *dummy, int argc,
                               char *const argv[]);
const char *playcount_cmd_use(cmd_parms *cmd, void *mconfig, const char *name);
const char *playcount_cmd_idempotency(cmd_parms *cmd, void *dummy, const char *keys,
                                      const char *seconds);

/* "10", "5k", "1m" as a number of 1 to `most`; 0 if it is not one. */
uint64_t playcount_parse_number(const char *text, uint64_t most);

extern const playcount_room playcount_zones_room;

#endif

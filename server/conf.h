/* Configuration, room by room: the module's one record, created, merged and looked
 * up in parts.
 *
 * The module has one record and so one configuration vector, but several
 * rooms. Each room describes itself in a playcount_room: its name, the four
 * functions that create and merge its configuration (any of them NULL), the
 * one that registers its hooks, and what it answers below a counter's root.
 * mod_playcount.c lists the rooms; every room reads its own part with the two
 * functions below and no other room's.
 */
#ifndef PLAYCOUNT_SERVER_CONF_H
#define PLAYCOUNT_SERVER_CONF_H

#include "httpd.h"
#include "http_config.h"

extern module playcount_module;

/* Which part of the configuration; also the room's place in the table. */
typedef enum {
    PLAYCOUNT_ROOM_ZONES,
    PLAYCOUNT_ROOM_SITE,
    PLAYCOUNT_ROOM_API,
    PLAYCOUNT_ROOM_HANDOFF,
    PLAYCOUNT_ROOM_METRICS,
    PLAYCOUNT_ROOM_MEDIA,
    PLAYCOUNT_ROOM_LANE,
    PLAYCOUNT_ROOM_RECORDER,
    PLAYCOUNT_ROOMS
} playcount_room_e;

typedef struct playcount_endpoint playcount_endpoint; /* see dispatch.h */

typedef struct {
    const char *name;
    const playcount_endpoint *endpoints; /* up to one without a path; or NULL */
    void *(*create_server)(apr_pool_t *p, server_rec *s);
    void *(*merge_server)(apr_pool_t *p, void *base, void *add);
    void *(*create_dir)(apr_pool_t *p, char *dir);
    void *(*merge_dir)(apr_pool_t *p, void *base, void *add);
    void (*register_hooks)(apr_pool_t *p);
} playcount_room;

/* All rooms, in the order of playcount_room_e; defined by mod_playcount.c. */
extern const playcount_room *const playcount_rooms[PLAYCOUNT_ROOMS];

/* The module record's own functions: one call per room. */
void *playcount_conf_create_server(apr_pool_t *p, server_rec *s);
void *playcount_conf_merge_server(apr_pool_t *p, void *base, void *add);
void *playcount_conf_create_dir(apr_pool_t *p, char *dir);
void *playcount_conf_merge_dir(apr_pool_t *p, void *base, void *add);

/* What httpd keeps for the module, per server and per directory. */
typedef struct {
    void *part[PLAYCOUNT_ROOMS];
} playcount_parts;

/* A room's part of a per-directory configuration: pass r->per_dir_config. Several
 * hooks of every request ask. */
static inline void *playcount_dir_conf(const ap_conf_vector_t *v,
                                       playcount_room_e room)
{
    const playcount_parts *conf = ap_get_module_config(v, &playcount_module);

    return conf->part[room];
}

/* A room's part of a server's (virtual host's) configuration. */
static inline void *playcount_server_conf(const server_rec *s,
                                          playcount_room_e room)
{
    return playcount_dir_conf(s->module_config, room);
}

/* In a directive's function: the two parts that it sets. `mconfig` is the
 * pointer httpd hands to the function. */
void *playcount_cmd_server_conf(cmd_parms *cmd, playcount_room_e room);
void *playcount_cmd_dir_conf(void *mconfig, playcount_room_e room);

#endif

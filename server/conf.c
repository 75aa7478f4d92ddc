/* Configuration, room by room: see conf.h. */

#include "server/conf.h"

typedef void *merge_fn(apr_pool_t *, void *, void *);

static void *merge_part(apr_pool_t *p, merge_fn *merge, void *base, void *add)
{
    return merge ? merge(p, base, add) : add;
}

void *playcount_conf_create_server(apr_pool_t *p, server_rec *s)
{
    playcount_parts *conf = apr_pcalloc(p, sizeof(*conf));

    for (int i = 0; i < PLAYCOUNT_ROOMS; i++) {
        if (playcount_rooms[i] && playcount_rooms[i]->create_server) {
            conf->part[i] = playcount_rooms[i]->create_server(p, s);
        }
    }
    return conf;
}

void *playcount_conf_merge_server(apr_pool_t *p, void *base, void *add)
{
    playcount_parts *conf = apr_pcalloc(p, sizeof(*conf));

    for (int i = 0; i < PLAYCOUNT_ROOMS; i++) {
        conf->part[i] = merge_part(
            p, playcount_rooms[i] ? playcount_rooms[i]->merge_server : NULL,
            ((playcount_parts *)base)->part[i], ((playcount_parts *)add)->part[i]);
    }
    return conf;
}

void *playcount_conf_create_dir(apr_pool_t *p, char *dir)
{
    playcount_parts *conf = apr_pcalloc(p, sizeof(*conf));

    for (int i = 0; i < PLAYCOUNT_ROOMS; i++) {
        if (playcount_rooms[i] && playcount_rooms[i]->create_dir) {
            conf->part[i] = playcount_rooms[i]->create_dir(p, dir);
        }
    }
    return conf;
}

void *playcount_conf_merge_dir(apr_pool_t *p, void *base, void *add)
{
    playcount_parts *conf = apr_pcalloc(p, sizeof(*conf));

    for (int i = 0; i < PLAYCOUNT_ROOMS; i++) {
        conf->part[i] = merge_part(
            p, playcount_rooms[i] ? playcount_rooms[i]->merge_dir : NULL,
            ((playcount_parts *)base)->part[i], ((playcount_parts *)add)->part[i]);
    }
    return conf;
}

void *playcount_cmd_server_conf(cmd_parms *cmd, playcount_room_e room)
{
    return playcount_server_conf(cmd->server, room);
}

void *playcount_cmd_dir_conf(void *mconfig, playcount_room_e room)
{
    return ((playcount_parts *)mconfig)->part[room];
}

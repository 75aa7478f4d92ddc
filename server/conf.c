/* Configuration, room by room: see conf.h. */

#include "server/conf.h"

typedef struct {
    void *part[PLAYCOUNT_ROOMS];
} parts;

typedef void *merge_fn(apr_pool_t *, void *, void *);

static void *merge_part(apr_pool_t *p, merge_fn *merge, void *base, void *add)
{
    return merge ? merge(p, base, add) : add;
}

void *playcount_conf_create_server(apr_pool_t *p, server_rec *s)
{
    parts *conf = apr_pcalloc(p, sizeof(*conf));

    for (int i = 0; i < PLAYCOUNT_ROOMS; i++) {
        if (playcount_rooms[i] && playcount_rooms[i]->create_server) {
            conf->part[i] = playcount_rooms[i]->create_server(p, s);
        }
    }
    return conf;
}

void *playcount_conf_merge_server(apr_pool_t *p, void *base, void *add)
{
    parts *conf = apr_pcalloc(p, sizeof(*conf));

    for (int i = 0; i < PLAYCOUNT_ROOMS; i++) {
        conf->part[i] = merge_part(
            p, playcount_rooms[i] ? playcount_rooms[i]->merge_server : NULL,
            ((parts *)base)->part[i], ((parts *)add)->part[i]);
    }
    return conf;
}

void *playcount_conf_create_dir(apr_pool_t *p, char *dir)
{
    parts *conf = apr_pcalloc(p, sizeof(*conf));

    for (int i = 0; i < PLAYCOUNT_ROOMS; i++) {
        if (playcount_rooms[i] && playcount_rooms[i]->create_dir) {
            conf->part[i] = playcount_rooms[i]->create_dir(p, dir);
        }
    }
    return conf;
}

void *playcount_conf_merge_dir(apr_pool_t *p, void *base, void *add)
{
    parts *conf = apr_pcalloc(p, sizeof(*conf));

    for (int i = 0; i < PLAYCOUNT_ROOMS; i++) {
        conf->part[i] =
            merge_part(p, playcount_rooms[i] ? playcount_rooms[i]->merge_dir : NULL,
                       ((parts *)base)->part[i], ((parts *)add)->part[i]);
    }
    return conf;
}

void *playcount_server_conf(const server_rec *s, playcount_room_e room)
{
    parts *conf = ap_get_module_config(s->module_config, &playcount_module);

    return conf->part[room];
}

void *playcount_dir_conf(const ap_conf_vector_t *v, playcount_room_e room)
{
    parts *conf = ap_get_module_config(v, &playcount_module);

    return conf->part[room];
}

void *playcount_cmd_server_conf(cmd_parms *cmd, playcount_room_e room)
{
    return playcount_server_conf(cmd->server, room);
}

void *playcount_cmd_dir_conf(void *mconfig, playcount_room_e room)
{
    return ((parts *)mconfig)->part[room];
}

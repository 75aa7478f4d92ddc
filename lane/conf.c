/* PlaycountLane. */

#include "lane/lane.h"

#include "apr_strings.h"

int playcount_lane_wanted;

void *playcount_lane_create_server(apr_pool_t *p, server_rec *s)
{
    playcount_lane_server *conf = apr_pcalloc(p, sizeof(*conf));

    conf->on = -1;
    return conf;
}

void *playcount_lane_merge_server(apr_pool_t *p, void *base, void *add)
{
    const playcount_lane_server *above = base, *own = add;
    playcount_lane_server *conf = apr_pcalloc(p, sizeof(*conf));

    *conf = own->on == -1 ? *above : *own;
    return conf;
}

int playcount_lane_is_on(const server_rec *s)
{
    const playcount_lane_server *conf =
        playcount_server_conf(s, PLAYCOUNT_ROOM_LANE);

    return conf->on == 1;
}

int playcount_lane_is_unlogged(const server_rec *s)
{
    const playcount_lane_server *conf =
        playcount_server_conf(s, PLAYCOUNT_ROOM_LANE);

    return conf->unlogged;
}

const char *playcount_cmd_lane(cmd_parms *cmd, void *dummy, const char *on,
                               const char *unlogged)
{
    playcount_lane_server *conf =
        playcount_cmd_server_conf(cmd, PLAYCOUNT_ROOM_LANE);

    if ((strcasecmp(on, "on") && strcasecmp(on, "off")) ||
        (unlogged && (strcasecmp(on, "on") || strcasecmp(unlogged, "unlogged")))) {
        return "PlaycountLane must be On, On unlogged, or Off";
    }
    conf->on = !strcasecmp(on, "on");
    conf->unlogged = unlogged != NULL;
    playcount_lane_wanted |= conf->on;
    return NULL;
}

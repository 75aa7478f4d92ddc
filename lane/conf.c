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

    conf->on = own->on == -1 ? above->on : own->on;
    return conf;
}

int playcount_lane_is_on(const server_rec *s)
{
    const playcount_lane_server *conf =
        playcount_server_conf(s, PLAYCOUNT_ROOM_LANE);

    return conf->on == 1;
}

const char *playcount_cmd_lane(cmd_parms *cmd, void *dummy, int flag)
{
    playcount_lane_server *conf =
        playcount_cmd_server_conf(cmd, PLAYCOUNT_ROOM_LANE);

    conf->on = flag;
    playcount_lane_wanted |= flag;
    return NULL;
}

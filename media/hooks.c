/* The room's hooks and the tables' memory. */

#include "media/private.h"

#include "http_connection.h"
#include "http_core.h"
#include "http_log.h"

#include "server/connection.h"
#include "server/start.h"
#include "server/watchdog.h"

APLOG_USE_MODULE(playcount);

#define SWEEP_SECONDS 60

playcount_media *playcount_media_tables;
const playcount_media_server *playcount_media_global;

static int pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    playcount_media_wanted = 0;
    return OK;
}

/* `httpd -t` looks at the table's file: a graceful restart could only go on without
 * it. */
static int check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                        server_rec *s)
{
    const playcount_media_server *conf =
        playcount_server_conf(s, PLAYCOUNT_ROOM_MEDIA);

    if (!playcount_media_wanted || !conf->path ||
        ap_state_query(AP_SQ_RUN_MODE) != AP_SQ_RM_CONFIG_TEST) {
        return OK;
    }
    return playcount_media_table_look(s, conf, ptemp) ? OK
                                                      : HTTP_INTERNAL_SERVER_ERROR;
}

static int open_logs(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                     server_rec *s)
{
    return !playcount_media_wanted || !playcount_start_has_terminal() ||
                   playcount_media_table_take(
                       s, playcount_server_conf(s, PLAYCOUNT_ROOM_MEDIA)) ==
                       APR_SUCCESS
               ? OK
               : HTTP_INTERNAL_SERVER_ERROR;
}

static apr_status_t watch(int state, void *data, apr_pool_t *pool)
{
    static int seconds;

    if (state == AP_WATCHDOG_STATE_RUNNING) {
        playcount_media_table_look_for_file(data);
        if (++seconds % SWEEP_SECONDS == 0) {
            playcount_media_sweep(
                playcount_media_tables,
                playcount_window_day(apr_time_sec(apr_time_now())));
        }
    }
    return APR_SUCCESS;
}

static int post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                       server_rec *s)
{
    playcount_media_server *conf = playcount_server_conf(s, PLAYCOUNT_ROOM_MEDIA);

    playcount_media_tables = NULL;
    playcount_media_global = conf;
    if (!playcount_media_wanted ||
        ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG) {
        return OK;
    }
    playcount_media_agents_make(conf, pconf);
    if (!conf->lists.agents) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, 0, s,
                     "PlaycountMedia: there is no memory, or the kernel has no "
                     "random bytes");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    if (playcount_media_table_open(s, conf, pconf, &playcount_media_tables) !=
        APR_SUCCESS) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    return playcount_watch("media", PLAYCOUNT_WATCH_ONE_CHILD, AP_WD_TM_INTERVAL,
                           watch, s, s, pconf) == APR_SUCCESS
               ? OK
               : HTTP_INTERNAL_SERVER_ERROR;
}

/* A stream of HTTP/2 asks for its master's record, and has another thread than it.
 */
static int pre_connection(conn_rec *c, void *csd)
{
    if (playcount_media_tables && !c->master) {
        playcount_connection_get(c);
    }
    return OK;
}

static void register_hooks(apr_pool_t *p)
{
    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_check_config(check_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_open_logs(open_logs, playcount_after_mpm, playcount_before_core,
                      APR_HOOK_REALLY_FIRST);
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_pre_connection(pre_connection, NULL, NULL, APR_HOOK_MIDDLE);
    playcount_media_table_register_hooks();
    playcount_media_delivery_register_hooks(p);
    playcount_media_logitem_register_hooks(p);
}

const playcount_room playcount_media_room = {
    .name = "media",
    .create_server = playcount_media_create_server,
    .create_dir = playcount_media_create_dir,
    .merge_dir = playcount_media_merge_dir,
    .register_hooks = register_hooks,
};

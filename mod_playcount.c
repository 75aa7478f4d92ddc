/* mod_playcount: the table of contents. The module record, the rooms, the
 * directives; all logic is in the rooms. See README for what it does,
 * docs/ARCHITECTURE.md for how. */

#include "httpd.h"
#include "http_config.h"
#include "http_core.h"
#include "http_log.h"

#include "api/api.h"
#include "handoff/handoff.h"
#include "lane/lane.h"
#include "media/media.h"
#include "mod_playcount.h"
#include "metrics/metrics.h"
#include "recorder/recorder.h"
#include "server/claim.h"
#include "server/conf.h"
#include "server/crash.h"
#include "server/delivered.h"
#include "server/dispatch.h"
#include "server/reap.h"
#include "server/request.h"
#include "server/site.h"
#include "server/watchdog.h"
#include "server/zones.h"

APLOG_USE_MODULE(playcount);

const playcount_room *const playcount_rooms[PLAYCOUNT_ROOMS] = {
    [PLAYCOUNT_ROOM_ZONES] = &playcount_zones_room,
    [PLAYCOUNT_ROOM_SITE] = &playcount_site_room,
    [PLAYCOUNT_ROOM_API] = &playcount_api_room,
    [PLAYCOUNT_ROOM_METRICS] = &playcount_metrics_room,
    [PLAYCOUNT_ROOM_MEDIA] = &playcount_media_room,
    [PLAYCOUNT_ROOM_HANDOFF] = &playcount_handoff_room,
    [PLAYCOUNT_ROOM_LANE] = &playcount_lane_room,
    [PLAYCOUNT_ROOM_RECORDER] = &playcount_recorder_room,
};

static const command_rec directives[] = {
    AP_INIT_TAKE_ARGV(
        "PlaycountZone", playcount_cmd_zone, NULL, RSRC_CONF,
        "NAME [songs=N] [file=PATH] [sync=SECONDS] [memory=reserve]: a zone of "
        "shared memory, kept in a file if one is named, with room for N songs"),
    AP_INIT_TAKE1("PlaycountUse", playcount_cmd_use, NULL, RSRC_CONF | ACCESS_CONF,
                  "NAME of the zone that requests here count in"),
    AP_INIT_TAKE12(
        "PlaycountIdempotency", playcount_cmd_idempotency, NULL, RSRC_CONF,
        "N [SECONDS]: how many idempotency keys each zone remembers, and for "
        "how long"),
    AP_INIT_FLAG("PlaycountMetrics", playcount_metrics_on, NULL,
                 RSRC_CONF | ACCESS_CONF,
                 "On or Off: whether to measure the requests here"),
    AP_INIT_TAKE1("PlaycountRoute", playcount_metrics_route, NULL,
                  RSRC_CONF | ACCESS_CONF,
                  "the label or expression under which requests here are measured"),
    AP_INIT_TAKE1(
        "PlaycountSlowRequests", playcount_metrics_slow, NULL,
        RSRC_CONF | ACCESS_CONF,
        "SECONDS, fractions too, over which a request is logged and kept as "
        "slow; or Off"),
    AP_INIT_TAKE1(
        "PlaycountRoutes", playcount_metrics_routes, NULL, RSRC_CONF,
        "how many different routes are kept apart; the rest is \"other\""),
    AP_INIT_TAKE1(
        "PlaycountSeries", playcount_metrics_series, NULL, RSRC_CONF,
        "SECONDS of each interval of the series, which reaches back an hour"),
    AP_INIT_FLAG(
        "PlaycountMetricsSongs", playcount_metrics_songs, NULL, RSRC_CONF,
        "On or Off: whether playcount-metrics lists each zone's hundred highest "
        "songs"),
    AP_INIT_TAKE1(
        "PlaycountBuckets", playcount_metrics_buckets, NULL, RSRC_CONF,
        "N, 1 to 20: how many buckets of time Prometheus gets per power of ten"),
    AP_INIT_FLAG(
        "PlaycountNotes", playcount_metrics_notes, NULL, RSRC_CONF,
        "On or Off: whether measured requests have their values as notes, for "
        "other modules"),
    AP_INIT_TAKE_ARGV("PlaycountStatsd", playcount_metrics_statsd, NULL, RSRC_CONF,
                      "HOST:PORT [prefix=P] [format=statsd|dogstatsd] [interval=S] "
                      "[mode=aggregate|raw] [rates=on|off] [packed=on|off] "
                      "[tags=k:v,...]: where to "
                      "send the metrics"),
    AP_INIT_TAKE12(
        "PlaycountLane", playcount_cmd_lane, NULL, RSRC_CONF,
        "On [unlogged] or Off: whether the simplest requests for songs are "
        "answered without httpd's own work on them"),
    AP_INIT_TAKE_ARGV(
        "PlaycountRecorder", playcount_cmd_recorder, NULL, RSRC_CONF,
        "DIR [max-body=BYTES] [keep=N] [when=EXPRESSION] [secrets=mask|keep], or "
        "Off: where requests and responses are recorded, a directory for each"),
    AP_INIT_TAKE_ARGV("PlaycountHandoff", playcount_cmd_handoff, NULL, RSRC_CONF,
                      "dbd or redis [zone=NAME] [interval=SECONDS] [node=NAME] "
                      "[OPTION=VALUE...]: "
                      "deliver the plays of a zone into the database of the DBD "
                      "directives, or into "
                      "a Redis Cluster"),
    AP_INIT_TAKE_ARGV(
        "PlaycountMedia", playcount_cmd_media, NULL, RSRC_CONF | ACCESS_CONF,
        "On [seconds=N] [window=day|rolling] or Off: whether a play is counted "
        "when enough of an audio or video file has been delivered to a listener"),
    AP_INIT_TAKE_ARGV(
        "PlaycountMediaTypes", playcount_cmd_media_types, NULL,
        RSRC_CONF | ACCESS_CONF,
        "the Content-Types of what is counted so, or their beginnings"),
    AP_INIT_TAKE1("PlaycountMediaBitrate", playcount_cmd_media_bitrate, NULL,
                  RSRC_CONF | ACCESS_CONF,
                  "auto, KBITS or whole: how many bytes are enough is as the file "
                  "says, by this bitrate, or all of them"),
    AP_INIT_TAKE1("PlaycountMediaSong", playcount_cmd_media_song, NULL,
                  RSRC_CONF | ACCESS_CONF,
                  "the expression that gives the song under which a file counts"),
    AP_INIT_TAKE_ARGV("PlaycountMediaTable", playcount_cmd_media_table, NULL,
                      RSRC_CONF,
                      "[downloads=N] [open=N] [file=PATH]: how many listeners are "
                      "known a day and "
                      "how many unfinished downloads, in memory or in a file"),
    AP_INIT_TAKE2(
        "PlaycountMediaAgents", playcount_cmd_media_agents, NULL, RSRC_CONF,
        "deny or allow, and a FILE of User-Agents that are no listeners, or "
        "are"),
    AP_INIT_TAKE2("PlaycountMediaAddresses", playcount_cmd_media_addresses, NULL,
                  RSRC_CONF,
                  "deny or allow, and a FILE of networks whose addresses are no "
                  "listeners, or are"),
    {.name = NULL},
};

static int announce(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                    server_rec *s)
{
    if (ap_state_query(AP_SQ_MAIN_STATE) != AP_SQ_MS_CREATE_PRE_CONFIG) {
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s,
                     "mod_playcount/" PLAYCOUNT_VERSION " loaded");
    }
    return OK;
}

static void register_hooks(apr_pool_t *p)
{
    ap_hook_post_config(announce, NULL, NULL, APR_HOOK_FIRST);
    playcount_crash_register_hooks(p);
    playcount_reap_register_hooks(p);
    playcount_delivered_register_hooks(p);
    playcount_claim_register_hooks(p);
    playcount_request_register_hooks(p);
    playcount_dispatch_register_hooks(p);
    playcount_watch_register_hooks();
    for (int i = 0; i < PLAYCOUNT_ROOMS; i++) {
        if (playcount_rooms[i] && playcount_rooms[i]->register_hooks) {
            playcount_rooms[i]->register_hooks(p);
        }
    }
}

__attribute__((visibility("default")))
module AP_MODULE_DECLARE_DATA playcount_module = {
    STANDARD20_MODULE_STUFF,
    playcount_conf_create_dir,
    playcount_conf_merge_dir,
    playcount_conf_create_server,
    playcount_conf_merge_server,
    directives,
    register_hooks,
    AP_MODULE_FLAG_NONE,
};

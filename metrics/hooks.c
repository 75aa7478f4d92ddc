/* The metrics' hooks and memory. */

#include "metrics/metrics.h"

#include <unistd.h>

#include "ap_mpm.h"
#include "http_log.h"
#include "http_core.h"
#include "http_main.h"
#include "mpm_common.h"
#include "apr_shm.h"
#include "apr_strings.h"

#include "metrics/clock.h"
#include "metrics/kept.h"
#include "metrics/live.h"
#include "server/retained.h"
#include "server/start.h"
#include "shm/hot.h"

APLOG_USE_MODULE(playcount);

#define MOST_TRAYS 1024

PLAYCOUNT_AT_HAND const playcount_segment *playcount_metrics_segment;
PLAYCOUNT_AT_HAND const playcount_metrics_server *playcount_metrics_global;
PLAYCOUNT_AT_HAND _Atomic int32_t *playcount_metrics_row;

static int pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    (void)pconf, (void)plog, (void)ptemp;
    playcount_metrics_wanted = 0;
    playcount_metrics_labels = apr_array_make(pconf, 8, sizeof(const char *));
    return OK;
}

/* Half a kilobyte each, and whoever reads the figures looks into all that were ever
 * used: not more than a thousand. */
static uint32_t trays_for(unsigned children)
{
    uint64_t all = (uint64_t)children * playcount_count_trays();

    return all < MOST_TRAYS ? (uint32_t)all : MOST_TRAYS;
}

static void shape_of(const playcount_metrics_server *conf,
                     playcount_segment_shape *shape)
{
    int children = 0;

    ap_mpm_query(AP_MPMQ_HARD_LIMIT_DAEMONS, &children);
    shape->routes = (uint32_t)conf->routes;
    /* After a graceful restart, old and new children live side by side. */
    shape->children = (uint32_t)(children > 0 ? 2 * children : 64);
    shape->trays = trays_for(shape->children);
    shape->intervals = (uint32_t)((PLAYCOUNT_HISTORY_SECONDS + conf->interval - 1) /
                                  conf->interval);
    shape->statsd = conf->statsd != NULL;
}

/* Keep an event for the charts. In the parent. */
static void tell(playcount_event_e kind, pid_t pid)
{
    playcount_event event = {(uint64_t)apr_time_now(), kind, (int32_t)pid};

    playcount_events_add(playcount_metrics_segment->events, &event);
}

static int refuse(server_rec *s, apr_status_t rv,
                  const playcount_segment_shape *shape)
{
    ap_log_error(APLOG_MARK, APLOG_CRIT, rv, s,
                 "PlaycountMetrics: no shared memory of %" APR_SIZE_T_FMT
                 " bytes for %u routes; lower PlaycountRoutes or give the machine "
                 "more memory",
                 playcount_segment_size(shape), shape->routes);
    return HTTP_INTERNAL_SERVER_ERROR;
}

static int get_memory(server_rec *s, apr_pool_t *pconf,
                      const playcount_metrics_server *conf)
{
    playcount_segment *seg = apr_palloc(pconf, sizeof(*seg));
    playcount_segment_shape shape;
    apr_status_t rv;
    void *memory;
    char key[64];
    int fresh;

    shape_of(conf, &shape);
    apr_snprintf(key, sizeof(key), "%d-%u-%u-%u-%d-%u-%u",
                 PLAYCOUNT_SEGMENT_VERSION, shape.routes, shape.children,
                 shape.intervals, conf->interval, shape.statsd, shape.trays);
    rv = playcount_retained_memory(s, "metrics", key,
                                   playcount_segment_size(&shape), &memory, &fresh);
    if (rv != APR_SUCCESS) {
        return refuse(s, rv, &shape);
    }
    /* Children that predate a graceful restart keep what they have. */
    playcount_retained_only("metrics", key);
    playcount_segment_map(seg, memory, &shape);
    if (fresh) {
        uint64_t random[2];

        apr_generate_random_bytes((unsigned char *)random, sizeof(random));
        playcount_segment_init(seg, &shape, random, (uint64_t)apr_time_now());
    }
    playcount_metrics_segment = seg;
    tell(fresh ? PLAYCOUNT_EVENT_START : PLAYCOUNT_EVENT_GRACEFUL, 0);
    ap_log_error(
        APLOG_MARK, APLOG_NOTICE, 0, s,
        "metrics: %.1f MB of shared memory for %u routes and \"other\", %u "
        "intervals of %d s%s",
        (double)playcount_segment_size(&shape) / 1e6, shape.routes, shape.intervals,
        conf->interval, fresh ? "" : "; counts go on");
    return OK;
}

/* Can there be so much memory? Nothing of it is touched. */
static int open_logs(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                     server_rec *s)
{
    const playcount_metrics_server *conf =
        playcount_server_conf(s, PLAYCOUNT_ROOM_METRICS);
    playcount_segment_shape shape;
    apr_shm_t *shm;
    apr_status_t rv;

    if (!playcount_metrics_wanted || !playcount_start_has_terminal()) {
        return OK;
    }
    shape_of(conf, &shape);
    rv = apr_shm_create(&shm, playcount_segment_size(&shape), NULL, ptemp);
    if (rv != APR_SUCCESS) {
        return refuse(s, rv, &shape);
    }
    apr_shm_destroy(shm);
    return OK;
}

static int post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                       server_rec *s)
{
    const playcount_metrics_server *conf =
        playcount_server_conf(s, PLAYCOUNT_ROOM_METRICS);
    int result;

    (void)plog, (void)ptemp;
    playcount_metrics_global = conf;
    playcount_metrics_segment = NULL;
    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG) {
        return OK;
    }
    if (!playcount_metrics_wanted) {
        playcount_kept_start(s, pconf);
        if (conf->statsd) {
            ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                         "PlaycountStatsd has nothing to send: PlaycountMetrics is "
                         "On nowhere");
        }
        return OK;
    }
    playcount_notes_look(conf);
    result = get_memory(s, pconf, conf);
    if (result != OK) {
        /* At a restart that would end the server: better without. */
        return playcount_start_is_restart() ? OK : result;
    }
    playcount_route_begin(s, ptemp);
    playcount_interval_start(s, pconf);
    playcount_statsd_start(s, pconf);
    playcount_kept_start(s, pconf);
    return OK;
}

static apr_status_t leave(void *row)
{
    playcount_inflight_leave(row);
    return APR_SUCCESS;
}

static void child_init(apr_pool_t *p, server_rec *s)
{
    playcount_clock_calibrate();
    if (playcount_metrics_segment) {
        playcount_metrics_row = playcount_inflight_claim(
            playcount_metrics_segment->inflight, (int32_t)getpid());
        apr_pool_cleanup_register(p, (void *)playcount_metrics_row, leave,
                                  apr_pool_cleanup_null);
        playcount_count_child();
        playcount_live_child(p);
        playcount_statsd_child(s);
    }
}

/* The parent hears of every child that ends, killed ones too. */
static void child_status(server_rec *s, pid_t pid, ap_generation_t gen, int slot,
                         mpm_child_status status)
{
    const playcount_segment *seg = playcount_metrics_segment;

    (void)s, (void)gen, (void)slot;
    if (status != MPM_CHILD_EXITED || !seg) {
        return;
    }
    playcount_trays_release(seg->trays, seg->figures, (int32_t)pid);
    if (playcount_inflight_release(seg->inflight, (int32_t)pid)) {
        tell(PLAYCOUNT_EVENT_KILLED, pid);
    }
}

static void register_hooks(apr_pool_t *p)
{
    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_open_logs(open_logs, playcount_after_mpm, playcount_before_core,
                      APR_HOOK_REALLY_FIRST);
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_init(child_init, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_status(child_status, NULL, NULL, APR_HOOK_MIDDLE);
    playcount_clock_begin();
    playcount_sample_register_hooks(p);
    playcount_logitem_register_hooks(p);
    playcount_handler_register_hooks(p);
    playcount_status_register_hooks(p);
}

const playcount_room playcount_metrics_room = {
    .name = "metrics",
    .create_server = playcount_metrics_create_server,
    .create_dir = playcount_metrics_create_dir,
    .merge_dir = playcount_metrics_merge_dir,
    .register_hooks = register_hooks,
};

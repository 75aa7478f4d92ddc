/* The zones that have a PlaycountHandoff, and the start of the server. */

#include "handoff/handoff.h"

#include "ap_mpm.h"
#include "http_core.h"
#include "http_log.h"

APLOG_USE_MODULE(playcount);

apr_array_header_t *playcount_handoffs;

static int pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    playcount_handoffs = apr_array_make(pconf, 2, sizeof(playcount_handoff *));
    /* Optional, and mod_status may be loaded after this module. */
    playcount_handoff_register_status();
    return OK;
}

const playcount_handoff *playcount_handoff_of(const playcount_served_zone *zone)
{
    for (int i = 0; i < playcount_handoffs->nelts; i++) {
        const playcount_handoff *h =
            APR_ARRAY_IDX(playcount_handoffs, i, playcount_handoff *);

        if (h->zone == zone) {
            return h;
        }
    }
    return NULL;
}

/* --- start-up --- */

static int refuse_start(const playcount_handoff *h, const char *missing)
{
    ap_log_error(APLOG_MARK, APLOG_EMERG, 0, h->server,
                 "PlaycountHandoff %s (%s): %s", h->engine->name, h->where,
                 missing);
    return HTTP_INTERNAL_SERVER_ERROR;
}

static int check_handoff(playcount_handoff *h, apr_pool_t *p)
{
    const char *missing;

    h->zone = playcount_zone_named(h->server, h->zone_name);
    if (!h->zone) {
        ap_log_error(
            APLOG_MARK, APLOG_EMERG, 0, h->server,
            "PlaycountHandoff (%s): there is no zone %s; add PlaycountZone "
            "%s, or name one that there is with zone=",
            h->where, h->zone_name, h->zone_name);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    missing = h->engine->check(h, p);
    return missing ? refuse_start(h, missing) : OK;
}

/* `httpd -t` calls this too. */
static int check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                        server_rec *s)
{
    for (int i = 0; i < playcount_handoffs->nelts; i++) {
        if (check_handoff(APR_ARRAY_IDX(playcount_handoffs, i, playcount_handoff *),
                          ptemp)) {
            return HTTP_INTERNAL_SERVER_ERROR;
        }
    }
    return OK;
}

static void warn_of_memory(const playcount_handoff *h)
{
    if (!h->zone->path) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, h->server,
                     "PlaycountHandoff (%s): the zone %s is in memory only: plays "
                     "that are not delivered yet are lost when the server stops. "
                     "Give the zone a file=",
                     h->where, h->zone_name);
    }
}

/* What a file held when it was opened becomes a batch of its own: see
 * shm/zone/batches.h. Not for a zone that was never handed over. */
static int take_at_open(const playcount_served_zone *zone)
{
    playcount_handoff_use use;
    apr_status_t rv;

    if (!zone->opened_now || !zone->path) {
        return OK;
    }
    playcount_handoff_usage(zone->zone, &use);
    if (!use.batches && !use.open && !playcount_handoff_of(zone)) {
        return OK;
    }
    rv = playcount_batch_take_at_open(zone->zone);
    if (rv != APR_SUCCESS) {
        ap_log_error(
            APLOG_MARK, APLOG_EMERG, rv, zone->server,
            "PlaycountZone %s (%s): file=%s cannot be written to the disk, "
            "so its plays cannot be handed over; see to the disk",
            zone->name, zone->where, zone->path);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    return OK;
}

static int open_handoff(playcount_handoff *h, apr_pool_t *p)
{
    const char *missing = h->engine->open ? h->engine->open(h, p) : NULL;

    return missing ? refuse_start(h, missing) : OK;
}

static int post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                       server_rec *s)
{
    const apr_array_header_t *zones;

    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG) {
        return OK;
    }
    for (int i = 0; i < playcount_handoffs->nelts; i++) {
        playcount_handoff *h =
            APR_ARRAY_IDX(playcount_handoffs, i, playcount_handoff *);

        warn_of_memory(h);
        playcount_zone_set_handed_over(h->zone->zone);
    }
    zones = playcount_zones(s);
    for (int i = 0; i < zones->nelts; i++) {
        playcount_served_zone *zone =
            APR_ARRAY_IDX(zones, i, playcount_served_zone *);

        if (take_at_open(zone) && !playcount_zone_give_up(zone)) {
            return HTTP_INTERNAL_SERVER_ERROR;
        }
    }
    for (int i = 0; i < playcount_handoffs->nelts; i++) {
        playcount_handoff *h =
            APR_ARRAY_IDX(playcount_handoffs, i, playcount_handoff *);

        if (open_handoff(h, ptemp) && !playcount_zone_give_up(h->zone)) {
            return HTTP_INTERNAL_SERVER_ERROR;
        }
    }
    return playcount_handoff_watch(playcount_handoffs, s, pconf);
}

static void register_hooks(apr_pool_t *p)
{
    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_check_config(check_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_MIDDLE);
}

const playcount_room playcount_handoff_room = {
    .name = "handoff",
    .endpoints = playcount_lease_endpoints,
    .register_hooks = register_hooks,
};

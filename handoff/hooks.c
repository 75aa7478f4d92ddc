/* The directive PlaycountHandoff, and the start of the server. */

#include "handoff/handoff.h"

#include "ap_mpm.h"
#include "apr_lib.h"
#include "apr_strings.h"
#include "http_core.h"
#include "http_log.h"

APLOG_USE_MODULE(playcount);

#define DEFAULT_INTERVAL 5
#define DEFAULT_NODE "-"

static const playcount_engine *const engines[] = {&playcount_engine_dbd};

/* playcount_handoff *, of all servers; made anew with each configuration. */
static apr_array_header_t *handoffs;

static int pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    handoffs = apr_array_make(pconf, 2, sizeof(playcount_handoff *));
    return OK;
}

/* --- the directive --- */

static const playcount_engine *engine_named(const char *name)
{
    for (int i = 0; i < (int)(sizeof(engines) / sizeof(engines[0])); i++) {
        if (!strcmp(engines[i]->name, name)) {
            return engines[i];
        }
    }
    return NULL;
}

static int is_name(const char *name)
{
    apr_size_t n =
        strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                     "0123456789-_.");

    return n >= 1 && n <= 63 && !name[n];
}

/* PostgreSQL takes labels for names in SQL and makes their letters small, but not
 * where it is asked to execute them; and a name has none of these other signs. */
static int is_label(const char *name)
{
    return is_name(name) && !strpbrk(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-.") &&
           !apr_isdigit(*name);
}

static const char *read_option(cmd_parms *cmd, playcount_handoff *h,
                               const char *option)
{
    if (!strncmp(option, "zone=", 5)) {
        h->zone_name = option + 5;
        return NULL;
    }
    if (!strncmp(option, "interval=", 9)) {
        h->interval = (int)playcount_parse_number(option + 9, 86400);
        return h->interval ? NULL
                           : apr_psprintf(cmd->pool,
                                          "PlaycountHandoff: %s is not a number of "
                                          "seconds; use 1 to 86400",
                                          option);
    }
    if (!strncmp(option, "node=", 5)) {
        h->node = option + 5;
        return is_name(h->node)
                   ? NULL
                   : apr_psprintf(cmd->pool,
                                  "PlaycountHandoff: %s is not a name; use 1 to 63 "
                                  "letters, digits, '-', '_' and '.'",
                                  option);
    }
    if (!strncmp(option, "statement=", 10)) {
        h->statement = option + 10;
        return is_label(h->statement)
                   ? NULL
                   : apr_psprintf(cmd->pool,
                                  "PlaycountHandoff: %s is not a label that every "
                                  "database takes; use that of a DBDPrepareSQL, of "
                                  "small letters, digits and '_', with no digit "
                                  "first",
                                  option);
    }
    return apr_psprintf(cmd->pool,
                        "PlaycountHandoff: '%s' is not an option; use zone=NAME, "
                        "interval=SECONDS, node=NAME or statement=LABEL",
                        option);
}

const char *playcount_cmd_handoff(cmd_parms *cmd, void *dummy, int argc,
                                  char *const argv[])
{
    playcount_handoff *h = apr_pcalloc(cmd->pool, sizeof(*h));

    if (argc < 1 || !(h->engine = engine_named(argv[0]))) {
        return "PlaycountHandoff: the first word names what to deliver to; use "
               "dbd, "
               "for the database of the DBD directives";
    }
    h->zone_name = PLAYCOUNT_DEFAULT_ZONE;
    h->node = DEFAULT_NODE;
    h->interval = DEFAULT_INTERVAL;
    h->server = cmd->server;
    h->where = apr_psprintf(cmd->pool, "%s:%d", cmd->directive->filename,
                            cmd->directive->line_num);
    for (int i = 1; i < argc; i++) {
        const char *error = read_option(cmd, h, argv[i]);

        if (error) {
            return error;
        }
    }
    for (int i = 0; i < handoffs->nelts; i++) {
        const playcount_handoff *other =
            APR_ARRAY_IDX(handoffs, i, playcount_handoff *);

        if (!strcmp(other->zone_name, h->zone_name)) {
            return apr_psprintf(cmd->pool,
                                "PlaycountHandoff: the zone %s is delivered "
                                "already, at %s; a zone has one consumer, so "
                                "name another with zone=, or leave one out",
                                h->zone_name, other->where);
        }
    }
    APR_ARRAY_PUSH(handoffs, playcount_handoff *) = h;
    return NULL;
}

const playcount_handoff *playcount_handoff_of(const playcount_served_zone *zone)
{
    for (int i = 0; i < handoffs->nelts; i++) {
        const playcount_handoff *h =
            APR_ARRAY_IDX(handoffs, i, playcount_handoff *);

        if (h->zone == zone) {
            return h;
        }
    }
    return NULL;
}

/* --- start-up --- */

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
    if ((missing = h->engine->check(h, p))) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, 0, h->server,
                     "PlaycountHandoff %s (%s): %s", h->engine->name, h->where,
                     missing);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    return OK;
}

/* What is wrong here is said by `httpd -t` too. */
static int check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                        server_rec *s)
{
    for (int i = 0; i < handoffs->nelts; i++) {
        if (check_handoff(APR_ARRAY_IDX(handoffs, i, playcount_handoff *), ptemp)) {
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

/* What a file held when it was opened is a batch apart: see shm/zone/batches.h.
 * Zones that nobody hands over are spared it. */
static int take_at_open(const playcount_served_zone *zone)
{
    playcount_handoff_use use = {0};
    apr_status_t rv;

    if (!zone->opened_now || !zone->path) {
        return OK;
    }
    rv = playcount_handoff_usage(zone->zone, &use);
    if (rv == APR_SUCCESS &&
        (use.batches || use.open || playcount_handoff_of(zone))) {
        rv = playcount_batch_take_at_open(zone->zone);
    }
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

static int post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                       server_rec *s)
{
    const apr_array_header_t *zones;

    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG) {
        return OK;
    }
    for (int i = 0; i < handoffs->nelts; i++) {
        warn_of_memory(APR_ARRAY_IDX(handoffs, i, playcount_handoff *));
    }
    zones = playcount_zones(s);
    for (int i = 0; i < zones->nelts; i++) {
        if (take_at_open(APR_ARRAY_IDX(zones, i, playcount_served_zone *))) {
            return HTTP_INTERNAL_SERVER_ERROR;
        }
    }
    return playcount_handoff_watch(handoffs, s, pconf);
}

static void register_hooks(apr_pool_t *p)
{
    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_check_config(check_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_handler(playcount_lease_handler, NULL, NULL, APR_HOOK_FIRST);
    playcount_dbd_register_hooks();
}

const playcount_room playcount_handoff_room = {
    .name = "handoff",
    .register_hooks = register_hooks,
};

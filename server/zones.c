/* Zones in httpd: see zones.h. */

#include "server/zones.h"

#include "apr_lib.h"
#include "apr_strings.h"
#include "http_core.h"
#include "http_log.h"
#include "mod_watchdog.h"
#include "util_mutex.h"

#include "server/conf.h"
#include "server/retained.h"
#include "shm/file.h"

APLOG_USE_MODULE(playcount);

#define DEFAULT_SONGS 1000000
#define DEFAULT_KEYS 100000
#define DEFAULT_KEY_SECONDS 86400
#define DEFAULT_SYNC 1
#define MUTEX_TYPE "playcount"

/* --- configuration -------------------------------------------------------------
 */

/* A name that PlaycountUse gave, and where. */
typedef struct {
    const char *name;
    const char *where;
} use;

typedef struct {
    apr_array_header_t *zones; /* playcount_served_zone */
    apr_array_header_t *uses;  /* use */
    uint64_t keys;
    uint64_t key_seconds;
} zones_conf;

typedef struct {
    const char *zone; /* NULL: not said */
} use_conf;

/* The zones of the running server: pointers to the main server's zones_conf. */
static apr_array_header_t *served;

static void *create_server(apr_pool_t *p, server_rec *s)
{
    zones_conf *conf = apr_pcalloc(p, sizeof(*conf));

    conf->zones = apr_array_make(p, 2, sizeof(playcount_served_zone));
    conf->uses = apr_array_make(p, 2, sizeof(use));
    conf->keys = DEFAULT_KEYS;
    conf->key_seconds = DEFAULT_KEY_SECONDS;
    return conf;
}

static void *create_dir(apr_pool_t *p, char *dir)
{
    return apr_pcalloc(p, sizeof(use_conf));
}

static void *merge_dir(apr_pool_t *p, void *base, void *add)
{
    return ((use_conf *)add)->zone ? add : base;
}

static const char *where(cmd_parms *cmd)
{
    return apr_psprintf(cmd->pool, "%s:%d", cmd->directive->filename,
                        cmd->directive->line_num);
}

uint64_t playcount_parse_number(const char *text, uint64_t most)
{
    char *end;
    apr_int64_t n = apr_isdigit(*text) ? apr_strtoi64(text, &end, 10) : -1;
    uint64_t unit = 1;

    if (n < 1) {
        return 0;
    }
    if (*end == 'k' || *end == 'K') {
        unit = 1000;
        end++;
    }
    else if (*end == 'm' || *end == 'M') {
        unit = 1000000;
        end++;
    }
    return *end || (uint64_t)n > most / unit ? 0 : (uint64_t)n * unit;
}

static int is_name(const char *name)
{
    apr_size_t n = 0;

    for (; name[n]; n++) {
        if (!apr_isalnum(name[n]) && !strchr("-_.", name[n])) {
            return 0;
        }
    }
    return n >= 1 && n <= 63;
}

/* One option, "songs=10k" or the like, into the zone. */
static const char *zone_option(cmd_parms *cmd, playcount_served_zone *zone,
                               const char *option)
{
    if (!strncmp(option, "songs=", 6)) {
        zone->songs = playcount_parse_number(option + 6, PLAYCOUNT_SONGS_MAX);
        return zone->songs
                   ? NULL
                   : apr_psprintf(cmd->pool,
                                  "PlaycountZone: %s is not a number of songs; "
                                  "use 1 to 100m, such as songs=500k",
                                  option);
    }
    if (!strncmp(option, "file=", 5)) {
        zone->path =
            option[5] ? ap_server_root_relative(cmd->pool, option + 5) : NULL;
        return zone->path
                   ? NULL
                   : apr_psprintf(cmd->pool,
                                  "PlaycountZone: %s is not a path; use one such "
                                  "as file=/var/lib/playcount/zone",
                                  option);
    }
    if (!strncmp(option, "sync=", 5)) {
        zone->sync = (int)playcount_parse_number(option + 5, 3600);
        return zone->sync
                   ? NULL
                   : apr_psprintf(cmd->pool,
                                  "PlaycountZone: %s is not a number of seconds; "
                                  "use 1 to 3600",
                                  option);
    }
    return apr_psprintf(
        cmd->pool,
        "PlaycountZone: '%s' is not an option; use songs=N, file=PATH or "
        "sync=SECONDS",
        option);
}

const char *playcount_cmd_zone(cmd_parms *cmd, void *dummy, int argc,
                               char *const argv[])
{
    zones_conf *conf = playcount_cmd_server_conf(cmd, PLAYCOUNT_ROOM_ZONES);
    playcount_served_zone zone = {.songs = DEFAULT_SONGS,
                                  .sync = DEFAULT_SYNC,
                                  .server = cmd->server,
                                  .where = where(cmd)};
    const char *error = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    if (error) {
        return error;
    }
    if (argc < 1 || !is_name(argv[0])) {
        return "PlaycountZone needs a name first, of letters, digits, '-', '_' or "
               "'.', at "
               "most 63 of them, such as: PlaycountZone default songs=1m";
    }
    zone.name = argv[0];
    for (int i = 1; i < argc; i++) {
        if ((error = zone_option(cmd, &zone, argv[i]))) {
            return error;
        }
    }
    for (int i = 0; i < conf->zones->nelts; i++) {
        playcount_served_zone *other =
            &APR_ARRAY_IDX(conf->zones, i, playcount_served_zone);

        if (!strcmp(other->name, zone.name)) {
            return apr_psprintf(
                cmd->pool,
                "PlaycountZone: there is a zone %s already, at %s; give "
                "this one another name",
                zone.name, other->where);
        }
        if (zone.path && other->path && !strcmp(other->path, zone.path)) {
            return apr_psprintf(
                cmd->pool,
                "PlaycountZone: file=%s belongs to the zone %s already; "
                "give %s a file of its own",
                zone.path, other->name, zone.name);
        }
    }
    APR_ARRAY_PUSH(conf->zones, playcount_served_zone) = zone;
    return NULL;
}

const char *playcount_cmd_use(cmd_parms *cmd, void *mconfig, const char *name)
{
    zones_conf *conf = playcount_cmd_server_conf(cmd, PLAYCOUNT_ROOM_ZONES);
    use_conf *dir = playcount_cmd_dir_conf(mconfig, PLAYCOUNT_ROOM_ZONES);
    use *u = apr_array_push(conf->uses);

    dir->zone = u->name = name;
    u->where = where(cmd);
    return NULL;
}

const char *playcount_cmd_idempotency(cmd_parms *cmd, void *dummy, const char *keys,
                                      const char *seconds)
{
    zones_conf *conf = playcount_cmd_server_conf(cmd, PLAYCOUNT_ROOM_ZONES);
    const char *error = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    if (error) {
        return error;
    }
    conf->keys = playcount_parse_number(keys, PLAYCOUNT_KEYS_MAX);
    if (!conf->keys && strcmp(keys, "0")) {
        return apr_psprintf(
            cmd->pool,
            "PlaycountIdempotency: '%s' is not a number of keys; use 0 "
            "(off) to 100m, such as 100k",
            keys);
    }
    if (seconds) {
        conf->key_seconds = playcount_parse_number(seconds, INT32_MAX);
        if (!conf->key_seconds) {
            return apr_psprintf(
                cmd->pool,
                "PlaycountIdempotency: '%s' is not a number of seconds; "
                "use 1 or more, such as 86400 for a day",
                seconds);
        }
    }
    return NULL;
}

/* --- which zone ------------------------------------------------------------------
 */

const apr_array_header_t *playcount_zones(const server_rec *s)
{
    return served;
}

playcount_served_zone *playcount_zone_named(const server_rec *s, const char *name)
{
    for (int i = 0; i < served->nelts; i++) {
        playcount_served_zone *zone =
            APR_ARRAY_IDX(served, i, playcount_served_zone *);

        if (!strcmp(zone->name, name)) {
            return zone;
        }
    }
    return NULL;
}

/* Without PlaycountUse: the zone `default`, or the first if none has that name. */
static playcount_served_zone *default_zone(const server_rec *s)
{
    playcount_served_zone *zone = playcount_zone_named(s, PLAYCOUNT_DEFAULT_ZONE);

    return zone ? zone : APR_ARRAY_IDX(served, 0, playcount_served_zone *);
}

playcount_served_zone *playcount_zone_of(const request_rec *r)
{
    const use_conf *dir =
        playcount_dir_conf(r->per_dir_config, PLAYCOUNT_ROOM_ZONES);

    return dir->zone ? playcount_zone_named(r->server, dir->zone)
                     : default_zone(r->server);
}

/* --- opening: once in the life of the server
 * --------------------------------------- */

/* What is kept of a zone over graceful restarts. */
typedef struct {
    void *memory;
    apr_global_mutex_t *lock;
    char path[1024]; /* of the file, "" without one */
    uint64_t songs, keys;
} kept_zone;

static apr_status_t open_memory(playcount_served_zone *zone, kept_zone *kept,
                                const playcount_zone_size *size)
{
    server_rec *s = zone->server;
    int fresh;
    apr_status_t rv = playcount_retained_memory(s, "zone memory", zone->name,
                                                playcount_zone_bytes(size),
                                                &kept->memory, &fresh);

    if (rv == APR_SUCCESS) {
        rv = playcount_zone_format(kept->memory, size);
    }
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, rv, s,
                     "PlaycountZone %s (%s): cannot have %" APR_UINT64_T_FMT
                     " MB of address space for %" APR_UINT64_T_FMT
                     " songs; set songs= to what the site needs",
                     zone->name, zone->where,
                     playcount_zone_bytes(size) / 1000000 + 1, size->songs);
    }
    return rv;
}

static apr_status_t open_file(playcount_served_zone *zone, kept_zone *kept,
                              const playcount_zone_size *size)
{
    server_rec *s = zone->server;
    const char *why = NULL;
    playcount_file file;
    apr_status_t rv =
        playcount_file_open(&file, zone->path, size, s->process->pool, &why);

    if (rv != APR_SUCCESS) {
        ap_log_error(
            APLOG_MARK, APLOG_EMERG, 0, s,
            "PlaycountZone %s (%s): file=%s %s. The file is as it was; put that "
            "right or name another file",
            zone->name, zone->where, zone->path, why);
        return rv;
    }
    if (file.gaps) {
        ap_log_error(
            APLOG_MARK, APLOG_WARNING, 0, s,
            "PlaycountZone %s: file=%s has lost %" APR_UINT64_T_FMT
            " songs whose first plays came after the last sync before a power "
            "loss",
            zone->name, zone->path, file.gaps);
    }
    kept->memory = file.memory;
    apr_cpystrn(kept->path, zone->path, sizeof(kept->path));
    return APR_SUCCESS;
}

static apr_status_t make_lock(playcount_served_zone *zone, kept_zone *kept)
{
    server_rec *s = zone->server;
    apr_status_t rv = ap_global_mutex_create(&kept->lock, NULL, MUTEX_TYPE,
                                             zone->name, s, s->process->pool, 0);

    if (rv != APR_SUCCESS) {
        return rv; /* ap_global_mutex_create has said why */
    }
    if (apr_global_mutex_mech(kept->lock) == APR_LOCK_POSIXSEM) {
        ap_log_error(
            APLOG_MARK, APLOG_EMERG, 0, s,
            "Mutex posixsem cannot be used for playcount: when a process dies "
            "with it, all others wait for ever. Use Mutex pthread, sysvsem, fcntl "
            "or flock for playcount, or leave it to the default");
        return APR_ENOTIMPL;
    }
    return APR_SUCCESS;
}

static apr_status_t open_zone(playcount_served_zone *zone, kept_zone **kept)
{
    playcount_zone_size size = {zone->songs, zone->keys};
    kept_zone new_zone = {.songs = zone->songs, .keys = zone->keys};
    apr_status_t rv = make_lock(zone, &new_zone);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = zone->path ? open_file(zone, &new_zone, &size)
                    : open_memory(zone, &new_zone, &size);
    if (rv == APR_SUCCESS) {
        *kept = playcount_retained_create(zone->server, "zone", zone->name,
                                          sizeof(**kept));
        **kept = new_zone;
    }
    return rv;
}

static void warn_of_changes(const playcount_served_zone *zone,
                            const kept_zone *kept)
{
    if (zone->songs != kept->songs || zone->keys != kept->keys ||
        strcmp(zone->path ? zone->path : "", kept->path)) {
        ap_log_error(
            APLOG_MARK, APLOG_WARNING, 0, zone->server,
            "PlaycountZone %s (%s): the zone goes on as it is "
            "(songs=%" APR_UINT64_T_FMT "%s%s, %" APR_UINT64_T_FMT
            " idempotency keys); to change it, stop the server and start it",
            zone->name, zone->where, kept->songs, *kept->path ? " file=" : "",
            kept->path, kept->keys);
    }
}

static apr_status_t serve_zone(playcount_served_zone *zone, apr_pool_t *p)
{
    kept_zone *kept = playcount_retained_get("zone", zone->name);
    apr_status_t rv;

    if (kept) {
        warn_of_changes(zone, kept);
    }
    else if ((rv = open_zone(zone, &kept)) != APR_SUCCESS) {
        return rv;
    }
    else {
        zone->opened_now = 1;
    }
    zone->zone = playcount_zone_attach(p, kept->memory, kept->lock);
    if (*kept->path) {
        playcount_zone_set_in_file(zone->zone);
    }
    zone->lock = kept->lock;
    APR_ARRAY_PUSH(served, playcount_served_zone *) = zone;
    return APR_SUCCESS;
}

/* Every name that is used must be a zone's. The uses stand in the servers where
 * their directives do. */
static int uses_are_good(server_rec *main_server)
{
    for (server_rec *s = main_server; s; s = s->next) {
        zones_conf *conf = playcount_server_conf(s, PLAYCOUNT_ROOM_ZONES);

        for (int i = 0; i < conf->uses->nelts; i++) {
            use *u = &APR_ARRAY_IDX(conf->uses, i, use);

            if (!playcount_zone_named(s, u->name)) {
                ap_log_error(
                    APLOG_MARK, APLOG_EMERG, 0, s,
                    "PlaycountUse %s (%s): there is no zone of this name; add "
                    "PlaycountZone %s, or use one that there is",
                    u->name, u->where, u->name);
                return 0;
            }
        }
    }
    return 1;
}

/* --- sync
 * ------------------------------------------------------------------------- */

static apr_status_t watch(int state, void *data, apr_pool_t *pool)
{
    playcount_served_zone *zone = data;
    apr_status_t rv = APR_SUCCESS;

    if (state == AP_WATCHDOG_STATE_RUNNING) {
        playcount_zone_mend(zone->zone);
    }
    rv = playcount_zone_sync(zone->zone);
    if (rv != APR_SUCCESS && !zone->sync_failed) {
        ap_log_error(
            APLOG_MARK, APLOG_ERR, rv, zone->server,
            "PlaycountZone %s: file=%s cannot be written to the disk; counting "
            "goes on in memory, but a power loss would take what comes now. See "
            "to the disk; the writing is tried again every %d s",
            zone->name, zone->path, zone->sync);
    }
    zone->sync_failed = rv != APR_SUCCESS;
    return APR_SUCCESS;
}

static int start_watching(server_rec *s, apr_pool_t *p)
{
    APR_OPTIONAL_FN_TYPE(ap_watchdog_get_instance) *get =
        APR_RETRIEVE_OPTIONAL_FN(ap_watchdog_get_instance);
    APR_OPTIONAL_FN_TYPE(ap_watchdog_register_callback) *add =
        APR_RETRIEVE_OPTIONAL_FN(ap_watchdog_register_callback);
    ap_watchdog_t *watchdog;

    if (!get || !add) {
        ap_log_error(
            APLOG_MARK, APLOG_EMERG, 0, s,
            "mod_playcount needs mod_watchdog; add LoadModule watchdog_module "
            "modules/mod_watchdog.so");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    if (get(&watchdog, "_playcount_", 0, 1, p) != APR_SUCCESS) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    for (int i = 0; i < served->nelts; i++) {
        playcount_served_zone *zone =
            APR_ARRAY_IDX(served, i, playcount_served_zone *);

        if (add(watchdog, apr_time_from_sec(zone->sync), zone, watch) !=
            APR_SUCCESS) {
            return HTTP_INTERNAL_SERVER_ERROR;
        }
    }
    return OK;
}

/* --- hooks
 * ------------------------------------------------------------------------- */

static int pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    return ap_mutex_register(pconf, MUTEX_TYPE, NULL, APR_LOCK_DEFAULT, 0);
}

static int post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                       server_rec *s)
{
    zones_conf *conf = playcount_server_conf(s, PLAYCOUNT_ROOM_ZONES);

    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG) {
        return OK;
    }
    served = apr_array_make(pconf, 2, sizeof(playcount_served_zone *));
    if (apr_is_empty_array(conf->zones)) {
        APR_ARRAY_PUSH(conf->zones, playcount_served_zone) =
            (playcount_served_zone){.name = PLAYCOUNT_DEFAULT_ZONE,
                                    .songs = DEFAULT_SONGS,
                                    .sync = DEFAULT_SYNC,
                                    .server = s,
                                    .where = "built in"};
    }
    for (int i = 0; i < conf->zones->nelts; i++) {
        playcount_served_zone *zone =
            &APR_ARRAY_IDX(conf->zones, i, playcount_served_zone);

        zone->keys = conf->keys;
        zone->key_seconds = conf->key_seconds;
        if (serve_zone(zone, pconf) != APR_SUCCESS) {
            return HTTP_INTERNAL_SERVER_ERROR;
        }
    }
    return uses_are_good(s) ? start_watching(s, pconf) : HTTP_INTERNAL_SERVER_ERROR;
}

static void child_init(apr_pool_t *p, server_rec *s)
{
    for (int i = 0; i < served->nelts; i++) {
        playcount_served_zone *zone =
            APR_ARRAY_IDX(served, i, playcount_served_zone *);
        apr_status_t rv = apr_global_mutex_child_init(
            &zone->lock, apr_global_mutex_lockfile(zone->lock), p);

        if (rv != APR_SUCCESS) {
            ap_log_error(
                APLOG_MARK, APLOG_CRIT, rv, s,
                "PlaycountZone %s: this process cannot have its lock; new songs "
                "will be refused here. See the Mutex directive",
                zone->name);
        }
    }
}

static void register_hooks(apr_pool_t *p)
{
    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_child_init(child_init, NULL, NULL, APR_HOOK_FIRST);
}

const playcount_room playcount_zones_room = {
    .name = "zones",
    .create_server = create_server,
    .create_dir = create_dir,
    .merge_dir = merge_dir,
    .register_hooks = register_hooks,
};

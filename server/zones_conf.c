/* The zones' directives, and which zone a request uses. */

#include "httpd.h"
#include "apr_lib.h"
#include "apr_strings.h"
#include "http_core.h"
#include "http_log.h"

#include "server/zones_private.h"

APLOG_USE_MODULE(playcount);

#define DEFAULT_SONGS 1000000
#define DEFAULT_KEYS 100000
#define DEFAULT_KEY_SECONDS 86400
#define DEFAULT_SYNC 1

/* What a PlaycountUse says, and where. */
typedef struct {
    const char *name;
    const char *where;
    playcount_served_zone *zone; /* of this name, once they are served */
} use;

typedef struct {
    apr_array_header_t *zones; /* playcount_served_zone */
    apr_array_header_t *uses;  /* use * */
    uint64_t keys;
    uint64_t key_seconds;
} zones_conf;

typedef struct {
    const use *use; /* NULL: not said */
} use_conf;

/* The zones of the running server: pointers to the main server's zones_conf. */
static apr_array_header_t *served;

/* Without PlaycountUse: the zone `default`, or the first if none has that name. */
static playcount_served_zone *without_use;

void *playcount_zones_create_server(apr_pool_t *p, server_rec *s)
{
    zones_conf *conf = apr_pcalloc(p, sizeof(*conf));

    conf->zones = apr_array_make(p, 2, sizeof(playcount_served_zone));
    conf->uses = apr_array_make(p, 2, sizeof(use *));
    conf->keys = DEFAULT_KEYS;
    conf->key_seconds = DEFAULT_KEY_SECONDS;
    return conf;
}

void *playcount_zones_create_dir(apr_pool_t *p, char *dir)
{
    return apr_pcalloc(p, sizeof(use_conf));
}

void *playcount_zones_merge_dir(apr_pool_t *p, void *base, void *add)
{
    return ((use_conf *)add)->use ? add : base;
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
    if (!strcmp(option, "memory=reserve")) {
        zone->reserve = 1;
        return NULL;
    }
    return apr_psprintf(
        cmd->pool,
        "PlaycountZone: '%s' is not an option; use songs=N, file=PATH, "
        "sync=SECONDS or memory=reserve",
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
    if (zone.reserve && zone.path) {
        return "PlaycountZone: memory=reserve is for zones in memory; a file has "
               "all "
               "its room from the start";
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
    use *u = apr_palloc(cmd->pool, sizeof(*u));
    /* AllowOverrideList can let it in; zones are found at the start only. */
    const char *error = ap_check_cmd_context(cmd, NOT_IN_HTACCESS);

    if (error) {
        return error;
    }
    *u = (use){.name = name, .where = where(cmd)};
    APR_ARRAY_PUSH(conf->uses, use *) = u;
    dir->use = u;
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

/* --- which zone --- */

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

playcount_served_zone *playcount_zone_of(const request_rec *r)
{
    const use_conf *dir =
        playcount_dir_conf(r->per_dir_config, PLAYCOUNT_ROOM_ZONES);

    return dir->use ? dir->use->zone : without_use;
}

/* --- for zones.c --- */

/* The configured zones, with the default one if none is. */
static apr_array_header_t *configured(server_rec *s)
{
    zones_conf *conf = playcount_server_conf(s, PLAYCOUNT_ROOM_ZONES);

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
    }
    return conf->zones;
}

static void serve(playcount_served_zone *zone)
{
    APR_ARRAY_PUSH(served, playcount_served_zone *) = zone;
    if (!without_use || !strcmp(zone->name, PLAYCOUNT_DEFAULT_ZONE)) {
        without_use = zone;
    }
}

void playcount_zones_serve(server_rec *s, apr_pool_t *p)
{
    apr_array_header_t *zones = configured(s);

    served = apr_array_make(p, zones->nelts, sizeof(playcount_served_zone *));
    without_use = NULL;
    for (int i = 0; i < zones->nelts; i++) {
        serve(&APR_ARRAY_IDX(zones, i, playcount_served_zone));
    }
}

/* The uses stand in the servers where their directives do. */
int playcount_zones_resolve_uses(server_rec *main_server)
{
    for (server_rec *s = main_server; s; s = s->next) {
        zones_conf *conf = playcount_server_conf(s, PLAYCOUNT_ROOM_ZONES);

        for (int i = 0; i < conf->uses->nelts; i++) {
            use *u = APR_ARRAY_IDX(conf->uses, i, use *);

            u->zone = playcount_zone_named(s, u->name);
            if (!u->zone) {
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

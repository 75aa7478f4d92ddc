/* The directives of media. */

#include "media/private.h"

#include "apr_lib.h"
#include "apr_strings.h"
#include "http_core.h"
#include "http_log.h"

#include "media/rules/address.h"
#include "server/zones.h"
#include "shm/hot.h"

APLOG_USE_MODULE(playcount);

#define SECONDS_MOST 86400
#define KBITS_MOST 100000

int playcount_media_wanted;

static const char *const default_types[] = {"audio/", "video/"};

void *playcount_media_create_server(apr_pool_t *p, server_rec *s)
{
    playcount_media_server *conf = apr_pcalloc(p, sizeof(*conf));

    (void)s;
    conf->shape.downloads = 1000000;
    conf->shape.open = 64000;
    conf->where = "built in";
    return conf;
}

void *playcount_media_create_dir(apr_pool_t *p, char *dir)
{
    playcount_media_dir *conf = apr_pcalloc(p, sizeof(*conf));

    (void)dir;
    conf->on = -1;
    return conf;
}

void *playcount_media_merge_dir(apr_pool_t *p, void *base, void *add)
{
    const playcount_media_dir *outer = base, *inner = add;
    playcount_media_dir *conf = apr_palloc(p, sizeof(*conf));

    *conf = *inner;
    if (inner->on == -1) {
        conf->on = outer->on;
        conf->seconds = outer->seconds;
        conf->window = outer->window;
    }
    if (!inner->types) {
        conf->types = outer->types;
    }
    if (!inner->bitrate_set) {
        conf->bitrate_set = outer->bitrate_set;
        conf->kbits = outer->kbits;
        conf->whole = outer->whole;
    }
    if (!inner->song) {
        conf->song = outer->song;
    }
    return conf;
}

/* AllowOverrideList can let a directive in that is not for .htaccess. */
static const char *refuse_htaccess(cmd_parms *cmd)
{
    return ap_check_cmd_context(cmd, NOT_IN_HTACCESS);
}

static const char *media_option(cmd_parms *cmd, playcount_media_dir *conf,
                                const char *option)
{
    if (!strncmp(option, "seconds=", 8)) {
        conf->seconds = (uint32_t)playcount_parse_number(option + 8, SECONDS_MOST);
        return conf->seconds ? NULL
                             : apr_psprintf(cmd->pool,
                                            "PlaycountMedia: %s is not a number of "
                                            "seconds; use 1 to %d, such as "
                                            "seconds=60",
                                            option, SECONDS_MOST);
    }
    if (!strcmp(option, "window=day")) {
        conf->window = PLAYCOUNT_WINDOW_DAY;
        return NULL;
    }
    if (!strcmp(option, "window=rolling")) {
        conf->window = PLAYCOUNT_WINDOW_ROLLING;
        return NULL;
    }
    return apr_psprintf(cmd->pool,
                        "PlaycountMedia: '%s' is not an option; use seconds=N and "
                        "window=day or window=rolling",
                        option);
}

const char *playcount_cmd_media(cmd_parms *cmd, void *mconfig, int argc,
                                char *const argv[])
{
    playcount_media_dir *conf =
        playcount_cmd_dir_conf(mconfig, PLAYCOUNT_ROOM_MEDIA);
    const char *error = refuse_htaccess(cmd);

    if (error) {
        return error;
    }
    conf->on = argc && !ap_cstr_casecmp(argv[0], "on")    ? 1
               : argc && !ap_cstr_casecmp(argv[0], "off") ? 0
                                                          : -1;
    if (conf->on == -1 || (argc > 1 && !conf->on)) {
        return "PlaycountMedia needs On or Off; behind On there may be seconds=N "
               "and "
               "window=day or window=rolling";
    }
    conf->seconds = 60;
    conf->window = PLAYCOUNT_WINDOW_DAY;
    for (int i = 1; i < argc; i++) {
        if ((error = media_option(cmd, conf, argv[i]))) {
            return error;
        }
    }
    playcount_media_wanted |= conf->on;
    return NULL;
}

const char *playcount_cmd_media_types(cmd_parms *cmd, void *mconfig, int argc,
                                      char *const argv[])
{
    playcount_media_dir *conf =
        playcount_cmd_dir_conf(mconfig, PLAYCOUNT_ROOM_MEDIA);
    const char *error = refuse_htaccess(cmd);

    if (error) {
        return error;
    }
    if (!argc) {
        return "PlaycountMediaTypes needs Content-Types, or their beginnings, such "
               "as: "
               "PlaycountMediaTypes audio/ video/mp4";
    }
    conf->types = apr_array_make(cmd->pool, argc, sizeof(const char *));
    for (int i = 0; i < argc; i++) {
        APR_ARRAY_PUSH(conf->types, const char *) = argv[i];
    }
    return NULL;
}

PLAYCOUNT_HOT int playcount_media_is_type(const playcount_media_dir *conf,
                                          const char *type)
{
    int n = conf->types ? conf->types->nelts
                        : (int)(sizeof(default_types) / sizeof(default_types[0]));

    for (int i = 0; type && i < n; i++) {
        const char *wanted = conf->types
                                 ? APR_ARRAY_IDX(conf->types, i, const char *)
                                 : default_types[i];

        if (playcount_media_begins(type, wanted)) {
            return 1;
        }
    }
    return 0;
}

const char *playcount_cmd_media_bitrate(cmd_parms *cmd, void *mconfig,
                                        const char *arg)
{
    playcount_media_dir *conf =
        playcount_cmd_dir_conf(mconfig, PLAYCOUNT_ROOM_MEDIA);
    const char *error = refuse_htaccess(cmd);

    if (error) {
        return error;
    }
    conf->bitrate_set = 1;
    conf->whole = !ap_cstr_casecmp(arg, "whole");
    conf->kbits = 0;
    if (conf->whole || !ap_cstr_casecmp(arg, "auto")) {
        return NULL;
    }
    conf->kbits = (uint32_t)playcount_parse_number(arg, KBITS_MOST);
    return conf->kbits
               ? NULL
               : apr_psprintf(cmd->pool,
                              "PlaycountMediaBitrate %s: give auto, whole, or "
                              "kilobits per second from 1 to %d, such as 128",
                              arg, KBITS_MOST);
}

const char *playcount_cmd_media_song(cmd_parms *cmd, void *mconfig, const char *arg)
{
    playcount_media_dir *conf =
        playcount_cmd_dir_conf(mconfig, PLAYCOUNT_ROOM_MEDIA);
    const char *error = refuse_htaccess(cmd);

    if (error) {
        return error;
    }
    conf->song =
        ap_expr_parse_cmd(cmd, arg, AP_EXPR_FLAG_STRING_RESULT, &error, NULL);
    return error ? apr_psprintf(
                       cmd->pool,
                       "PlaycountMediaSong \"%s\" is no valid expression: %s", arg,
                       error)
                 : NULL;
}

static const char *table_option(cmd_parms *cmd, playcount_media_server *conf,
                                const char *option)
{
    if (!strncmp(option, "downloads=", 10)) {
        conf->shape.downloads =
            playcount_parse_number(option + 10, PLAYCOUNT_MEDIA_DOWNLOADS_MAX);
        return conf->shape.downloads
                   ? NULL
                   : apr_psprintf(cmd->pool,
                                  "PlaycountMediaTable: %s is not a number of "
                                  "downloads a day; use 1 to 100m, such as "
                                  "downloads=1m",
                                  option);
    }
    if (!strncmp(option, "open=", 5)) {
        conf->shape.open =
            playcount_parse_number(option + 5, PLAYCOUNT_MEDIA_OPEN_MAX);
        return conf->shape.open
                   ? NULL
                   : apr_psprintf(cmd->pool,
                                  "PlaycountMediaTable: %s is not a number of open "
                                  "downloads; use 1 to 100m, such as open=64k",
                                  option);
    }
    if (!strncmp(option, "file=", 5)) {
        conf->path =
            option[5] ? ap_server_root_relative(cmd->pool, option + 5) : NULL;
        return conf->path
                   ? NULL
                   : apr_psprintf(cmd->pool,
                                  "PlaycountMediaTable: %s is not a path; use "
                                  "one such as file=/var/lib/playcount/media",
                                  option);
    }
    return apr_psprintf(
        cmd->pool,
        "PlaycountMediaTable: '%s' is not an option; use downloads=N, "
        "open=N or file=PATH",
        option);
}

const char *playcount_cmd_media_table(cmd_parms *cmd, void *mconfig, int argc,
                                      char *const argv[])
{
    playcount_media_server *conf =
        playcount_cmd_server_conf(cmd, PLAYCOUNT_ROOM_MEDIA);
    const char *error = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    (void)mconfig;
    if (!error && !argc) {
        error =
            "PlaycountMediaTable needs an option: downloads=N, open=N or file=PATH";
    }
    for (int i = 0; !error && i < argc; i++) {
        error = table_option(cmd, conf, argv[i]);
    }
    conf->where = apr_psprintf(cmd->pool, "%s:%d", cmd->directive->filename,
                               cmd->directive->line_num);
    return error;
}

/* --- lists --- */

static apr_status_t free_agents(void *data)
{
    playcount_agents_free(data);
    return APR_SUCCESS;
}

static apr_status_t free_networks(void *data)
{
    playcount_networks_free(data);
    return APR_SUCCESS;
}

/* "deny" or "allow", and a path in the server's root. */
static const char *list_arguments(cmd_parms *cmd, const char *how,
                                  const char **path, int *allow)
{
    const char *error = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    if (error) {
        return error;
    }
    *allow = !ap_cstr_casecmp(how, "allow");
    if (!*allow && ap_cstr_casecmp(how, "deny")) {
        return apr_psprintf(
            cmd->pool,
            "%s: '%s' is neither deny nor allow; use one such as: %s "
            "deny conf/list",
            cmd->cmd->name, how, cmd->cmd->name);
    }
    *path = ap_server_root_relative(cmd->pool, *path);
    return *path
               ? NULL
               : apr_psprintf(cmd->pool, "%s: this is not a path", cmd->cmd->name);
}

static const char *said(cmd_parms *cmd, const char *wrong)
{
    return apr_psprintf(cmd->pool, "%s: %s", cmd->cmd->name, wrong);
}

void playcount_media_agents_make(playcount_media_server *conf, apr_pool_t *p)
{
    if (!conf->lists.agents && (conf->lists.agents = playcount_agents_new())) {
        apr_pool_cleanup_register(p, conf->lists.agents, free_agents,
                                  apr_pool_cleanup_null);
    }
}

const char *playcount_cmd_media_agents(cmd_parms *cmd, void *mconfig,
                                       const char *how, const char *path)
{
    playcount_media_server *conf =
        playcount_cmd_server_conf(cmd, PLAYCOUNT_ROOM_MEDIA);
    char wrong[512] = "no memory";
    int allow;
    const char *error = list_arguments(cmd, how, &path, &allow);

    (void)mconfig;
    if (error) {
        return error;
    }
    playcount_media_agents_make(conf, cmd->pool);
    return !conf->lists.agents || playcount_agents_load(conf->lists.agents, path,
                                                        allow, wrong, sizeof(wrong))
               ? said(cmd, wrong)
               : NULL;
}

const char *playcount_cmd_media_addresses(cmd_parms *cmd, void *mconfig,
                                          const char *how, const char *path)
{
    playcount_media_server *conf =
        playcount_cmd_server_conf(cmd, PLAYCOUNT_ROOM_MEDIA);
    char wrong[512] = "no memory";
    int allow;
    const char *error = list_arguments(cmd, how, &path, &allow);

    (void)mconfig;
    if (error) {
        return error;
    }
    if (!conf->lists.networks &&
        (conf->lists.networks = playcount_networks_new())) {
        apr_pool_cleanup_register(cmd->pool, conf->lists.networks, free_networks,
                                  apr_pool_cleanup_null);
    }
    return !conf->lists.networks ||
                   playcount_networks_load(conf->lists.networks, path, allow, wrong,
                                           sizeof(wrong))
               ? said(cmd, wrong)
               : NULL;
}

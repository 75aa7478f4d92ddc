/* The metrics' directives. */

#include "metrics/metrics.h"

#include "apr_lib.h"
#include "apr_strings.h"
#include "http_log.h"

#include "metrics/statsd.h"

APLOG_USE_MODULE(playcount);

#define MAX_ROUTES 1000

int playcount_metrics_wanted;
apr_array_header_t *playcount_metrics_labels;

void *playcount_metrics_create_server(apr_pool_t *p, server_rec *s)
{
    playcount_metrics_server *conf = apr_pcalloc(p, sizeof(*conf));

    (void)s;
    conf->routes = 64;
    conf->interval = 10;
    conf->notes = -1;
    conf->buckets = 5;
    return conf;
}

void *playcount_metrics_create_dir(apr_pool_t *p, char *dir)
{
    playcount_metrics_dir *conf = apr_pcalloc(p, sizeof(*conf));

    (void)dir;
    conf->on = -1;
    conf->slow = -1;
    return conf;
}

void *playcount_metrics_merge_dir(apr_pool_t *p, void *base, void *add)
{
    const playcount_metrics_dir *outer = base, *inner = add;
    playcount_metrics_dir *conf = apr_palloc(p, sizeof(*conf));
    const playcount_metrics_dir *route =
        inner->label || inner->expr ? inner : outer;

    conf->on = inner->on != -1 ? inner->on : outer->on;
    conf->label = route->label;
    conf->expr = route->expr;
    conf->hosts = route->hosts;
    conf->slow = inner->slow != -1 ? inner->slow : outer->slow;
    return conf;
}

const char *playcount_metrics_on(cmd_parms *cmd, void *mconfig, int flag)
{
    playcount_metrics_dir *conf =
        playcount_cmd_dir_conf(mconfig, PLAYCOUNT_ROOM_METRICS);

    (void)cmd;
    conf->on = flag;
    playcount_metrics_wanted |= flag;
    return NULL;
}

/* In any of the spellings of expressions: %{HTTP_HOST}, %{HTTP:Host},
 * %{req('Host')}. */
static int hosts_in(const char *expression)
{
    static const char *const header[] = {"HTTP_HOST", ":Host", "'Host'",
                                         "\"Host\""};
    int hosts =
        ap_strcasestr(expression, "SERVER_NAME") ? PLAYCOUNT_SERVER_NAME : 0;

    for (size_t i = 0; i < sizeof(header) / sizeof(header[0]); i++) {
        hosts |= ap_strcasestr(expression, header[i]) ? PLAYCOUNT_HOST_HEADER : 0;
    }
    return hosts;
}

const char *playcount_metrics_route(cmd_parms *cmd, void *mconfig, const char *arg)
{
    playcount_metrics_dir *conf =
        playcount_cmd_dir_conf(mconfig, PLAYCOUNT_ROOM_METRICS);
    const char *error = NULL;

    conf->label = NULL;
    conf->expr = NULL;
    if (!ap_strchr_c(arg, '%') && !ap_strchr_c(arg, '\\')) {
        char name[PLAYCOUNT_LABEL_MAX + 1];

        playcount_label_clean(name, arg);
        conf->label = apr_pstrdup(cmd->pool, name);
        APR_ARRAY_PUSH(playcount_metrics_labels, const char *) = conf->label;
        return NULL;
    }
    conf->hosts = hosts_in(arg);
    conf->expr =
        ap_expr_parse_cmd(cmd, arg, AP_EXPR_FLAG_STRING_RESULT, &error, NULL);
    if (error) {
        return apr_psprintf(cmd->pool,
                            "PlaycountRoute \"%s\" is no valid expression: %s", arg,
                            error);
    }
    return NULL;
}

const char *playcount_metrics_slow(cmd_parms *cmd, void *mconfig, const char *arg)
{
    playcount_metrics_dir *conf =
        playcount_cmd_dir_conf(mconfig, PLAYCOUNT_ROOM_METRICS);
    char *end;
    double seconds;

    if (!ap_cstr_casecmp(arg, "off")) {
        conf->slow = 0;
        return NULL;
    }
    seconds = strtod(arg, &end);
    if (!apr_isdigit(*arg) || *end || !(seconds >= 0.000001 && seconds <= 86400)) {
        return apr_psprintf(
            cmd->pool,
            "PlaycountSlowRequests %s: give a number of seconds above "
            "0 and up to 86400, such as 2 or 0.5, or Off",
            arg);
    }
    conf->slow = (apr_interval_time_t)(seconds * APR_USEC_PER_SEC + 0.5);
    return NULL;
}

/* A whole number from `low` to `high`; the sentence that refuses it if not. */
static const char *whole(cmd_parms *cmd, const char *what, const char *arg, int low,
                         int high, int *out)
{
    char *end;
    apr_int64_t n = apr_strtoi64(arg, &end, 10);

    if (!apr_isdigit(*arg) || *end || n < low || n > high) {
        return apr_psprintf(cmd->pool, "%s %s: give a whole number from %d to %d",
                            what, arg, low, high);
    }
    *out = (int)n;
    return NULL;
}

const char *playcount_metrics_routes(cmd_parms *cmd, void *mconfig, const char *arg)
{
    playcount_metrics_server *conf =
        playcount_cmd_server_conf(cmd, PLAYCOUNT_ROOM_METRICS);
    const char *error = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    (void)mconfig;
    return error ? error
                 : whole(cmd, "PlaycountRoutes", arg, 1, MAX_ROUTES, &conf->routes);
}

const char *playcount_metrics_series(cmd_parms *cmd, void *mconfig, const char *arg)
{
    playcount_metrics_server *conf =
        playcount_cmd_server_conf(cmd, PLAYCOUNT_ROOM_METRICS);
    const char *error = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    (void)mconfig;
    return error ? error
                 : whole(cmd, "PlaycountSeries", arg, 1, 600, &conf->interval);
}

const char *playcount_metrics_songs(cmd_parms *cmd, void *mconfig, int flag)
{
    playcount_metrics_server *conf =
        playcount_cmd_server_conf(cmd, PLAYCOUNT_ROOM_METRICS);
    const char *error = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    (void)mconfig;
    conf->songs = flag;
    return error;
}

const char *playcount_metrics_buckets(cmd_parms *cmd, void *mconfig,
                                      const char *arg)
{
    playcount_metrics_server *conf =
        playcount_cmd_server_conf(cmd, PLAYCOUNT_ROOM_METRICS);
    const char *error = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    (void)mconfig;
    return error ? error
                 : whole(cmd, "PlaycountBuckets", arg, 1, 20, &conf->buckets);
}

const char *playcount_metrics_notes(cmd_parms *cmd, void *mconfig, int flag)
{
    playcount_metrics_server *conf =
        playcount_cmd_server_conf(cmd, PLAYCOUNT_ROOM_METRICS);
    const char *error = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    (void)mconfig;
    conf->notes = flag;
    return error;
}

/* Letters, digits and the given others only. */
static int only(const char *s, const char *others)
{
    for (; *s; s++) {
        if (!apr_isalnum(*s) && !strchr(others, *s)) {
            return 0;
        }
    }
    return 1;
}

static const char *statsd_tags(cmd_parms *cmd, playcount_statsd_conf *conf,
                               const char *value)
{
    char *state, *list = apr_pstrdup(cmd->pool, value);

    for (char *tag = apr_strtok(list, ",", &state); tag;
         tag = apr_strtok(NULL, ",", &state)) {
        const char *colon = ap_strchr_c(tag, ':');

        if (!colon || colon == tag || !colon[1] || !only(tag, "_-./:")) {
            return apr_psprintf(
                cmd->pool,
                "PlaycountStatsd tags=%s: \"%s\" is no tag; write "
                "KEY:VALUE,KEY:VALUE with letters, digits, _ - . / :",
                value, tag);
        }
    }
    conf->tags = apr_pstrdup(cmd->pool, value);
    return NULL;
}

static const char *statsd_option(cmd_parms *cmd, playcount_statsd_conf *conf,
                                 const char *option)
{
    const char *value = ap_strchr_c(option, '=');
    apr_size_t key = value ? (apr_size_t)(value++ - option) : 0;

#define IS(name) (key == sizeof(name) - 1 && !strncmp(option, name, key))
    if (IS("prefix")) {
        if (!*value || strlen(value) > 100 || !only(value, "_-.")) {
            return apr_psprintf(cmd->pool,
                                "PlaycountStatsd prefix=%s: use 1 to 100 letters, "
                                "digits, dots, hyphens and underscores",
                                value);
        }
        conf->prefix = apr_pstrdup(cmd->pool, value);
        return NULL;
    }
    if (IS("interval")) {
        return whole(cmd, "PlaycountStatsd interval", value, 1, 3600,
                     &conf->interval);
    }
    if (IS("tags") && strlen(value) <= 500) {
        return statsd_tags(cmd, conf, value);
    }
    if (IS("format") && (!strcmp(value, "statsd") || !strcmp(value, "dogstatsd"))) {
        conf->dog = *value == 'd';
        return NULL;
    }
    if (IS("mode") && (!strcmp(value, "aggregate") || !strcmp(value, "raw"))) {
        conf->raw = *value == 'r';
        return NULL;
    }
    if (IS("rates") && (!strcmp(value, "on") || !strcmp(value, "off"))) {
        conf->rates = value[1] == 'n';
        return NULL;
    }
    if (IS("packed") && (!strcmp(value, "on") || !strcmp(value, "off"))) {
        conf->packed = value[1] == 'n';
        return NULL;
    }
#undef IS
    return apr_psprintf(
        cmd->pool,
        "PlaycountStatsd does not know \"%s\"; after HOST:PORT it takes "
        "prefix=NAME, format=statsd|dogstatsd, interval=SECONDS, "
        "mode=aggregate|raw, rates=on|off, packed=on|off, tags=KEY:VALUE,... (500 "
        "bytes)",
        option);
}

const char *playcount_metrics_statsd(cmd_parms *cmd, void *mconfig, int argc,
                                     char *const argv[])
{
    playcount_metrics_server *server =
        playcount_cmd_server_conf(cmd, PLAYCOUNT_ROOM_METRICS);
    const char *error = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    playcount_statsd_conf *conf = apr_pcalloc(cmd->pool, sizeof(*conf));
    char *host = NULL, *scope = NULL;

    (void)mconfig;
    if (error) {
        return error;
    }
    if (argc < 1 ||
        apr_parse_addr_port(&host, &scope, &conf->port, argv[0], cmd->pool) !=
            APR_SUCCESS ||
        !host || !conf->port || scope) {
        return apr_psprintf(cmd->pool,
                            "PlaycountStatsd %s: first comes HOST:PORT, such as "
                            "127.0.0.1:8125 or [::1]:8125",
                            argc ? argv[0] : "");
    }
    conf->host = host;
    conf->prefix = "httpd.requests";
    conf->interval = 10;
    conf->rates = conf->packed = -1;
    for (int i = 1; i < argc && !error; i++) {
        error = statsd_option(cmd, conf, argv[i]);
    }
    if (!error && conf->tags && !conf->dog) {
        error = "PlaycountStatsd: plain statsd has no tags; with tags= say "
                "format=dogstatsd too";
    }
    if (!error && conf->packed > 0 && conf->dog) {
        error = "PlaycountStatsd: packed= is for format=statsd";
    }
    if (conf->rates < 0) {
        conf->rates = conf->dog; /* whose receivers honour them */
    }
    conf->packed = conf->packed && !conf->dog;
    server->statsd = conf;
    return error;
}

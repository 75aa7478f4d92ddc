/* PlaycountRecorder. */

#include "recorder/recorder.h"

#include "apr_lib.h"
#include "apr_strings.h"
#include "http_log.h"

#include "server/zones.h"

APLOG_USE_MODULE(playcount);

#define DEFAULT_BODY 64000
#define DEFAULT_KEEP 1000
#define KEEP_MAX 1000000

/* What a server says: NULL: nothing. */
typedef struct {
    playcount_recorder *recorder;
} recorder_conf;

apr_array_header_t *playcount_recorders;

void *playcount_recorder_create_server(apr_pool_t *p, server_rec *s)
{
    return apr_pcalloc(p, sizeof(recorder_conf));
}

void *playcount_recorder_merge_server(apr_pool_t *p, void *base, void *add)
{
    return ((recorder_conf *)add)->recorder ? add : base;
}

playcount_recorder *playcount_recorder_of(const server_rec *s)
{
    const recorder_conf *conf = playcount_server_conf(s, PLAYCOUNT_ROOM_RECORDER);

    return conf->recorder && conf->recorder->dir ? conf->recorder : NULL;
}

static const char *read_body(playcount_recorder *recorder, const char *value,
                             cmd_parms *cmd)
{
    recorder->max_body =
        strcmp(value, "0")
            ? (apr_size_t)playcount_parse_number(value, PLAYCOUNT_RECORDER_BODY_MAX)
            : 0;
    return recorder->max_body || !strcmp(value, "0")
               ? NULL
               : "is not a number of bytes; use 0 to 16m, such as max-body=64k";
}

static const char *read_keep(playcount_recorder *recorder, const char *value,
                             cmd_parms *cmd)
{
    recorder->keep = (int)playcount_parse_number(value, KEEP_MAX);
    return recorder->keep
               ? NULL
               : "is not a number of requests; use 1 to 1m, such as keep=1000";
}

static const char *read_when(playcount_recorder *recorder, const char *value,
                             cmd_parms *cmd)
{
    const char *error = NULL;

    recorder->when = ap_expr_parse_cmd(cmd, value, 0, &error, NULL);
    return error ? apr_psprintf(cmd->pool, "is no valid expression: %s", error)
                 : NULL;
}

static const char *read_secrets(playcount_recorder *recorder, const char *value,
                                cmd_parms *cmd)
{
    recorder->masks = !strcmp(value, "mask");
    return recorder->masks || !strcmp(value, "keep")
               ? NULL
               : "is neither secrets=mask nor secrets=keep";
}

static const struct {
    const char *name;
    const char *(*read)(playcount_recorder *recorder, const char *value,
                        cmd_parms *cmd);
} options[] = {
    {"max-body=", read_body},
    {"keep=", read_keep},
    {"when=", read_when},
    {"secrets=", read_secrets},
};

static const char *read_option(playcount_recorder *recorder, const char *given,
                               cmd_parms *cmd)
{
    for (apr_size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        apr_size_t length = strlen(options[i].name);
        const char *wrong;

        if (strncmp(given, options[i].name, length)) {
            continue;
        }
        wrong = options[i].read(recorder, given + length, cmd);
        return wrong ? apr_psprintf(cmd->pool, "PlaycountRecorder: %s %s", given,
                                    wrong)
                     : NULL;
    }
    return apr_psprintf(
        cmd->pool,
        "PlaycountRecorder does not know \"%s\"; after DIR it takes "
        "max-body=BYTES, keep=N, when=EXPRESSION, "
        "secrets=mask|keep",
        given);
}

const char *playcount_cmd_recorder(cmd_parms *cmd, void *dummy, int argc,
                                   char *const argv[])
{
    recorder_conf *conf = playcount_cmd_server_conf(cmd, PLAYCOUNT_ROOM_RECORDER);
    playcount_recorder *recorder = apr_pcalloc(cmd->pool, sizeof(*recorder));
    const char *error = NULL;

    if (argc < 1 || !*argv[0]) {
        return "PlaycountRecorder: name the directory for the records, or Off";
    }
    recorder->where = apr_psprintf(cmd->pool, "%s:%d", cmd->directive->filename,
                                   cmd->directive->line_num);
    recorder->server = cmd->server;
    recorder->max_body = DEFAULT_BODY;
    recorder->keep = DEFAULT_KEEP;
    recorder->masks = 1;
    for (int i = 1; i < argc && !error; i++) {
        error = read_option(recorder, argv[i], cmd);
    }
    conf->recorder = recorder;
    if (error || !ap_cstr_casecmp(argv[0], "off")) {
        return error;
    }
    recorder->dir = ap_server_root_relative(cmd->pool, argv[0]);
    if (!recorder->dir) {
        return apr_psprintf(cmd->pool, "PlaycountRecorder: %s is not a path",
                            argv[0]);
    }
    APR_ARRAY_PUSH(playcount_recorders, playcount_recorder *) = recorder;
    return NULL;
}

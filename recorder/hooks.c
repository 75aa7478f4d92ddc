/* The recorder's start: of the server, where all is checked and made that it needs,
 * and of a child. */

#include "recorder/recorder.h"

#include <errno.h>
#include <unistd.h>

#include "http_core.h"
#include "apr_strings.h"
#include "http_log.h"
#include "unixd.h"

#include "recorder/shown.h"
#include "recorder/store.h"
#include "server/retained.h"
#include "server/start.h"
#include "shm/zone/hash.h"

APLOG_USE_MODULE(playcount);

static int pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    playcount_recorders = apr_array_make(pconf, 2, sizeof(playcount_recorder *));
    playcount_recorder_register_status();
    return OK;
}

static int refuse(const playcount_recorder *recorder, const char *why)
{
    ap_log_error(APLOG_MARK, APLOG_EMERG, 0, recorder->server,
                 "PlaycountRecorder (%s): %s %s", recorder->where, recorder->dir,
                 why);
    return HTTP_INTERNAL_SERVER_ERROR;
}

/* Who writes: the children. */
static uid_t writer_uid(void)
{
    return geteuid() == 0 ? ap_unixd_config.user_id : geteuid();
}

/* For `httpd -t`: a start looks later (open_logs), and `httpd -k stop` need not. */
static int check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                        server_rec *s)
{
    if (ap_state_query(AP_SQ_RUN_MODE) != AP_SQ_RM_CONFIG_TEST) {
        return OK;
    }
    for (int i = 0; i < playcount_recorders->nelts; i++) {
        const playcount_recorder *recorder =
            APR_ARRAY_IDX(playcount_recorders, i, playcount_recorder *);
        const char *fault =
            playcount_store_fault(recorder->dir, writer_uid(), ptemp);

        if (fault) {
            return refuse(recorder, fault);
        }
    }
    return OK;
}

/* What the children share is that of the directory. */
static apr_status_t get_memory(playcount_recorder *recorder, apr_pool_t *ptemp)
{
    const char *key = apr_psprintf(
        ptemp, "%016" APR_UINT64_T_HEX_FMT,
        (apr_uint64_t)XXH3_64bits(recorder->dir, strlen(recorder->dir)));
    void *memory;
    int fresh;
    apr_status_t rv =
        playcount_retained_memory((server_rec *)recorder->server, "recorder", key,
                                  sizeof(*recorder->shared), &memory, &fresh);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    recorder->shared = memory;
    atomic_store(&recorder->shared->kept, -1);
    if (fresh) {
        atomic_store(&recorder->shared->number,
                     playcount_store_last(recorder->dir));
    }
    return APR_SUCCESS;
}

static int make_directory(const playcount_recorder *recorder, apr_pool_t *ptemp)
{
    const char *fault = playcount_store_fault(recorder->dir, writer_uid(), ptemp);
    int error;

    if (fault) {
        return refuse(recorder, fault);
    }
    error =
        playcount_store_make(recorder->dir, writer_uid(), ap_unixd_config.group_id);
    if (error) {
        return refuse(recorder,
                      apr_psprintf(ptemp, "cannot be made: %s", strerror(error)));
    }
    fault = playcount_store_fault(recorder->dir, writer_uid(), ptemp);
    return fault ? refuse(recorder, fault) : OK;
}

static int open_logs(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                     server_rec *s)
{
    for (int i = 0;
         playcount_start_has_terminal() && i < playcount_recorders->nelts; i++) {
        if (make_directory(
                APR_ARRAY_IDX(playcount_recorders, i, const playcount_recorder *),
                ptemp)) {
            return HTTP_INTERNAL_SERVER_ERROR;
        }
    }
    return OK;
}

static int prepare(playcount_recorder *recorder, apr_pool_t *pconf,
                   apr_pool_t *ptemp)
{
    apr_status_t rv;

    if (make_directory(recorder, ptemp)) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    rv = get_memory(recorder, ptemp);
    if (rv != APR_SUCCESS) {
        return refuse(recorder, "has no shared memory; give the machine more");
    }
    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, recorder->server,
                 "requests and responses are recorded in %s, the last %d%s",
                 recorder->dir, recorder->keep,
                 recorder->masks ? "" : ", with the secrets in their headers");
    return OK;
}

/* At a restart: to refuse would end the server. */
static void switch_off(playcount_recorder *recorder)
{
    ap_log_error(
        APLOG_MARK, APLOG_ALERT, 0, recorder->server,
        "PlaycountRecorder (%s): the server goes on; nothing is recorded in "
        "%s until a restart can",
        recorder->where, recorder->dir);
    recorder->dir = NULL;
}

static int post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                       server_rec *s)
{
    const apr_array_header_t *all;

    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG) {
        return OK;
    }
    all = playcount_recorders;
    playcount_recorders =
        apr_array_make(pconf, all->nelts, sizeof(playcount_recorder *));
    for (int i = 0; i < all->nelts; i++) {
        playcount_recorder *recorder = APR_ARRAY_IDX(all, i, playcount_recorder *);

        if (prepare(recorder, pconf, ptemp) == OK) {
            APR_ARRAY_PUSH(playcount_recorders, playcount_recorder *) = recorder;
        }
        else if (playcount_start_is_restart()) {
            switch_off(recorder);
        }
        else {
            return HTTP_INTERNAL_SERVER_ERROR;
        }
    }
    return OK;
}

static void child_init(apr_pool_t *p, server_rec *s)
{
    if (playcount_recorders->nelts) {
        playcount_recorder_writer_start(p, s);
    }
}

static void register_hooks(apr_pool_t *p)
{
    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_check_config(check_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_open_logs(open_logs, playcount_after_mpm, playcount_before_core,
                      APR_HOOK_REALLY_FIRST);
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_init(child_init, NULL, NULL, APR_HOOK_MIDDLE);
    playcount_recorder_register_requests();
    playcount_recorder_register_filters();
}

const playcount_room playcount_recorder_room = {
    .name = "recorder",
    .create_server = playcount_recorder_create_server,
    .merge_server = playcount_recorder_merge_server,
    .register_hooks = register_hooks,
};

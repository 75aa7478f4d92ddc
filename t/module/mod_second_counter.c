/* A module that counts plays by mod_playcount's optional functions, for
 * t/start/other-modules.t: GET /ID?ZONE&BY adds BY plays, or reads with BY 0, and
 * answers "status count". */
#include "httpd.h"
#include "http_config.h"
#include "apr_strings.h"
#include "http_protocol.h"
#include "mod_playcount.h"

static APR_OPTIONAL_FN_TYPE(playcount_add) * add;
static APR_OPTIONAL_FN_TYPE(playcount_get) * get;

static const char *name_of(apr_status_t rv)
{
    switch (rv) {
    case APR_SUCCESS:
        return "APR_SUCCESS";
    case APR_NOTFOUND:
        return "APR_NOTFOUND";
    case APR_EINVAL:
        return "APR_EINVAL";
    case APR_ENOSPC:
        return "APR_ENOSPC";
    default:
        return "another error";
    }
}

static int handler(request_rec *r)
{
    const char *args = r->args, *zone;
    const char *id = strrchr(r->uri, '/') + 1;
    apr_uint64_t by, count = 4711;
    apr_status_t rv;

    if (!r->handler || strcmp(r->handler, "second-counter")) {
        return DECLINED;
    }
    if (!add || !get || !args) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    zone = ap_getword(r->pool, &args, '&');
    by = (apr_uint64_t)apr_atoi64(args);
    rv = strcmp(args, "get")
             ? add(r->server, *zone ? zone : NULL, id, strlen(id), by, &count)
             : get(r->server, *zone ? zone : NULL, id, strlen(id), &count);
    ap_rprintf(r, "%s %" APR_UINT64_T_FMT, name_of(rv), count);
    return OK;
}

static void retrieve(void)
{
    add = APR_RETRIEVE_OPTIONAL_FN(playcount_add);
    get = APR_RETRIEVE_OPTIONAL_FN(playcount_get);
}

static void register_hooks(apr_pool_t *p)
{
    ap_hook_optional_fn_retrieve(retrieve, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_handler(handler, NULL, NULL, APR_HOOK_MIDDLE);
}

extern module second_counter_module;

__attribute__((visibility("default")))
module AP_MODULE_DECLARE_DATA second_counter_module = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks,
    AP_MODULE_FLAG_NONE,
};

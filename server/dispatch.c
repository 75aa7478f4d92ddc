/* One dispatcher for all rooms: see dispatch.h. */

#include "server/dispatch.h"

#include "apr_strings.h"
#include "http_config.h"
#include "http_log.h"

#include "server/answer.h"
#include "server/root.h"
#include "shm/hot.h"

APLOG_USE_MODULE(playcount);

static const char *name_of(int method)
{
    return method == M_GET    ? "GET, HEAD, "
           : method == M_POST ? "POST, "
                              : "DELETE, ";
}

/* What Allow says. */
static const char *allowed(const playcount_endpoint *e, apr_pool_t *p)
{
    const char *list = "";

    for (int i = 0; e->operations[i].run; i++) {
        list = apr_pstrcat(p, list, name_of(e->operations[i].method), NULL);
    }
    return apr_pstrcat(p, list, "OPTIONS", NULL);
}

int playcount_may_answer(request_rec *r)
{
    const playcount_request *q = playcount_request_of(r);

    if ((q && q->claimed && !strcmp(q->handler, r->handler)) ||
        playcount_root_is_configured(r)) {
        return 1;
    }
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                  "SetHandler %s in an .htaccess file has no effect: use it in the "
                  "server's configuration",
                  r->handler);
    return 0;
}

int playcount_refuse_handler(request_rec *r)
{
    return playcount_refuse(
        r, HTTP_FORBIDDEN,
        "An .htaccess file cannot make this a place for plays or metrics.");
}

int playcount_endpoint_run(const playcount_endpoint *e, request_rec *r,
                           const playcount_request *q)
{
    for (int i = 0; e->operations[i].run; i++) {
        if (e->operations[i].method == r->method_number) {
            int status = e->operations[i].body == PLAYCOUNT_NO_BODY
                             ? playcount_discard_body(r)
                             : OK;

            return status == OK
                       ? e->operations[i].run(r, q)
                       : playcount_refuse(r, status, playcount_body_error(status));
        }
    }
    return r->method_number == M_OPTIONS
               ? playcount_options(r, allowed(e, r->pool))
               : playcount_not_allowed(r, allowed(e, r->pool));
}

static int is_of(const playcount_endpoint *e, const char *path)
{
    apr_size_t length = strlen(e->path);

    return !strncmp(path, e->path, length) &&
           (!path[length] || (length > 1 && e->path[length - 1] == '/'));
}

static PLAYCOUNT_HOT int handler(request_rec *r)
{
    const playcount_request *q;

    if (!r->handler || strcmp(r->handler, PLAYCOUNT_HANDLER)) {
        return DECLINED;
    }
    if (!playcount_may_answer(r)) {
        return playcount_refuse_handler(r);
    }
    q = playcount_request_complete(r);
    if (!playcount_zone_is_available(q->zone)) {
        return playcount_refuse_unavailable(r, q->zone);
    }
    for (int room = 0; room < PLAYCOUNT_ROOMS; room++) {
        const playcount_endpoint *e = playcount_rooms[room]->endpoints;

        for (; e && e->path; e++) {
            if (is_of(e, q->path)) {
                return playcount_endpoint_run(e, r, q);
            }
        }
    }
    return playcount_not_found(r);
}

void playcount_dispatch_register_hooks(apr_pool_t *p)
{
    ap_hook_handler(handler, NULL, NULL, APR_HOOK_MIDDLE);
}

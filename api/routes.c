/* Method and path to an operation. */

#include "httpd.h"
#include "apr_strings.h"
#include "http_config.h"
#include "http_protocol.h"
#include "http_request.h"

#include "api/api.h"
#include "server/answer.h"
#include "server/conf.h"
#include "server/root.h"

static const struct {
    const char *path;
    int below; /* 1: the path begins so, with more behind it; 0: it is so */
    const char *allow;
    struct {
        int method; /* HEAD is GET */
        int (*run)(request_rec *r, playcount_served_zone *zone);
    } operations[2];
} routes[] = {
    {PLAYCOUNT_SONG,
     1,
     "GET, HEAD, POST, OPTIONS",
     {{M_GET, playcount_get_song}, {M_POST, playcount_post_song}}},
    {"/",
     0,
     "GET, HEAD, DELETE, OPTIONS",
     {{M_GET, playcount_list_all}, {M_DELETE, playcount_clear_all}}},
    {"/songs",
     0,
     "GET, HEAD, POST, OPTIONS",
     {{M_GET, playcount_list_some}, {M_POST, playcount_post_songs}}},
};

static int run(request_rec *r, int route)
{
    for (int i = 0; i < 2; i++) {
        if (routes[route].operations[i].method == r->method_number) {
            return routes[route].operations[i].run(r, playcount_zone_of(r));
        }
    }
    return r->method_number == M_OPTIONS
               ? playcount_options(r, routes[route].allow)
               : playcount_not_allowed(r, routes[route].allow);
}

static int handler(request_rec *r)
{
    const char *path;

    if (!r->handler || strcmp(r->handler, PLAYCOUNT_HANDLER)) {
        return DECLINED;
    }
    path = playcount_path_below_root(r);
    for (int i = 0; i < (int)(sizeof(routes) / sizeof(routes[0])); i++) {
        if (routes[i].below ? !strncmp(path, routes[i].path, strlen(routes[i].path))
                            : !strcmp(path, routes[i].path)) {
            return run(r, i);
        }
    }
    return playcount_not_found(r);
}

static void register_hooks(apr_pool_t *p)
{
    playcount_root_register_hooks(p);
    ap_hook_handler(handler, NULL, NULL, APR_HOOK_MIDDLE);
    playcount_ahead_register_hooks();
    playcount_functions_register();
}

const playcount_room playcount_api_room = {
    .name = "api",
    .register_hooks = register_hooks,
};

/* What this room answers, and its hooks. */

#include "httpd.h"
#include "http_config.h"

#include "api/api.h"
#include "server/dispatch.h"

static const playcount_endpoint endpoints[] = {
    {"/song/",
     {{M_GET, playcount_get_song, PLAYCOUNT_NO_BODY},
      {M_POST, playcount_post_song, PLAYCOUNT_TAKES_BODY},
      {M_DELETE, playcount_forget_song, PLAYCOUNT_NO_BODY}}},
    {"/",
     {{M_GET, playcount_list_all, PLAYCOUNT_NO_BODY},
      {M_DELETE, playcount_clear_all, PLAYCOUNT_NO_BODY}}},
    {"/songs",
     {{M_GET, playcount_list_some, PLAYCOUNT_NO_BODY},
      {M_POST, playcount_post_songs, PLAYCOUNT_TAKES_BODY}}},
    {.path = NULL},
};

static void register_hooks(apr_pool_t *p)
{
    playcount_functions_register();
}

const playcount_room playcount_api_room = {
    .name = "api",
    .endpoints = endpoints,
    .register_hooks = register_hooks,
};

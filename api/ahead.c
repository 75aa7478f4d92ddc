/* Of a million songs, the one that is asked for is in no cache: finding it waits
 * twice for memory. httpd has much to do before the handler runs; the song is on
 * its way meanwhile: its place in the index from the moment the root is known, its
 * slot from when httpd has walked over the locations twice more and the access
 * checks begin.
 */

#include "httpd.h"
#include "http_request.h"

#include "api/api.h"
#include "server/root.h"

/* The id in the path, as far as it is one; NULL if the path is no song's. */
static const char *id_in_path(request_rec *r, apr_size_t *length)
{
    const char *path;

    if (!r->uri || r->filename != r->uri) {
        return NULL;
    }
    path = playcount_path_below_root(r);
    if (strncmp(path, PLAYCOUNT_SONG, strlen(PLAYCOUNT_SONG))) {
        return NULL;
    }
    path += strlen(PLAYCOUNT_SONG);
    *length = strlen(path);
    return *length >= 1 && *length <= PLAYCOUNT_ID_MAX ? path : NULL;
}

static void expect(request_rec *r)
{
    apr_size_t length;
    const char *id = id_in_path(r, &length);

    if (id) {
        playcount_zone_prefetch(playcount_zone_of(r)->zone, id, length);
    }
}

static int expect_slot(request_rec *r)
{
    apr_size_t length;
    const char *id = id_in_path(r, &length);

    if (id) {
        playcount_zone_prefetch_slot(playcount_zone_of(r)->zone, id, length);
    }
    return DECLINED;
}

void playcount_ahead_register_hooks(void)
{
    playcount_root_when_known(expect);
    ap_hook_header_parser(expect_slot, NULL, NULL, APR_HOOK_MIDDLE);
}

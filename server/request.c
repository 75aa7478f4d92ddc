/* What is known of a request: see request.h. */

#include "server/request.h"

#include "http_request.h"

#include "server/root.h"
#include "shm/hot.h"

PLAYCOUNT_HOT playcount_request *playcount_request_get(request_rec *r)
{
    playcount_request *q = playcount_request_of(r);

    if (!q) {
        q = apr_pcalloc(r->pool, sizeof(*q));
        ap_set_module_config(r->request_config, &playcount_module, q);
    }
    return q;
}

PLAYCOUNT_HOT playcount_request *
playcount_request_with(request_rec *r, apr_size_t size, void **beside)
{
    playcount_request *q = playcount_request_of(r);

    if (q) {
        *beside = apr_pcalloc(r->pool, size);
        return q;
    }
    q = apr_pcalloc(r->pool, sizeof(*q) + size);
    *beside = q + 1;
    ap_set_module_config(r->request_config, &playcount_module, q);
    return q;
}

static int is_hashed(const playcount_request *q)
{
    return q->id && q->length >= 1 && q->length <= PLAYCOUNT_ID_MAX;
}

/* The song's place in the index is fetched now, its slot by fetch_slot(). */
static void find_zone(request_rec *r, playcount_request *q)
{
    q->zone = playcount_zone_of(r);
    if (is_hashed(q)) {
        q->hash = playcount_zone_prefetch(q->zone->zone, q->id, q->length);
    }
}

void playcount_request_learn(request_rec *r, playcount_request *q,
                             const char *handler, apr_size_t root)
{
    const char *path = r->uri + root;

    q->uri = r->uri;
    q->handler = handler;
    q->root = root;
    q->path = *path ? path : "/";
    q->id = NULL;
    if (!strcmp(handler, PLAYCOUNT_HANDLER) &&
        !strncmp(q->path, PLAYCOUNT_SONG, strlen(PLAYCOUNT_SONG))) {
        q->id = q->path + strlen(PLAYCOUNT_SONG);
        q->length = strlen(q->id);
    }
    find_zone(r, q);
}

const playcount_request *playcount_request_complete(request_rec *r)
{
    playcount_request *q = playcount_request_get(r);
    apr_size_t root;

    /* A module may have rewritten the URL, or a section named another zone, since.
     */
    if (q->uri != r->uri) {
        playcount_root_find(r, &root);
        playcount_request_learn(r, q, PLAYCOUNT_HANDLER, root);
    }
    else if (q->zone != playcount_zone_of(r)) {
        find_zone(r, q);
    }
    return q;
}

/* httpd has walked over the locations twice more since the song's place in the
 * index was asked for: it is there now, and says which slot is next. */
static PLAYCOUNT_HOT int fetch_slot(request_rec *r)
{
    const playcount_request *q = playcount_request_of(r);

    if (q && q->claimed && is_hashed(q)) {
        playcount_zone_prefetch_slot(q->zone->zone, q->hash);
    }
    return DECLINED;
}

void playcount_request_register_hooks(apr_pool_t *p)
{
    ap_hook_header_parser(fetch_slot, NULL, NULL, APR_HOOK_MIDDLE);
}

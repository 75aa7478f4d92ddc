/* What is known of a request: worked out once, and kept with it for all rooms.
 *
 *     uri   /site/plays/song/a/b       r->uri, decoded
 *           |root      |path           root is a length
 *                            |id
 *
 * As soon as httpd knows the location, the zone and the id are known as well, and
 * the song is on its way into the processor's cache while httpd does the rest: of a
 * million songs, the one that is asked for is in no cache, and finding it waits
 * twice for memory.
 *
 * An internal redirect and a subrequest are requests of their own.
 */
#ifndef PLAYCOUNT_SERVER_REQUEST_H
#define PLAYCOUNT_SERVER_REQUEST_H

#include "httpd.h"
#include "http_config.h"

#include "server/conf.h"
#include "server/zones.h"

#define PLAYCOUNT_SONG "/song/" /* below the root; what follows is an id */

typedef struct {
    /* Of the media room: what is known of a delivery. */
    void *media;

    /* Of the metrics room: the sample of a request that is measured. */
    void *sample;

    /* Of the recorder: what is kept of the request. */
    void *record;

    unsigned seen : 1;       /* it was begun to record it ... */
    unsigned unrecorded : 1; /* ... and cannot be */
    unsigned page : 1;       /* it is one of the live page's own */
    unsigned claimed : 1;    /* no module has led elsewhere: see claim.h */

    /* Of a request in a location of ours: */
    const char *uri;     /* the r->uri that the rest is about; NULL: none yet */
    const char *handler; /* PLAYCOUNT_HANDLER or PLAYCOUNT_METRICS_HANDLER */
    apr_size_t root;     /* bytes of the URI before the path; no '/' at their end */
    const char *path;    /* below the root, beginning with '/'; "/" is the root */
    char *args;          /* of a claimed one: r->args and ... */
    const void
        *rules; /* ... mod_rewrite's rules for it, as site.c has found them */

    /* Of a request to the counter: */
    playcount_served_zone *zone;
    const char *id;    /* NULL: the path is not a song's */
    apr_size_t length; /* of the id, as it came: 0 to anything */
    uint64_t hash;     /* of an id of 1 to PLAYCOUNT_ID_MAX bytes, in the zone */
} playcount_request;

/* The request of the client that a subrequest or an internal redirect serves; and
 * the last of the redirects that it went through. */
static inline request_rec *playcount_request_first(request_rec *r)
{
    while (r->main) {
        r = r->main;
    }
    while (r->prev) {
        r = r->prev;
    }
    return r;
}

static inline request_rec *playcount_request_last(request_rec *r)
{
    while (r->next) {
        r = r->next;
    }
    return r;
}

/* What is known so far; NULL: nothing. */
static inline playcount_request *playcount_request_of(const request_rec *r)
{
    return ap_get_module_config(r->request_config, &playcount_module);
}

/* The same, made if there is none. */
playcount_request *playcount_request_get(request_rec *r);

/* The same, with `size` zeroed bytes of the request's pool beside it; in one piece,
 * if there was none. */
playcount_request *playcount_request_with(request_rec *r, apr_size_t size,
                                          void **beside);

/* All of it, for a handler: path and zone are what they are now. */
const playcount_request *playcount_request_complete(request_rec *r);

/* Note what r->uri says, whose first `root` bytes lead to the path below the root
 * of this handler; and have the song fetched. The directory configuration is that
 * of the location; the access checks are yet to come. */
void playcount_request_learn(request_rec *r, playcount_request *q,
                             const char *handler, apr_size_t root);

void playcount_request_register_hooks(apr_pool_t *p);

#endif

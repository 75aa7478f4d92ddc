/* What the rooms keep with a connection: one record, as the module has one place
 * there. What each response touches is in one line of the cache: with many
 * connections it is in no cache when it is wanted.
 */
#ifndef PLAYCOUNT_SERVER_CONNECTION_H
#define PLAYCOUNT_SERVER_CONNECTION_H

#include <stdatomic.h>

#include "httpd.h"
#include "http_config.h"

#include "server/conf.h"

typedef struct {
    /* Of delivered.c. A stream of HTTP/2 has a connection of its own; `sent` is
     * what it gave to its master. The rest is about connections with a socket. */
    apr_off_t written;   /* bytes that the kernel took, since it is counted */
    unsigned counts : 1; /* `written` is counted */
    unsigned gone : 1;   /* the connection's pool is being cleared */
    _Atomic apr_off_t
        short_to;       /* the send buffer is kept short up to there; 0: no */
    apr_off_t watch_at; /* `written` up to which a response waits; 0: none does */

    /* Of media/last.c: the listener of the last request. */
    uint64_t agent;      /* hash and judgement of the User-Agent */
    uint64_t listener;   /* hash of song, address, day and `agent` */
    uint64_t numbers[2]; /* of the listener */

    /* --- here a line of the cache ends --- */

    void *lane;       /* of lane/, for a connection that it knows */
    apr_off_t sent;   /* of delivered.c, as above */
    apr_off_t unsent; /* what the kernel held when it was closed unfinished */

    /* The response that wants to know how far it has come, while it is on its way.
     */
    request_rec *watched; /* its first request; its pool clears this */
    apr_off_t (*reached)(request_rec *first);
} playcount_connection;

/* The record, NULL if there is none yet. */
static inline playcount_connection *playcount_connection_of(const conn_rec *c)
{
    return ap_get_module_config(c->conn_config, &playcount_module);
}

/* The same, made if there is none. */
playcount_connection *playcount_connection_get(conn_rec *c);

#endif

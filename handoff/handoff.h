/* Handing counts over: the batches of shm/zone/batches.h brought to a consumer.
 * Private to this room.
 *
 *   directive.c  the directive PlaycountHandoff
 *   hooks.c      the zones that have one, start-up
 *   watch.c      the delivery: from the watchdog, in one process at a time
 *   engine.h     what delivers; engines.c has the table of all engines
 *   status.c     the handoffs on mod_status' page
 *   lease.c      batches over HTTP, for consumers that fetch them
 *
 * The engine `dbd`, SQL databases by mod_dbd, from the bottom up:
 *
 *   sql.c        a connection and its transaction
 *   fence.c      the number of the last batch, in the database
 *   table.c      songs into the default table
 *   statement.c  songs by the user's own statement
 *   refused.c    the table of the songs that the database refused
 *   apart.c      songs that fail by themselves, kept aside
 *   rows.c       the songs of a batch, in pieces
 *   dbd.c        the engine
 *
 * The engine `redis` (redis.h) is a writer into a Redis Cluster; redis_absent.c
 * stands for it in a build without hiredis.
 */
#ifndef PLAYCOUNT_HANDOFF_H
#define PLAYCOUNT_HANDOFF_H

#include "httpd.h"

#include "handoff/engine.h"
#include "server/dispatch.h"

/* One PlaycountHandoff. */
struct playcount_handoff {
    const playcount_engine *engine;
    void *state; /* the engine's own, made by its create() */
    const char *zone_name;
    const char *node;   /* tells this server from others on copies of one file */
    int interval;       /* seconds between two batches */
    server_rec *server; /* where it stands: its DBD directives count */
    const ap_directive_t *directive;
    const char *where;           /* its file and line */
    playcount_served_zone *zone; /* NULL before post_config */

    /* of the process that delivers */
    apr_time_t next;           /* the next batch not before */
    apr_time_t paused_until;   /* after a failure: nothing before */
    apr_interval_time_t pause; /* after a failure: how long the last one was */
    uint64_t epoch;            /* of the zone, when it was last looked at */
};

/* All of them, playcount_handoff *; made again with each configuration. */
extern apr_array_header_t *playcount_handoffs;

/* The handoff of this zone, NULL if it has none. */
const playcount_handoff *playcount_handoff_of(const playcount_served_zone *zone);

/* watch.c: deliver from the watchdog. In post_config; OK or an error. */
int playcount_handoff_watch(const apr_array_header_t *handoffs, server_rec *s,
                            apr_pool_t *p);

/* status.c: a section on mod_status' page. */
void playcount_handoff_register_status(void);

/* lease.c: what this room answers. */
extern const playcount_endpoint playcount_lease_endpoints[];

/* directive.c */
const char *playcount_cmd_handoff(cmd_parms *cmd, void *dummy, int argc,
                                  char *const argv[]);

extern const playcount_room playcount_handoff_room;

#endif

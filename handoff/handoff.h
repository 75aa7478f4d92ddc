/* Handing counts over: the batches of shm/zone/batches.h brought to a consumer.
 * Private to this room.
 *
 *   hooks.c   the directive PlaycountHandoff, the zones that have one, start-up
 *   watch.c  the delivery: from the watchdog, in one process at a time
 *   dbd.c    the engine `dbd`: SQL databases, by mod_dbd
 *   rows.c   the songs of a batch, made into statements
 *   lease.c  batches over HTTP, for consumers that fetch them
 */
#ifndef PLAYCOUNT_HANDOFF_H
#define PLAYCOUNT_HANDOFF_H

#include "httpd.h"

#include "server/zones.h"
#include "shm/zone/batches.h"

typedef struct playcount_handoff playcount_handoff;

/* What delivers. A process keeps no state of it between two calls, so that any
 * process can go on where another one was killed. */
typedef struct {
    const char *name; /* as the directive names it */

    /* Is all there that it needs? NULL, or what is missing, as a sentence. Called
     * once, in post_config. */
    const char *(*check)(const playcount_handoff *handoff, apr_pool_t *p);

    /* Make the consumer have this batch, once, however often this is called. NULL
     * when it has it, now or since an earlier call; otherwise what is the matter,
     * as a sentence, allocated from the pool. May block for as long as the consumer
     * does. */
    const char *(*deliver)(playcount_handoff *handoff, const playcount_batch *batch,
                           apr_pool_t *p);
} playcount_engine;

extern const playcount_engine playcount_engine_dbd;

/* One PlaycountHandoff. */
struct playcount_handoff {
    const playcount_engine *engine;
    const char *zone_name;
    const char *node;      /* tells this server from others on copies of one file */
    const char *statement; /* label of a DBDPrepareSQL; NULL: the default table */
    int interval;          /* seconds between two batches */
    server_rec *server;    /* where it stands: its DBD directives count */
    const char *where;     /* file and line */
    playcount_served_zone *zone; /* NULL before post_config */

    /* of the process that delivers */
    apr_time_t next;           /* not before */
    apr_interval_time_t pause; /* after a failure */
    int prepare_again;         /* the statement may be gone with its connection */
};

/* The handoff of this zone, NULL if it has none. */
const playcount_handoff *playcount_handoff_of(const playcount_served_zone *zone);

/* watch.c: deliver from the watchdog. In post_config; OK or an error. */
int playcount_handoff_watch(const apr_array_header_t *handoffs, server_rec *s,
                            apr_pool_t *p);

/* dbd.c: hooks of mod_dbd. */
void playcount_dbd_register_hooks(void);

/* lease.c: the handler. */
int playcount_lease_handler(request_rec *r);

/* The directive. */
const char *playcount_cmd_handoff(cmd_parms *cmd, void *dummy, int argc,
                                  char *const argv[]);

extern const playcount_room playcount_handoff_room;

#endif

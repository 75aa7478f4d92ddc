/* What an engine is: the code that brings batches to one kind of consumer.
 *
 * An engine is one file, which defines a playcount_engine, and one line in the
 * table of engines.c. PlaycountHandoff names it, directive.c reads its options,
 * hooks.c checks it, watch.c calls it:
 *
 *   the directive       create, and `read` of each option
 *   check_config        check
 *   post_config         open
 *   the watchdog        begin, (tick | cleared | deliver)*, end
 *
 * A handoff runs in one process at a time, on a thread of its own. When that
 * process dies or stands still, another takes over. While a graceful restart goes
 * on, the old generation may still deliver when the new one begins; so may a
 * process that stood still, when it goes on. So three things hold for every engine:
 *
 * What is called from the watchdog may block for as long as the consumer does. It
 * holds up this handoff only; no request ever waits for it.
 *
 * A process that dies leaves no state behind but what is in the zone and in the
 * consumer. The state that create() made is a process's own after the start.
 *
 * Two processes may deliver the same batch at the same time. Both must be told the
 * truth, and the plays must count once.
 */
#ifndef PLAYCOUNT_HANDOFF_ENGINE_H
#define PLAYCOUNT_HANDOFF_ENGINE_H

#include "httpd.h"
#include "http_config.h"

#include "shm/zone/batches.h"

typedef struct playcount_handoff playcount_handoff;

/* What became of a call into the consumer. */
typedef enum {
    PLAYCOUNT_DELIVERED,  /* it is done, now or since an earlier call */
    PLAYCOUNT_UNDELIVERED /* it is not, or that cannot be told: try again */
} playcount_delivery_e;

/* An option of an engine, NAME=VALUE. */
typedef struct {
    const char *name;  /* what stands before the '=' */
    const char *value; /* what a refusal calls the value, such as "LABEL" */

    /* Take the value into the handoff's state. NULL, or what is wrong with it, as
     * the rest of a sentence that begins "PlaycountHandoff: NAME=VALUE ". */
    const char *(*read)(playcount_handoff *handoff, const char *value,
                        apr_pool_t *p);
} playcount_engine_option;

/* A function that is not marked optional must be there. `why` is where a function
 * that answers PLAYCOUNT_UNDELIVERED must put the reason, as a sentence without a
 * full stop, allocated from `p`. `p` is cleared after the call. */
typedef struct {
    const char *name;                       /* as the directive names it */
    const char *purpose;                    /* completes "use NAME, for ..." */
    const playcount_engine_option *options; /* ends with a NULL name; optional */

    /* The state of one handoff, with its defaults, for handoff->state. Optional. */
    void *(*create)(apr_pool_t *p);

    /* Are its prerequisites met? NULL, or what is missing, as a sentence that names
     * the remedy. Called in check_config, so `httpd -t` reports it too. */
    const char *(*check)(playcount_handoff *handoff, apr_pool_t *p);

    /* The zone is open, and there are no children yet. NULL, or why the server must
     * not start, as a sentence that names the remedy. Called at graceful restarts,
     * too, where it has to be quick: the running server waits for it. Optional.
     */
    const char *(*open)(playcount_handoff *handoff, apr_pool_t *p);

    /* This process delivers from now on; `p` lives until end(). Optional. */
    void (*begin)(playcount_handoff *handoff, apr_pool_t *p);

    /* This process stops delivering: close what begin() or a later call opened. Not
     * called in a process that is killed. Optional. */
    void (*end)(playcount_handoff *handoff);

    /* Bring the batch to the consumer. Safe to repeat: it counts once, however
     * often this is called, by however many processes. After PLAYCOUNT_DELIVERED
     * the batch is acknowledged; it will not come again. After
     * PLAYCOUNT_UNDELIVERED the same batch comes again, after a pause that grows to
     * 60 seconds. */
    playcount_delivery_e (*deliver)(playcount_handoff *handoff,
                                    const playcount_batch *batch, apr_pool_t *p,
                                    const char **why);

    /* Called about once a second unless the handoff pauses after a failure, whether
     * or not there is anything to deliver: for what an engine reads back. A failure
     * is logged, here with `why` as the whole sentence, and followed by a pause
     * like one of deliver(). Optional. */
    playcount_delivery_e (*tick)(playcount_handoff *handoff, apr_pool_t *p,
                                 const char **why);

    /* The zone was cleared since the last call of this or of begin(), before any
     * deliver() or tick() that follows. Called again after a failure. A clear while
     * no process delivers is not reported: an engine that must know of those
     * compares in begin(). Optional. */
    playcount_delivery_e (*cleared)(playcount_handoff *handoff, apr_pool_t *p,
                                    const char **why);
} playcount_engine;

/* engines.c: the table. NULL when no engine has this name. */
const playcount_engine *playcount_engine_named(const char *name);

/* "use dbd, for ...": every engine. */
const char *playcount_engine_names(apr_pool_t *p);

extern const playcount_engine playcount_engine_dbd;
extern const playcount_engine playcount_engine_redis;

#endif

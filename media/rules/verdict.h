/* What becomes of one delivery of media. This decides what follows from the request
 * alone, for live counting and for the replay of a log alike; what the listener had
 * before decides the rest (shm/media/deliver.c; media/judge.c asks both).
 *
 *     played    with this one the listener has enough: it counts
 *     open      the listener does not have enough yet
 *     again     the listener had enough before, in this window
 *     bot       the User-Agent or the address is not a listener's
 *     probe     nothing but ranges of at most two bytes
 *     prefetch  the browser fetched it in advance (Sec-Purpose: prefetch)
 *     full      there is no room for a new listener; a replay of the log counts it
 *     skipped   not a download: not GET, not 200 or 206, encoded, or the
 *               configuration says so (playcount-skip)
 *
 * Some of it follows from the request alone, whatever came before: that is in
 * playcount_media_refuse(). The rest depends on the listener's other requests:
 *
 *     refuse()  -> a final verdict
 *               -> OPEN: the intervals are added to the union of the listener
 *                  and the window (union.h); playcount_union_enough() says
 *                  whether it is played
 *
 * So a replay takes from the log which deliveries are refused, and computes the
 * rest.
 *
 * Sources: IAB Podcast Measurement Technical Guidelines 2.3, 5.5.2, and 5.4 for
 * what is fetched in advance; the headers for it are ours.
 */
#ifndef PLAYCOUNT_MEDIA_RULES_VERDICT_H
#define PLAYCOUNT_MEDIA_RULES_VERDICT_H

#include <stddef.h>

#include "media/rules/address.h"
#include "media/rules/agent.h"

typedef enum {
    PLAYCOUNT_VERDICT_NONE, /* not media: "-" */
    PLAYCOUNT_VERDICT_PLAYED,
    PLAYCOUNT_VERDICT_OPEN,
    PLAYCOUNT_VERDICT_AGAIN,
    PLAYCOUNT_VERDICT_BOT,
    PLAYCOUNT_VERDICT_PROBE,
    PLAYCOUNT_VERDICT_PREFETCH,
    PLAYCOUNT_VERDICT_FULL,
    PLAYCOUNT_VERDICT_SKIPPED,
    PLAYCOUNT_VERDICTS
} playcount_verdict_e;

/* As it is in logs, labels and JSON. */
const char *playcount_verdict_name(playcount_verdict_e verdict);

/* By name; -1: there is none. */
int playcount_verdict_of(const char *name, size_t n);

/* Whether a delivery with this verdict adds to what its listener has: played, open,
 * again, full. */
int playcount_verdict_adds(playcount_verdict_e verdict);

/* The facts of one delivery. */
typedef struct {
    int is_get;        /* the method, and no HEAD */
    int status;        /* the final one */
    int encoded;       /* it had a Content-Encoding: the bytes are not the file's */
    int unwanted;      /* playcount-skip is set */
    const char *range; /* the Range header; NULL: none */
    int no_probe;      /* it is known already that a range is longer */
    const char *purpose; /* Sec-Purpose, or an older one; NULL: none */
    const char *agent;   /* the User-Agent header; NULL: none */
    size_t agent_n;
    int judged;                       /* the judgement on it is known already: */
    playcount_agent_e judgement;      /* ... this one */
    const playcount_address *address; /* httpd's; NULL: unknown */
} playcount_delivery;

/* The lists that decide; each may be NULL. */
typedef struct {
    playcount_agents *agents;
    playcount_networks *networks;
} playcount_lists;

/* OPEN: it adds to what its listener has. Otherwise why it does not, and *reason is
 * a few words for the log. */
playcount_verdict_e playcount_media_refuse(const playcount_delivery *delivery,
                                           const playcount_lists *lists,
                                           const char **reason);

#endif

/* Which lines of an access log are deliveries of media, and what each brought its
 * listener. The module's rules (media/rules/) decide; what the module has written
 * into the log (%^Pv, %^Px, %^Pt, %^Pi) is taken from there, and what it has not,
 * is found out as well as a log can: bytes, status and Range, and the file on the
 * disk. */
#ifndef PLAYCOUNT_COMMAND_MEDIALINE_H
#define PLAYCOUNT_COMMAND_MEDIALINE_H

#include "client/command/command.h"
#include "client/id.h"
#include "media/rules/address.h"
#include "media/rules/intervals.h"

enum { MEDIALINE_INTERVALS = 256 };

/* A delivery that adds to what its listener has. Good until the next line. */
typedef struct {
    int64_t start; /* of the request, in seconds since 1970 */
    char song[PLAYCOUNT_ID_ENCODED];
    playcount_address address;
    const char *agent;
    size_t agent_n;
    uint64_t need;
    bool counted; /* the module has counted a play of the listener's */
    playcount_interval got[MEDIALINE_INTERVALS];
    size_t n;
} media_delivery;

typedef enum {
    MEDIALINE_ADDS,
    MEDIALINE_OTHER,      /* no media, or not of --match */
    MEDIALINE_REFUSED,    /* bot, probe, prefetch, skipped */
    MEDIALINE_UNREADABLE, /* not in this format */
    MEDIALINE_UNUSABLE,   /* no valid id, address or time */
    MEDIALINE_UNMEASURED, /* nobody knows how much of it is enough */
    MEDIALINE_OUTCOMES
} media_outcome;

typedef struct medialine medialine;

/* From the arguments. Not EXIT_DONE: it has said what is wrong with them. */
exit_status medialine_new(medialine **m, const arguments *a);
void medialine_free(medialine *m);

/* A line without its newline. ADDS: *out is filled in. */
media_outcome medialine_read(medialine *m, const char *text, size_t n,
                             media_delivery *out);

/* A hash of what was asked for, for the state. */
uint64_t medialine_hash(const arguments *a);

#endif

/* The last events of the server, for the marks in charts: starts, graceful
 * restarts, children that were killed.
 *
 *     next      events written so far
 *     entry     version  odd while it is written, else 2 + 2 x the event's number
 *               when     microseconds since 1970
 *               what     kind << 32 | process id
 *
 * A ring of 64. Only httpd's parent writes, and it has one thread; any thread of
 * any process reads: it compares the version before and after (a seqlock of atomic
 * words).
 */
#ifndef PLAYCOUNT_SHM_EVENTS_H
#define PLAYCOUNT_SHM_EVENTS_H

#include <stdatomic.h>
#include <stdint.h>

#define PLAYCOUNT_EVENTS 64

typedef enum {
    PLAYCOUNT_EVENT_START,    /* the figures begin here */
    PLAYCOUNT_EVENT_GRACEFUL, /* a graceful restart, across which they continue */
    PLAYCOUNT_EVENT_KILLED,   /* a child ended without saying so: killed, or crashed
                               */
    PLAYCOUNT_EVENT_KINDS
} playcount_event_e;

/* "start", "graceful", "killed" */
extern const char *const playcount_event_names[PLAYCOUNT_EVENT_KINDS];

typedef struct {
    uint64_t when; /* microseconds since 1970 */
    playcount_event_e kind;
    int32_t pid; /* the child's; 0 for the others */
} playcount_event;

typedef struct {
    _Atomic uint64_t next;
    struct {
        _Atomic uint64_t version, when, what;
    } entry[PLAYCOUNT_EVENTS];
} playcount_events;

/* The parent only. */
void playcount_events_add(playcount_events *events, const playcount_event *event);

/* Copies those later than `since`, oldest first; returns how many. Any thread of
 * any process. */
unsigned playcount_events_read(const playcount_events *events, uint64_t since,
                               playcount_event copy[PLAYCOUNT_EVENTS]);

#endif

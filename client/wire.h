/* The wire: HTTP requests, many at once, in one thread.
 *
 * An exchange is one request with its answer, over all its attempts. Exchanges are
 * submitted to a wire and run by playcount_wire_run() on a curl multi handle, at
 * most `parallel` at a time; one that failed in a way that may pass waits and is
 * sent again (playcount.h, "Retries"). When it is over, `done` is called, which may
 * submit more, itself included. A wire keeps its connections for the next run; it
 * belongs to one thread at a time.
 *
 *      submit            slot free           answered, or final failure
 *    ---------> waiting -----------> flying -----------------------------> done()
 *                  ^                    |
 *                  +------ pause -------+ failure that may pass
 */
#ifndef PLAYCOUNT_CLIENT_WIRE_H
#define PLAYCOUNT_CLIENT_WIRE_H

#include <stdbool.h>
#include <curl/curl.h>

#include "client/playcount.h"

typedef struct {
    int number;
    char *name; /* the address, with a slash at the end, without user:password@ */
    char *user; /* NULL: none */
    char *password; /* NULL: none */
} playcount_server;

/* The limits of playcount_options. */
typedef struct {
    long timeout_ms, attempt_ms, connect_ms;
    int retries, parallel, connections;
    char *ca_file; /* NULL: the system's */
} playcount_limits;

/* Room for what a header of ours says, with the NUL. */
#define PLAYCOUNT_HEADER_ROOM 64
#define PLAYCOUNT_MAPPING_ROOM PLAYCOUNT_HEADER_ROOM

typedef enum { PLAYCOUNT_GET, PLAYCOUNT_POST, PLAYCOUNT_DELETE } playcount_method;

typedef struct playcount_exchange playcount_exchange;

struct playcount_exchange {
    /* Set by the caller; all pointers are borrowed until done. */
    const playcount_server *server;
    playcount_method method;
    const char *target; /* path and query below the server's address */
    const char *body;   /* of a POST, text/plain; NULL: none */
    size_t body_n;
    const char *key;   /* Idempotency-Key; NULL: none */
    bool repeatable;   /* may be sent again when it may have been received */
    bool is_page;      /* of any server: 2xx or 3xx is right, and not looked at */
    bool may_be_empty; /* 204 is a right answer, too */
    size_t limit;      /* the longest answer that can be right; not with `take` */
    /* NULL: the answer is kept in `answer`. Otherwise it is given the pieces of a
     * good answer, which may be of any length; the exchange is then not repeated
     * once a piece has arrived. Not PLAYCOUNT_OK: it has filled in exchange->error.
     */
    playcount_status (*take)(playcount_exchange *exchange, const char *piece,
                             size_t n);
    void (*done)(playcount_exchange *exchange);
    void *context;

    /* The outcome, for done(): error.status is PLAYCOUNT_OK for a right answer. */
    playcount_error error;
    char *answer; /* with a NUL after it; freed after done() */
    size_t answer_n;
    int attempts;
    int64_t
        started_us; /* when the last attempt began; of a clock that never jumps */
    char mapping[PLAYCOUNT_MAPPING_ROOM]; /* Playcount-Mapping; "": it has none */
    char batch[PLAYCOUNT_HEADER_ROOM];    /* Playcount-Batch, the same */

    /* The wire's own. */
    playcount_exchange *next,
        **link; /* in a list; what points to it while it flies */
    CURL *easy;
    struct curl_slist *headers;
    size_t answer_room;
    uint64_t body_seen;       /* bytes of the answer in this attempt */
    int64_t until;            /* when the time limit is reached; ms */
    int64_t not_before;       /* waiting: earliest start; ms */
    int64_t window, window_n; /* a stream: since when, how many bytes since */
    bool too_long;            /* the body, or the header */
    bool header_ended;        /* its empty line has come */
    bool has_length;          /* it says where the body ends */
    size_t header_seen;       /* bytes of it */
    char problem[CURL_ERROR_SIZE];
};

typedef struct playcount_wire playcount_wire;

/* NULL: no memory. The limits are borrowed for its life. */
playcount_wire *playcount_wire_new(const playcount_limits *limits);
void playcount_wire_free(playcount_wire *wire);

/* The exchange must stay where it is until done() has been called. */
void playcount_wire_submit(playcount_wire *wire, playcount_exchange *exchange);

/* Asked five times a second or more whether to stop. */
typedef bool playcount_stop(void *context);

/* Run until nothing is left, or `stop` (may be NULL) says so: then what is left
 * fails with PLAYCOUNT_E_STOPPED. */
void playcount_wire_run(playcount_wire *wire, playcount_stop *stop, void *context);

/* Milliseconds of a clock that never jumps. */
int64_t playcount_now_ms(void);

#endif

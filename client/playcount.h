/* libplaycount: ask and tell one or many mod_playcount servers over HTTP.
 *
 *     playcount_options options;
 *     playcount_error error;
 *     uint64_t count;
 *
 *     playcount_options_init(&options);
 *     options.servers = (const char *const[]){"http://127.0.0.1:8000/"};
 *     options.servers_n = 1;
 *     playcount_client *client = playcount_open(&options, &error);
 *     if (!client ||
 *         playcount_play(client, "42", &count, &error) != PLAYCOUNT_OK) {
 *         fprintf(stderr, "%s\n", error.sentence);
 *     }
 *     playcount_close(client);
 *
 * Compile and link with `pkg-config --cflags --libs libplaycount`; after an
 * installation into /usr/local run ldconfig once.
 *
 * Songs. A song is named by its id: 1 to 255 bytes of UTF-8 without control
 * characters, as a C string. Counts go from 0 to 2^63-1 and stop there. The
 * functions whose names end in _number take an integer, which is the song whose
 * id is that integer in decimal.
 *
 * Servers. With more than one, every song lives on one of them, chosen by its id
 * (playcount_shard). Clients must have the same servers in the same order (modulo)
 * or with the same addresses (ketama) to agree about where a song is.
 *
 * HTTP. Connections are kept and used again. Servers with https are asked for
 * HTTP/2, and where they offer it one connection carries many requests at once.
 *
 * Retries. A request that failed in a way that may pass (no connection, a broken
 * one, no answer, an answer cut short, 408, 409, 429, 502, 503, 504) is sent again
 * after a pause that starts at 50 ms and doubles up to 2 s, at most `retries` times
 * and never beyond the time limit of the call. Every POST carries an
 * Idempotency-Key that stays the same over its retries, so that a server that has
 * counted a request whose answer was lost says so instead of counting again; it
 * must remember keys (PlaycountIdempotency, on by default). A reset is only
 * repeated when it certainly has not been sent.
 *
 * Errors. Functions return PLAYCOUNT_OK or the reason, and describe it in *error,
 * which may be NULL. The sentence names the server and says what happened.
 *
 * Threads. A client may be used by any number of threads at once; each running call
 * has connections of its own, which later calls use again. A collector likewise.
 * playcount_open() and playcount_close() call libcurl's curl_global_init() and
 * curl_global_cleanup(), which libcurl counts. Where libcurl says that these are
 * not thread-safe (before 7.84, or without CURL_VERSION_THREADSAFE), call
 * curl_global_init() once before the first thread is started. Callbacks run in the
 * thread of the call they were given to, a collector's in its own threads. A client
 * or collector cannot be used in a child after fork().
 *
 * Names are resolved by threads of libcurl. One that outlasts the time limit of its
 * call ends by itself, whenever the system gives the name up.
 *
 * The library has no global state and prints nothing. Like every program on libcurl
 * it goes through a proxy if http_proxy, https_proxy or all_proxy says so.
 */
#ifndef PLAYCOUNT_H
#define PLAYCOUNT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PLAYCOUNT_API __attribute__((visibility("default")))

#define PLAYCOUNT_ID_BYTES 255         /* of the longest id */
#define PLAYCOUNT_COUNT_MAX INT64_MAX  /* where counts stop */
#define PLAYCOUNT_BY_MAX 1000000000    /* most plays in one playcount_add() */
#define PLAYCOUNT_BATCH_SONGS 65536    /* most songs a server takes at once */
#define PLAYCOUNT_BATCH_BYTES 16777216 /* longest batch a server takes */
#define PLAYCOUNT_SERVERS_MAX 1024

typedef enum {
    PLAYCOUNT_OK = 0,
    PLAYCOUNT_E_USAGE,   /* an argument is out of range; nothing was sent */
    PLAYCOUNT_E_MEMORY,  /* no memory */
    PLAYCOUNT_E_CONNECT, /* no connection to the server; nothing was sent, unless
                            `uncertain` says that an attempt before this one was */
    PLAYCOUNT_E_TIMEOUT, /* no complete answer within the time limit */
    PLAYCOUNT_E_CUT,     /* the connection broke */
    PLAYCOUNT_E_ANSWER,  /* the answer is not from a mod_playcount server: too long,
                          * not a number ...
                          */
    PLAYCOUNT_E_REFUSED, /* the server refused with a status of 400 or more */
    PLAYCOUNT_E_FULL,    /* the server has no room for another song (507) */
    PLAYCOUNT_E_PARTLY, /* it worked for some songs or servers and not for others */
    PLAYCOUNT_E_BACKLOG, /* a collector holds as much as it may; nothing was taken
                          */
    PLAYCOUNT_E_STOPPED  /* a callback asked to stop */
} playcount_status;

typedef struct {
    playcount_status status;
    int server;         /* which one, counted from 0; -1: none in particular */
    int http_status;    /* what it answered; 0: nothing that could be read */
    int uncertain;      /* 1: the request was sent and may have been counted */
    char sentence[512]; /* for people: one line, UTF-8, without a full stop */
} playcount_error;

/* Which server has a song. */
typedef enum {
    /* Consistent hashing as libketama does it: 160 points a server on a circle of
     * 2^32, from the MD5 of "ADDRESS-K", K = 0 to 39; a song belongs to the next
     * point after the first four bytes, little-endian, of the MD5 of its id. A
     * server added to n takes about 1/(n+1) of the songs, and no other song moves.
     * ADDRESS is as playcount_server_name() gives it. Any id. */
    PLAYCOUNT_SHARD_KETAMA,
    /* Server number id mod n, from 0. Ids must be decimal integers of any length;
     * -1 mod 3 is 2. */
    PLAYCOUNT_SHARD_MODULO
} playcount_shard;

typedef struct {
    /* Addresses of the location that has `SetHandler playcount`, as
     * http://host:port/path or https://...; without a scheme it is http. A
     * user:password@ in it is sent as HTTP authentication, shown nowhere. */
    const char *const *servers;
    size_t servers_n; /* 1 to PLAYCOUNT_SERVERS_MAX */
    playcount_shard shard;
    /* Milliseconds that a call may take in all, retries and pauses included; 1 to
     * 3,600,000, default 10,000. In a call for many songs each request has that
     * time to itself; a listing goes on as long as every such time brings 1 KiB of
     * it. */
    long timeout_ms;
    long attempt_ms; /* for one attempt, default 5,000; at most timeout_ms counts */
    long connect_ms; /* for making a connection, default 2,000 */
    int retries;     /* 0 to 100, default 4 */
    int parallel;    /* requests at once in one call, 1 to 1024, default 32 */
    int connections; /* connections to one server in one call, 1 to 1024, default 8
                      */
    const char *ca_file; /* PEM; for https, in place of the system's; NULL: these */
} playcount_options;

/* The defaults above; no servers. */
PLAYCOUNT_API void playcount_options_init(playcount_options *options);

typedef struct playcount_client playcount_client;

/* A client, or NULL with *error. Copies the options. Makes no connection yet. */
PLAYCOUNT_API playcount_client *playcount_open(const playcount_options *options,
                                               playcount_error *error);

/* Close the connections and free it. No call and no collector of this client may be
 * running. NULL is fine. */
PLAYCOUNT_API void playcount_close(playcount_client *client);

PLAYCOUNT_API size_t playcount_servers(const playcount_client *client);

/* The address of a server in normal form, without user and password; valid as long
 * as the client; NULL when there is no such server. */
PLAYCOUNT_API const char *playcount_server_name(const playcount_client *client,
                                                size_t server);

/* Which server has this song, counted from 0; -1 with *error for an id that cannot
 * be. Sends nothing. */
PLAYCOUNT_API int playcount_server_of(const playcount_client *client,
                                      const char *id, playcount_error *error);

/* ---- one song ---------------------------------------------------------------- */

/* The count of a song; 0 for one never played. Not for the id "..", which a path
 * cannot have; it is found in a listing. */
PLAYCOUNT_API playcount_status playcount_get(playcount_client *client,
                                             const char *id, uint64_t *count,
                                             playcount_error *error);

/* Count one play; *count (may be NULL) is the new count, which no other play gets.
 */
PLAYCOUNT_API playcount_status playcount_play(playcount_client *client,
                                              const char *id, uint64_t *count,
                                              playcount_error *error);

/* Count `by` plays, 1 to PLAYCOUNT_BY_MAX. */
PLAYCOUNT_API playcount_status playcount_add(playcount_client *client,
                                             const char *id, uint64_t by,
                                             uint64_t *count,
                                             playcount_error *error);

PLAYCOUNT_API playcount_status playcount_get_number(playcount_client *client,
                                                    int64_t id, uint64_t *count,
                                                    playcount_error *error);
PLAYCOUNT_API playcount_status playcount_play_number(playcount_client *client,
                                                     int64_t id, uint64_t *count,
                                                     playcount_error *error);
PLAYCOUNT_API playcount_status playcount_add_number(playcount_client *client,
                                                    int64_t id, uint64_t by,
                                                    uint64_t *count,
                                                    playcount_error *error);

/* ---- many songs -------------------------------------------------------------- */

typedef struct {
    const char *id; /* in */
    uint64_t by;    /* in, for playcount_add_many(): 1 to PLAYCOUNT_COUNT_MAX */
    uint64_t count; /* out: the (new) count where status is PLAYCOUNT_OK */
    playcount_status status; /* out */
} playcount_song;

/* The counts of n songs, `parallel` requests at once. When some fail the others
 * still have their counts: PLAYCOUNT_E_PARTLY, and *error is the first failure. */
PLAYCOUNT_API playcount_status playcount_get_many(playcount_client *client,
                                                  playcount_song *songs, size_t n,
                                                  playcount_error *error);

/* Add to n songs: they are sorted out by server and sent as batches of at most
 * `PLAYCOUNT_BATCH_SONGS`, side by side. All of a batch counts or none of it; each
 * song has its status. A song that is named twice is counted twice, and both have
 * the count after the whole batch. */
PLAYCOUNT_API playcount_status playcount_add_many(playcount_client *client,
                                                  playcount_song *songs, size_t n,
                                                  playcount_error *error);

/* ---- all songs: asked of all servers side by side ------------------------ */

/* Given one song of a listing; valid during the call. Not 0: stop. */
typedef int playcount_each(void *context, int server, const char *id,
                           uint64_t count);

/* All songs, each server's in the order of their first play, the servers mixed. As
 * it streams, it is not repeated when it breaks. `each_server` is NULL or an array
 * of playcount_servers() errors, one for each. When some servers fail the others'
 * songs are still given: PLAYCOUNT_E_PARTLY, and *error is the first failure; of a
 * server that broke off in the middle the songs so far have been given. */
PLAYCOUNT_API playcount_status playcount_list(playcount_client *client,
                                              playcount_each *each, void *context,
                                              playcount_error *each_server,
                                              playcount_error *error);

/* The n songs (1 to 100,000) with the highest counts, highest first. */
PLAYCOUNT_API playcount_status playcount_top(playcount_client *client, size_t n,
                                             playcount_each *each, void *context,
                                             playcount_error *each_server,
                                             playcount_error *error);

/* Forget all songs on all servers. */
PLAYCOUNT_API playcount_status playcount_reset(playcount_client *client,
                                               playcount_error *each_server,
                                               playcount_error *error);

/* ---- batches: a batch for one server under one key ----------------------- */

#define PLAYCOUNT_KEY_BYTES 128

/* A batch that is sent again while the server remembers its key
 * (PlaycountIdempotency: a day by default) is counted once, whichever process sends
 * it. A program that must neither lose nor repeat a play keeps its batches, across
 * its own restarts too. */
typedef struct {
    int server;                        /* counted from 0 */
    char key[PLAYCOUNT_KEY_BYTES + 1]; /* printable ASCII without " and \ */
    playcount_song *songs;             /* in this order; the ids differ */
    size_t n;                          /* 1 to PLAYCOUNT_BATCH_SONGS */
} playcount_batch;

typedef playcount_batch playcount_parcel; /* its earlier name */

/* Send n batches side by side. errors is NULL or an array of n. The songs get their
 * counts and statuses. */
PLAYCOUNT_API playcount_status playcount_send(playcount_client *client,
                                              playcount_batch *batches, size_t n,
                                              playcount_error *errors,
                                              playcount_error *error);

/* A new random key: 128 bits, as 32 hexadecimal digits. Not 0: no randomness. */
PLAYCOUNT_API int playcount_new_key(char key[PLAYCOUNT_KEY_BYTES + 1]);

/* ---- collecting plays ---------------------------------------------------- */

/* A collector takes plays and sends them in batches, by size and by time, from a
 * thread of its own for each server, so that a slow server holds up only itself.
 * Plays of one song add up. A batch that cannot be sent is kept with its key and
 * sent again, with pauses that grow to 30 s, until the server has it; no play is
 * ever dropped: what a server refuses, and what could not be delivered by the end,
 * comes back through `hand_back`. A full server refuses only batches with new
 * songs: such a batch is halved until the songs that the server knows are counted.
 */
typedef struct playcount_collector playcount_collector;

/* Given plays that were not counted. With why->uncertain they may have been:
 * passing the batch unchanged to playcount_send() is then safe, sending it under
 * another key is not. The batch is valid during the call. Runs in a thread of the
 * collector, or in the one that closes it; never two at once. It must not flush or
 * close the collector. */
typedef void playcount_hand_back(void *context, const playcount_batch *batch,
                                 const playcount_error *why);

typedef struct {
    playcount_hand_back *hand_back; /* must be given */
    void *context;
    size_t songs;     /* different songs that make a batch; default 1,000 */
    long interval_ms; /* a play waits no longer to be sent; default 1,000 */
    size_t backlog;   /* songs held for one server at most; default 1,000,000 */
    /* Seconds after which a batch that may have been counted is handed back instead
     * of sent again: below the time that the server remembers keys; default 82,800.
     */
    long key_seconds;
} playcount_collector_options;

PLAYCOUNT_API void
playcount_collector_options_init(playcount_collector_options *options);

PLAYCOUNT_API playcount_collector *
playcount_collector_open(playcount_client *client,
                         const playcount_collector_options *options,
                         playcount_error *error);

/* Take `by` plays of a song, 1 to PLAYCOUNT_COUNT_MAX. Waits for no network. */
PLAYCOUNT_API playcount_status playcount_collect(playcount_collector *collector,
                                                 const char *id, uint64_t by,
                                                 playcount_error *error);

/* Send what has been collected until now and wait until each of it is counted,
 * handed back, or has failed once: then PLAYCOUNT_E_PARTLY, and it stays in the
 * collector. */
PLAYCOUNT_API playcount_status
playcount_collector_flush(playcount_collector *collector, playcount_error *error);

/* Flush, hand back what could not be sent, free. PLAYCOUNT_OK when everything that
 * was ever collected has been counted, otherwise PLAYCOUNT_E_PARTLY. NULL is fine.
 */
PLAYCOUNT_API playcount_status
playcount_collector_close(playcount_collector *collector, playcount_error *error);

#ifdef __cplusplus
}
#endif

#endif

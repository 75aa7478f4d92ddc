/* The recorder: requests and responses as they passed, one directory for each. The
 * room's own header, and its table of contents.
 *
 *     conf.c      the directive
 *     hooks.c     the start of the server and of a child
 *     request.c   which requests are recorded, and when they are over
 *     filters.c   sees the bytes of bodies, and the response's headers
 *     record.c    one record in memory
 *     heads.c     its headers as text; meta.c: its name and facts
 *     writer.c    the thread of a child that writes records
 *     store.c     the directory (store.h); directory.c, oldest.c
 *     shown.c     what others may know (shown.h)
 *
 * A record on its way:
 *
 *     post_read_request ----- begin: the request's headers, before any module
 *          |                  changes them
 *     input filter            the body, as the handler reads it
 *     output filter           the response's headers and body
 *          |
 *     log_transaction ------- finish: `when=` decides; the request is over
 *          |
 *     list (lock-free) -----> writer thread: .writing-PID-N/, then renamed
 *
 * No request waits for a disk: what a request does is to copy bytes into memory and
 * to push one pointer. The memory of all records of a child is bounded
 * (PLAYCOUNT_RECORDER_MEMORY); what has no room there is dropped and counted. A
 * disk that refuses pauses the recording in all children; it is tried again later.
 *
 * The input filter stands between content and protocol (AP_FTYPE_PROTOCOL - 1): it
 * sees the body as the client coded it, without the chunks. The output filter
 * stands right behind httpd's last protocol filter (AP_FTYPE_PROTOCOL + 1): it sees
 * what the client gets, compressed, cut to ranges, without a body for HEAD; but
 * without the chunks. Bytes that go straight to the connection (1xx responses, nph-
 * scripts, what follows an Upgrade) pass it by.
 */
#ifndef PLAYCOUNT_RECORDER_RECORDER_H
#define PLAYCOUNT_RECORDER_RECORDER_H

#include <stdatomic.h>
#include <stdint.h>

#include "httpd.h"
#include "http_config.h"
#include "ap_expr.h"

#include "server/conf.h"

#define PLAYCOUNT_RECORDER_MEMORY (32 * 1024 * 1024) /* of a child's records */
#define PLAYCOUNT_RECORDER_BODY_MAX (16 * 1000 * 1000)
#define PLAYCOUNT_RECORDER_HEAD_MAX (64 * 1024) /* of each side's headers */
#define PLAYCOUNT_RECORDER_AGAIN apr_time_from_sec(10)
#define PLAYCOUNT_RECORDER_DRAIN 3 /* seconds that a child writes on at its end */

/* What all children know of one directory, those from before a graceful restart
 * too. In shared memory; each field is read and written atomically. */
typedef struct {
    _Atomic uint64_t number;         /* of the last record */
    _Atomic apr_time_t paused_until; /* the disk refuses; 0: it does not */
    _Atomic apr_time_t said_at;      /* when dropped records were last said */
    _Atomic uint64_t dropped;        /* records, since that was last said */
    _Atomic uint64_t recorded;       /* since the server started: written, */
    _Atomic uint64_t missed;         /* and dropped */
    _Atomic int64_t kept; /* in the directory, as far as is known; -1: not */
} playcount_recorder_shared;

typedef struct playcount_store playcount_store; /* see store.h */

/* One PlaycountRecorder. Made by the directive and constant afterwards, but for: */
typedef struct {
    const char *dir;   /* absolute; NULL: Off */
    const char *where; /* of the directive: file and line */
    const server_rec *server;
    apr_size_t max_body;
    int keep;
    int masks;                         /* secrets are masked */
    const ap_expr_info_t *when;        /* or NULL: always */
    playcount_recorder_shared *shared; /* set in post_config */
    playcount_store *store; /* of the writer thread, made when it is needed */
} playcount_recorder;

/* Bytes that are kept of those that passed. */
typedef struct {
    char *at; /* malloc()ed; counted in the child's memory */
    apr_size_t length, room;
    uint64_t passed; /* more than `length` if there was no room for all */
} playcount_kept;

/* The files of a record, and its parts. */
typedef enum {
    PLAYCOUNT_REQUEST_HEADERS,
    PLAYCOUNT_REQUEST_BODY,
    PLAYCOUNT_RESPONSE_HEADERS,
    PLAYCOUNT_RESPONSE_BODY,
    PLAYCOUNT_META,
    PLAYCOUNT_RECORD_PARTS
} playcount_record_part;

/* One request. It belongs to the initial request until it is finished, then to the
 * writer: touched by one thread at a time. */
typedef struct playcount_record {
    struct playcount_record *next; /* in the writer's list */
    playcount_recorder *recorder;
    char *name; /* its directory; set when it is finished */
    playcount_kept part[PLAYCOUNT_RECORD_PARTS];
    apr_time_t answered;   /* when the response's headers passed; 0: not yet */
    unsigned head_at;      /* how much of "\r\n\r\n" the headers end with so far */
    unsigned has_head : 1; /* the response's headers are complete */
    unsigned request_ended : 1; /* the request's body was read to its end */
    unsigned ended : 1;         /* the end of the response passed */
    unsigned broken : 1;        /* an error bucket did */
    unsigned aborted : 1;       /* the client went away */
    unsigned unseen : 1; /* bytes of the response could not be read in passing */
} playcount_record;

/* conf.c: the recorder of a server (virtual host), NULL: none. */
playcount_recorder *playcount_recorder_of(const server_rec *s);

/* All recorders of the configuration (playcount_recorder *). Made in pre_config. */
extern apr_array_header_t *playcount_recorders;

void *playcount_recorder_create_server(apr_pool_t *p, server_rec *s);
void *playcount_recorder_merge_server(apr_pool_t *p, void *base, void *add);
const char *playcount_cmd_recorder(cmd_parms *cmd, void *dummy, int argc,
                                   char *const argv[]);

/* record.c: a new record with the headers of a request that was just read. NULL:
 * nothing is recorded now. */
playcount_record *playcount_record_begin(playcount_recorder *recorder,
                                         request_rec *r);

/* Keep these bytes, up to `most` of this part. */
void playcount_record_keep(playcount_record *record, playcount_record_part part,
                           const char *data, apr_size_t length, apr_size_t most);

/* Count bytes that passed and are not kept. */
void playcount_record_passed(playcount_record *record, playcount_record_part part,
                             uint64_t length);

/* Room for `length` more bytes of this part, NULL if the memory is used up. Whoever
 * fills them adds to `length`. */
char *playcount_record_room(playcount_record *record, playcount_record_part part,
                            apr_size_t length);

void playcount_record_free(playcount_record *record);

/* Count a record that is not written. */
void playcount_record_dropped(const playcount_recorder *recorder);

/* heads.c: headers as text, without secrets unless they are to be kept. Those of a
 * request; those of a response, in HTTP/2; those of a response that have come as
 * bytes. */
void playcount_heads_request(playcount_record *record, request_rec *r);
void playcount_heads_response(playcount_record *record, request_rec *r);
void playcount_heads_mask(playcount_record *record, apr_pool_t *pool);

/* meta.c: the name and the facts of a record whose request is over. */
void playcount_meta_finish(playcount_record *record, request_rec *first,
                           const char *outcome);

/* request.c */
void playcount_recorder_register_requests(void);

/* filters.c */
void playcount_recorder_register_filters(void);
void playcount_recorder_add_filters(playcount_record *record, request_rec *r);

/* writer.c: start the thread, in child_init; it ends with the pool. */
void playcount_recorder_writer_start(apr_pool_t *pchild, server_rec *s);

/* Give a record away; by any thread. */
void playcount_recorder_write(playcount_record *record);

extern const playcount_room playcount_recorder_room;

#endif

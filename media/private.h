/* Inside the room only: its table of contents.
 *
 *     rules/       which deliveries count; free of httpd, the playcount command has
 *                  them too
 *     conf.c       directives
 *     hooks.c      hooks; the tables' memory; what makes room in them
 *     table.c      the memory, or the file that is mapped: table.h
 *     delivery.c   one request: before its response, and when it is logged
 *     live.c       ... and as soon as enough of it has been delivered
 *     who.c        who asked for what
 *     last.c       ... and who asked on the same connection before
 *     judge.c      the verdict, and the play into the zone
 *     got.c        which bytes of the file a response brought
 *     enough.c     how much of a file is enough: read once, then known
 *     hls.c        segments count for their presentation
 *     logitem.c    items for LogFormat
 *     shown.c      what metrics/ shows
 *
 * No filter and no bucket for a static file: what a response is, its status and
 * headers tell when the request is logged, and how much of it went out
 * server/delivered.h knows. For what a handler makes, one filter sees its first
 * brigade, for the type, and for the file that mod_xsendfile or mod_cache sends.
 */
#ifndef PLAYCOUNT_MEDIA_PRIVATE_H
#define PLAYCOUNT_MEDIA_PRIVATE_H

#include "httpd.h"
#include "http_config.h"
#include "ap_expr.h"

#include "media/media.h"
#include "media/rules/agent.h"
#include "media/rules/measure.h"
#include "media/rules/verdict.h"
#include "media/rules/window.h"
#include "server/conf.h"
#include "shm/media/media.h"

/* Directives for a server, virtual host or directory. */
typedef struct {
    int on;                    /* PlaycountMedia; -1 unset */
    uint32_t seconds;          /* with `on` */
    playcount_window_e window; /* with `on` */
    apr_array_header_t *types; /* PlaycountMediaTypes, const char *; NULL unset */
    int bitrate_set;           /* PlaycountMediaBitrate is said */
    uint32_t kbits;            /* 0: as the file says */
    int whole;
    const ap_expr_info_t *song; /* PlaycountMediaSong; NULL unset */
} playcount_media_dir;

/* Directives for the whole server; read from the main server's part. */
typedef struct {
    playcount_media_shape shape; /* PlaycountMediaTable */
    const char *path;            /* its file=, or NULL */
    const char *where;           /* file and line of the directive */
    playcount_lists lists;       /* PlaycountMediaAgents, PlaycountMediaAddresses */
} playcount_media_server;

/* conf.c */
void *playcount_media_create_server(apr_pool_t *p, server_rec *s);
void *playcount_media_create_dir(apr_pool_t *p, char *dir);
void *playcount_media_merge_dir(apr_pool_t *p, void *base, void *add);
/* Without a list, too, judgements of User-Agents are remembered in these. */
void playcount_media_agents_make(playcount_media_server *conf, apr_pool_t *p);

static inline const playcount_media_dir *
playcount_media_conf_of(const request_rec *r)
{
    return playcount_dir_conf(r->per_dir_config, PLAYCOUNT_ROOM_MEDIA);
}

/* Does a Content-Type begin with this, whatever the case of its letters? */
static inline int playcount_media_begins(const char *type, const char *with)
{
    for (; *with; type++, with++) {
        if (*type != *with && ((*type ^ *with) != 0x20 || (*with | 0x20) < 'a' ||
                               (*with | 0x20) > 'z')) {
            return 0;
        }
    }
    return 1;
}

/* Is a Content-Type one of PlaycountMediaTypes? */
int playcount_media_is_type(const playcount_media_dir *conf, const char *type);

/* Whether any part of the configuration switches it on. Made in pre_config. */
extern int playcount_media_wanted;

/* hooks.c: the tables, NULL when media are counted nowhere. Set before any thread
 * serves. */
extern playcount_media *playcount_media_tables;
extern const playcount_media_server *playcount_media_global;

/* table.c: at a start, while the terminal is still there: the memory or the file,
 * for the playcount_media_table_open() to come. */
apr_status_t playcount_media_table_take(server_rec *s,
                                        const playcount_media_server *conf);

/* table.c: in post_config, the tables, in memory that is made or found again; a
 * handle from the pool p. At a graceful restart that cannot open them: empty ones,
 * under which nothing counts. */
apr_status_t playcount_media_table_open(server_rec *s,
                                        const playcount_media_server *conf,
                                        apr_pool_t *p, playcount_media **media);

/* table_lost.c: from the task, in one child, once a second: is the file still
 * there? It is logged once a minute if not. */
void playcount_media_table_look_for_file(server_rec *s);

/* table_lost.c: is it not? */
int playcount_media_table_is_lost(void);

void playcount_media_table_register_hooks(void);

/* table_file.c: can the file be opened, as far as looking tells? 0: no, and it is
 * said.
 */
int playcount_media_table_look(server_rec *s, const playcount_media_server *conf,
                               apr_pool_t *p);

/* --- one request --- */

/* The parts of a file that a response had, and how far they went out. */
typedef struct {
    uint64_t size; /* of the file; UINT64_MAX: not known */
    playcount_interval *interval;
    size_t n;
    playcount_interval one; /* where `interval` points if there is but one */
} playcount_media_parts;

typedef struct {
    apr_off_t mark;        /* where the connection stood before the response */
    const request_rec *of; /* whose file is measured when it is needed */
    unsigned is_media : 1; /* its type was seen before the response */
    /* While the response is on its way: */
    unsigned
        under_way : 1;  /* it is judged now, by what was delivered so far, ... */
    unsigned looks : 8; /* so often it was looked whether that is enough */
    /* When the request is logged, or has counted before: */
    unsigned later : 1;          /* what follows `song` is not worked out yet */
    unsigned has_got : 1;        /* `got` is */
    playcount_verdict_e verdict; /* NONE: it is no media */
    const char *song;            /* NULL: it was refused before */
    uint64_t need;               /* 0: not known */
    apr_off_t body;              /* ... `body` bytes of it */
    playcount_measured measured; /* of a file; need is 0: not measured */
    playcount_media_parts got;   /* what was delivered */
} playcount_media_request;

/* got.c: the bytes, or milliseconds, that were delivered, as text. */
const char *playcount_media_got_text(apr_pool_t *p,
                                     const playcount_media_request *m);

/* What is known of a request or one that it was redirected to; NULL: nothing. */
playcount_media_request *playcount_media_request_of(request_rec *r);

/* The headers of a response that matter here; NULL: it has none. */
typedef struct {
    const char *encoding, *length, *range; /* Content-... */
} playcount_media_answer;

/* who.c: in one go. */
void playcount_media_read_answer(const request_rec *r,
                                 playcount_media_answer *answer);

/* who.c: the facts that need no response: all but `status`; `address`
 * has room for the listener's. Of a chain of internal redirects, the first and the
 * last request. */
void playcount_media_facts(request_rec *first, request_rec *last,
                           playcount_address *address, playcount_delivery *facts);

/* who.c: the song's id by PlaycountMediaSong. NULL: there is none, and *why says
 * so.
 */
const char *playcount_media_song_by_expr(request_rec *last,
                                         const playcount_media_dir *conf,
                                         const char **why);

/* The song's id, or NULL in the same way. */
static inline const char *playcount_media_song_of(request_rec *first,
                                                  request_rec *last,
                                                  const playcount_media_dir *conf,
                                                  const char **why)
{
    return conf->song ? playcount_media_song_by_expr(last, conf, why) : first->uri;
}

/* last.c: the judgement on a User-Agent, which comes first; then whose delivery of
 * which song it is: NULL, or why the song's id is none. Both are worked out once
 * for requests of a connection that follow each other. */
playcount_agent_e playcount_media_judge_agent(conn_rec *c, const char *agent,
                                              size_t n);
const char *playcount_media_fill(request_rec *first,
                                 const playcount_media_dir *conf,
                                 const playcount_delivery *facts, const char *song,
                                 playcount_media_got *got);

/* judge.c: is this a delivery of a song that may count? *got is whose then, and
 * which song's, by its bytes. 0: no. */
int playcount_media_may_count(request_rec *first, request_rec *last, int status,
                              const playcount_media_dir *conf,
                              playcount_address *address, playcount_media_got *got);

/* live.c: count the play as soon as enough of the response was delivered, if it is
 * one of which that can be known. Before the response; `m` says what is enough. */
void playcount_media_live_begin(request_rec *first, playcount_media_request *m);

/* judge.c: the verdict; *song and *why (which may stay NULL) are for the log. */
playcount_verdict_e playcount_media_judge(request_rec *first, request_rec *last,
                                          const playcount_media_dir *conf,
                                          playcount_media_request *m,
                                          const char **song, const char **why);

/* judge.c: of a listener who is counted already, what was delivered matters only to
 * a log: it is worked out before that is written. */
void playcount_media_complete(request_rec *first, playcount_media_request *m);

/* got.c: r is the last of a chain of internal redirects, `body` the bytes that went
 * out, `size` what is known of the file's (UINT64_MAX: nothing). NULL, or why it
 * cannot be said. */
const char *playcount_media_parts_of(request_rec *r,
                                     const playcount_media_answer *answer,
                                     apr_off_t body, uint64_t size,
                                     playcount_media_parts *parts);

static inline uint64_t playcount_media_mix(uint64_t number, uint64_t word)
{
    number = (number ^ word) * 0xff51afd7ed558ccdULL;
    return number ^ number >> 29;
}

/* A file as a number, by device, inode, size and time, mixed word by word. Nobody
 * gains anything by a file that has another's. */
static inline uint64_t playcount_media_number_of(const apr_finfo_t *file)
{
    uint64_t number =
        playcount_media_mix(0x9e3779b97f4a7c15ULL, (uint64_t)file->device);

    number = playcount_media_mix(number, (uint64_t)file->inode);
    number = playcount_media_mix(number, (uint64_t)file->size);
    return playcount_media_mix(number, (uint64_t)file->mtime) | 1;
}

/* enough.c: measure r's file, unless it is known. 0: it is not a file, or it is
 * gone. */
int playcount_media_measure(request_rec *r, const playcount_media_dir *conf,
                            playcount_measured *out);

/* enough.c: the same for the file of `size` bytes that a handler sends, in its
 * first brigade. 0: it sends none. One system call more, as nobody has asked for
 * the file's number. */
int playcount_media_measure_sent(const apr_bucket_brigade *bb,
                                 const playcount_media_dir *conf, uint64_t size,
                                 playcount_measured *out);

/* The same where there is only a size. */
void playcount_media_measure_size(const playcount_media_dir *conf, uint64_t size,
                                  playcount_measured *out);

/* hls.c: is r's response a playlist, which never counts? */
int playcount_media_is_playlist(const request_rec *r);

/* Is it known already that r's file is no segment? */
int playcount_media_is_no_segment(const request_rec *r);

/* Is it one, or must it be? Looks for playlists, if it is not known yet. */
int playcount_media_may_be_segment(request_rec *r);

/* Is the response's file a segment? Then *parts become what it adds to the
 * presentation's timeline, in milliseconds, *need how much of that is enough, and
 * *song the URL's path of the presentation. 1: it is; 0: it is not; -1: it is a
 * segment of which there is no playlist. */
int playcount_media_segment(request_rec *first, request_rec *last, uint32_t seconds,
                            playcount_media_parts *parts, uint64_t *need,
                            const char **song);

void playcount_media_delivery_register_hooks(apr_pool_t *p);
void playcount_media_logitem_register_hooks(apr_pool_t *p);

#endif

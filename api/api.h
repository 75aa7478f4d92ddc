/* The counter over HTTP. Private to this room.
 *
 *   hooks.c        methods and paths, and the operations that answer them
 *   song.c         GET, POST and DELETE of one song
 *   songs.c        POST of many songs at once
 *   read_body.c    the body of a batch, read; one above PLAYCOUNT_BODY_MAX gets 413
 *   body.h         and what is in it
 *   list.c         GET of many songs, DELETE of all
 *   refusal.c      what the zone could not do
 *   idempotency.c  the Idempotency-Key header
 *   functions.c    the optional functions for other modules
 */
#ifndef PLAYCOUNT_API_H
#define PLAYCOUNT_API_H

#include "httpd.h"

#include "api/body.h"
#include "server/dispatch.h"
#include "shm/zone/keys.h"
#include "shm/zone/zone.h"

#define PLAYCOUNT_BY_MAX 1000000000ULL        /* plays added by one ?by= */
#define PLAYCOUNT_BODY_MAX (16 * 1024 * 1024) /* bytes of a batch */

/* The zone as ?local=1 wants it: the counts of this server alone, if it is one of a
 * cluster. NULL, or the sentence of a 400. */
const char *playcount_asked_zone(request_rec *r, const playcount_request *q,
                                 playcount_zone **zone);

/* --- operations --- */

playcount_operation playcount_get_song, playcount_post_song, playcount_forget_song;
playcount_operation playcount_list_all, playcount_clear_all;
playcount_operation playcount_list_some, playcount_post_songs;

/* --- read_body.c --- */

/* The body, at most PLAYCOUNT_BODY_MAX bytes, ended by a NUL. OK, or the status of
 * a refusal with its sentence. */
int playcount_request_body(request_rec *r, char **body, apr_size_t *length,
                           const char **error);

/* --- refusal.c --- */

/* The answer to what playcount_zone_add() and its like could not do. */
int playcount_refuse_add(request_rec *r, playcount_served_zone *zone,
                         apr_status_t rv);

/* --- idempotency.c --- */

typedef struct {
    int present;  /* the request has the header */
    int repeated; /* it was answered before: recall it */
    playcount_key key;
    playcount_claim claim;
} playcount_idempotency;

/* Read the header, and claim its key. 0: the request is refused, and answered. */
int playcount_idempotency_begin(request_rec *r, playcount_served_zone *zone,
                                playcount_idempotency *i);

/* Add the plays under the key, if there is one, or recall the counts of the first
 * answer, into plays[].count; `fingerprint` is of the request. 0: the request is
 * refused, and answered. */
int playcount_add_once(request_rec *r, playcount_served_zone *zone,
                       playcount_idempotency *i, uint64_t fingerprint,
                       playcount_play *plays, apr_size_t n);

/* The request is refused: nothing was counted, the key is free again. */
void playcount_idempotency_release(playcount_served_zone *zone,
                                   playcount_idempotency *i);

/* --- functions.c --- */

void playcount_functions_register(void);

extern const playcount_room playcount_api_room;

#endif

/* The counter over HTTP. Private to this room.
 *
 *   routes.c       method and path to an operation; the handler
 *   song.c         GET and POST of one song
 *   songs.c        POST of many songs at once
 *   body.h        the bodies that it takes
 *   list.c         GET of many songs, DELETE of all
 *   request.c      what requests carry: ids, query parameters, bodies
 *   idempotency.c  the Idempotency-Key header
 *   ahead.c        songs fetched from memory while httpd is busy
 *   functions.c    the optional functions for other modules
 */
#ifndef PLAYCOUNT_API_H
#define PLAYCOUNT_API_H

#include "httpd.h"

#include "api/body.h"
#include "server/zones.h"
#include "shm/zone/keys.h"
#include "shm/zone/zone.h"

#define PLAYCOUNT_BY_MAX 1000000000ULL        /* plays added by one ?by= */
#define PLAYCOUNT_BODY_MAX (16 * 1024 * 1024) /* bytes of a batch */

/* --- operations: handlers for one method and path --- */

int playcount_get_song(request_rec *r, playcount_served_zone *zone);
int playcount_post_song(request_rec *r, playcount_served_zone *zone);
int playcount_list_all(request_rec *r, playcount_served_zone *zone);
int playcount_clear_all(request_rec *r, playcount_served_zone *zone);
int playcount_list_some(request_rec *r, playcount_served_zone *zone);
int playcount_post_songs(request_rec *r, playcount_served_zone *zone);

/* --- request.c --- */

typedef struct {
    apr_size_t length;
    char bytes[PLAYCOUNT_ID_MAX];
} playcount_id;

/* The id in the path of a song. NULL, or the sentence of a 400. */
const char *playcount_request_id(request_rec *r, playcount_id *id);

/* The query parameter `name`, decoded, NULL if it is not there. When it cannot be
 * decoded or is there twice, *error is the sentence of a 400. */
const char *playcount_request_parameter(request_rec *r, const char *name,
                                        const char **error);

/* The body, at most PLAYCOUNT_BODY_MAX bytes, ended by a NUL. OK, or the status of
 * a refusal with its sentence. */
int playcount_request_body(request_rec *r, char **body, apr_size_t *length,
                           const char **error);

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

/* --- ahead.c --- */

void playcount_ahead_register_hooks(void);

/* --- functions.c --- */

void playcount_functions_register(void);

extern const playcount_room playcount_api_room;

#endif

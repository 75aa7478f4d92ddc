/* Songs and numbers in the forms that answers have:
 *
 *   PLAYCOUNT_TEXT   1=3,5=2            one text for all; text/plain, charset=utf-8
 *   PLAYCOUNT_LINES  1=3 \n 5=2         the same, a line for each
 *   PLAYCOUNT_MAP    {"1":3,"5":2}      application/json
 *   PLAYCOUNT_ARRAY  [{"song":"1","count":3,"href":"/song/1"}, ...]
 */
#ifndef PLAYCOUNT_SERVER_LISTING_H
#define PLAYCOUNT_SERVER_LISTING_H

#include "server/answer.h"

typedef enum {
    PLAYCOUNT_TEXT,
    PLAYCOUNT_LINES,
    PLAYCOUNT_MAP,
    PLAYCOUNT_ARRAY
} playcount_form;

typedef struct {
    playcount_stream stream;
    playcount_form form;
    const char *root;       /* of the links: not ended by a NUL ... */
    apr_size_t root_length; /* ... but so long */
    uint64_t songs;         /* written so far */
} playcount_listing;

void playcount_listing_begin(playcount_listing *listing, request_rec *r,
                             playcount_form form);
void playcount_listing_add(playcount_listing *listing, const char *id,
                           apr_size_t length, uint64_t count);
int playcount_listing_end(playcount_listing *listing);

/* One song as a JSON object, into out (PLAYCOUNT_OBJECT_MAX + three times the
 * root's length). Returns the bytes written. */
#define PLAYCOUNT_OBJECT_MAX (2 * 6 * PLAYCOUNT_ID_MAX + 128)
apr_size_t playcount_listing_object(char *out, const char *root,
                                    apr_size_t root_length, const char *id,
                                    apr_size_t length, uint64_t count);

#endif

/* The Accept header (RFC 9110, 12.5.1): which form of an answer a client wants.
 *
 * Of the ranges in it the one that names a type most closely counts: the type
 * itself before "text" and any subtype, that before any type at all. Parameters
 * other than q are not looked at. A q that is not a number from 0 to 1 counts as 0:
 * an answer that may be unwanted is not sent if there is another.
 */
#ifndef PLAYCOUNT_SERVER_ACCEPT_H
#define PLAYCOUNT_SERVER_ACCEPT_H

#include "httpd.h"

typedef enum {
    PLAYCOUNT_UNNAMED, /* nothing in the header is about the type */
    PLAYCOUNT_ANY,
    PLAYCOUNT_KIND,
    PLAYCOUNT_NAMED /* the type itself */
} playcount_accept_e;

/* How much the type is wanted: 0 (not at all) to 1000. *how says what decided;
 * it may be NULL. */
int playcount_accept_quality(const char *accept, const char *type,
                             playcount_accept_e *how);

/* Which of these types is wanted most. The first of equals, and the first of all if
 * the header is NULL or wants none of them. */
int playcount_accept_best(const char *accept, const char *const types[], int n);

/* Does the client name application/json, and want it no less than text/plain? */
int playcount_wants_json(const request_rec *r);

#endif

/* Where the counter's interface begins. `SetHandler playcount` in a <Location>
 * makes that location the root; in a <LocationMatch> what the pattern matched is
 * the root.
 */
#ifndef PLAYCOUNT_SERVER_ROOT_H
#define PLAYCOUNT_SERVER_ROOT_H

#include "httpd.h"

#define PLAYCOUNT_HANDLER "playcount"

/* The bytes of r->uri that are the root, without '/' at their end; 0 if r->uri is
 * in no such location: then the handler was set for a file or a directory. */
apr_size_t playcount_root_length(request_rec *r);

/* Is r->uri in such a location? Then *length is as above. */
int playcount_root_find(request_rec *r, apr_size_t *length);

#endif

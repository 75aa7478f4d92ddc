/* Where in a location a request is. `SetHandler playcount` in a <Location> makes
 * that location the root of the counter's interface; in a <LocationMatch> what
 * the pattern matched is the root.
 *
 * The URL is claimed before httpd looks for a file: no directory walk, no stat.
 * An encoded slash is part of the path here, whatever AllowEncodedSlashes says.
 */
#ifndef PLAYCOUNT_SERVER_ROOT_H
#define PLAYCOUNT_SERVER_ROOT_H

#include "httpd.h"

#define PLAYCOUNT_HANDLER "playcount"

/* The part of r->uri below the root, beginning with '/' ("/" for the root
 * itself), decoded. Its beginning in r->uri tells the root. */
const char *playcount_path_below_root(request_rec *r);

/* The bytes of r->uri before that part: no '/' at their end. */
apr_size_t playcount_root_length(request_rec *r);

/* What the client wrote for the path below `prefix` (itself below the root), not
 * decoded, with every slash and dot of it; its end is a NUL, '?' or '#'. NULL
 * when the URL was rewritten on its way here, so that it says nothing. */
const char *playcount_raw_below(request_rec *r, const char *prefix);

void playcount_root_register_hooks(apr_pool_t *p);

#endif

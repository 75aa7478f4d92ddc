/* Where in a location a request is. `SetHandler playcount` in a <Location> makes
 * that location the root of the counter's interface; in a <LocationMatch> what
 * the pattern matched is the root.
 *
 * The URL is claimed before httpd looks for a file: no directory walk, no stat.
 * From then on r->uri, which the access checks are made on, is the path decoded:
 * encoded slashes as well, whatever AllowEncodedSlashes says, and for a song with
 * every slash and dot that the client wrote.
 */
#ifndef PLAYCOUNT_SERVER_ROOT_H
#define PLAYCOUNT_SERVER_ROOT_H

#include "httpd.h"

#define PLAYCOUNT_HANDLER "playcount"
#define PLAYCOUNT_SONG "/song/" /* below the root; what follows is an id */

/* The part of r->uri below the root, beginning with '/' ("/" for the root
 * itself), decoded. Its beginning in r->uri tells the root. */
const char *playcount_path_below_root(request_rec *r);

/* The bytes of r->uri before that part: no '/' at their end. */
apr_size_t playcount_root_length(request_rec *r);

/* Have this called for every request whose root is known, as early as that is: its
 * directory configuration is that of its location, but nothing is checked yet. */
void playcount_root_when_known(void (*tell)(request_rec *r));

void playcount_root_register_hooks(apr_pool_t *p);

#endif

/* Which location a URL belongs to: the root of a counter, or of metrics.
 * `SetHandler playcount` in a <Location> makes that location the root of a
 * counter's interface; in a <LocationMatch> what the pattern matched is the root.
 * The same goes for `playcount-metrics`.
 */
#ifndef PLAYCOUNT_SERVER_ROOT_H
#define PLAYCOUNT_SERVER_ROOT_H

#include "httpd.h"

#define PLAYCOUNT_HANDLER "playcount"
#define PLAYCOUNT_METRICS_HANDLER "playcount-metrics"

/* Which of these the locations of r->uri name; NULL: none, or another one. *length
 * is the bytes of r->uri that are the root, without '/' at their end; 0 if there is
 * none: then the handler was set for a file or a directory. */
const char *playcount_root_find(request_rec *r, apr_size_t *length);

/* Did the server's configuration give this URL to our handler, and not an .htaccess
 * file? Whoever may write such a file has a directory of the site, and neither its
 * counts nor its metrics: from there they would be open to all, whatever protects
 * their locations. 1 also where the server's configuration names one of our
 * handlers elsewhere than in a location: then nobody knows which of them it was. */
int playcount_root_is_configured(request_rec *r);

#endif

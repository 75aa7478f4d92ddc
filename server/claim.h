/* A URL in a location of ours is claimed before httpd looks for a file. What
 * protects the site holds for it all the same: see site.h. From then on r->uri,
 * which the access checks are made on, is the path decoded: encoded slashes as
 * well, whatever AllowEncodedSlashes says, and for a song with every slash and dot
 * that the client wrote.
 */
#ifndef PLAYCOUNT_SERVER_CLAIM_H
#define PLAYCOUNT_SERVER_CLAIM_H

#include "httpd.h"

void playcount_claim_register_hooks(apr_pool_t *p);

#endif

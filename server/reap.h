/* Under playcount-express the parent sees at once that a child has ended.
 *
 * httpd's parent sleeps for a second at a time and then looks. When the old
 * children of a graceful restart end while it sleeps, there are no new ones until
 * it wakes, and requests wait; who works on an application waits with them. So
 * SIGCHLD, which does nothing by itself, gets a handler that does nothing either,
 * but ends the sleep.
 *
 * Only when the environment has MOD_PLAYCOUNT_EXPRESS: elsewhere a second is no
 * matter, and the handlers of signals are httpd's own. */
#ifndef PLAYCOUNT_SERVER_REAP_H
#define PLAYCOUNT_SERVER_REAP_H

#include "httpd.h"

void playcount_reap_register_hooks(apr_pool_t *p);

#endif

/* A start of httpd, and what may be in its way.
 *
 * httpd reads its configuration twice. Between the two it gives up the terminal,
 * and the process that was started exits with 0: what post_config refuses after
 * that stands in the error log at best. So whatever can fail is tried before, in
 * the open_logs hook of the first time, between two others: that of the MPM, which
 * takes the ports, and that of the core, which makes the error log of the terminal.
 * `httpd -k stop` and the like do not come so far; neither does `httpd -t`, which
 * ends after check_config, and a restart does not read the first time.
 *
 *     ap_hook_open_logs(open_logs, playcount_after_mpm, playcount_before_core,
 *                       APR_HOOK_REALLY_FIRST);
 */
#ifndef PLAYCOUNT_SERVER_START_H
#define PLAYCOUNT_SERVER_START_H

#include "httpd.h"

extern const char *const playcount_after_mpm[];
extern const char *const playcount_before_core[];

/* In open_logs: is it the first time? */
int playcount_start_has_terminal(void);

/* In post_config: is there a server already, which a refusal would end? */
int playcount_start_is_restart(void);

/* For `httpd -t`: does the server that already runs with this configuration, as its
 * pid file tells, have this file open? Then its lock is in nobody's way. Also 1 if
 * this process may not look, which is no user to start the server then. */
int playcount_running_has_open(const char *path, apr_pool_t *p);

#endif

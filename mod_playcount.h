/* mod_playcount: live counts of songs (pages, files, episodes, ...) and live
 * metrics of requests, in memory shared by all of httpd's processes.
 *
 * What other modules may call: optional functions, so that a module that
 * uses them loads without mod_playcount too. Fetch them once, in
 * optional_fn_retrieve:
 *
 *     static APR_OPTIONAL_FN_TYPE(playcount_add) *add;
 *     add = APR_RETRIEVE_OPTIONAL_FN(playcount_add);
 */
#ifndef MOD_PLAYCOUNT_H
#define MOD_PLAYCOUNT_H

#include "httpd.h"
#include "apr_optional.h"

#define PLAYCOUNT_VERSION "1.0.0"

#endif

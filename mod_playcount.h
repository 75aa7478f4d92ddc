/* mod_playcount: live counts of songs (pages, files, episodes, ...) and live
 * metrics of requests, in memory shared by all of httpd's processes.
 *
 * What other modules may call: optional functions, so that a module that
 * uses them loads without mod_playcount too. Fetch them once, in
 * optional_fn_retrieve:
 *
 *     static APR_OPTIONAL_FN_TYPE(playcount_add) *add;
 *     add = APR_RETRIEVE_OPTIONAL_FN(playcount_add);
 *
 * Both may be called by any thread of any of httpd's processes from child_init
 * on. They wait for no disk and no network; only the first play of a song takes
 * the zone's lock.
 *
 *   zone    the name of a PlaycountZone; NULL is the zone "default"
 *   id      the song: `length` bytes, 1 to 255, UTF-8 without control
 *           characters; not kept
 *   by      plays to add, 1 to 1,000,000,000
 *   count   the count (after the add); 0 on any error
 *
 *   APR_SUCCESS   done
 *   APR_NOTFOUND  no zone has this name
 *   APR_EINVAL    the id or `by` is out of range; nothing was counted
 *   APR_ENOSPC    the zone is full and the song is not in it
 *   APR_EGENERAL  the zone could not be opened at a restart; see the error log
 *   others        the zone's lock could not be acquired; nothing was counted
 */
#ifndef MOD_PLAYCOUNT_H
#define MOD_PLAYCOUNT_H

#include "httpd.h"
#include "apr_optional.h"

/* Add plays to a song. */
APR_DECLARE_OPTIONAL_FN(apr_status_t, playcount_add,
                        (server_rec * s, const char *zone, const char *id,
                         apr_size_t length, apr_uint64_t by, apr_uint64_t *count));

/* The count of a song, 0 for one that was never played. */
APR_DECLARE_OPTIONAL_FN(apr_status_t, playcount_get,
                        (server_rec * s, const char *zone, const char *id,
                         apr_size_t length, apr_uint64_t *count));

#endif

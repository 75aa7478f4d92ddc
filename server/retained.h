/* Memory that outlives graceful restarts, found again by name.
 *
 * At every graceful restart httpd unloads the module, clears the
 * configuration's pool and loads the module again, while children of the old
 * generation go on working in the old shared memory. So memory that counts
 * must belong to the process's pool and be found again by name. The list of
 * what is kept hangs on httpd's own retained data; it holds plain data only,
 * because a pointer to a function of the module is dead after a reload. For
 * the same reason nothing registers a cleanup of the module's own on the
 * process's pool.
 *
 * Only the parent calls these, in post_config; they are not thread-safe.
 */
#ifndef PLAYCOUNT_SERVER_RETAINED_H
#define PLAYCOUNT_SERVER_RETAINED_H

#include "httpd.h"

/* The retained value of this key (at most 127 bytes), NULL if there is none.
 * `kind` tells the rooms' keys apart: "zone", "metrics". */
void *playcount_retained_get(const char *kind, const char *key);

/* Allocate `size` zeroed bytes under this key in the process's pool, for as
 * long as the server runs. A key is created once. */
void *playcount_retained_create(server_rec *s, const char *kind, const char *key,
                                apr_size_t size);

/* Anonymous shared memory of `size` bytes, zeroed, beginning on a page, inherited
 * by all children, kept under the key: the same memory comes again after a restart,
 * and *fresh tells whether it is new. When the size kept is another one, the old
 * memory is unmapped and new memory takes its place; children that use the old one
 * keep it, as long as they live. Error: what the mapping failed with. */
apr_status_t playcount_retained_memory(server_rec *s, const char *kind,
                                       const char *key, apr_size_t size,
                                       void **memory, int *fresh);

/* Unmap what memory of this kind is kept under other keys than this one. */
void playcount_retained_only(const char *kind, const char *key);

#endif

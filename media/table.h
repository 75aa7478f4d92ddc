/* The memory of the listeners' tables, made or found again; inside the room only:
 *
 *   table.c       the memory, made or found again
 *   table_file.c  the file in which it can be
 *   table_lost.c  what happens to the file while the server runs
 */
#ifndef PLAYCOUNT_MEDIA_TABLE_H
#define PLAYCOUNT_MEDIA_TABLE_H

#include <stdatomic.h>

#include "media/private.h"

/* What all processes must know of it, and the file cannot hold. */
typedef struct {
    _Atomic uint32_t failed; /* any: it cannot be read or written any more */
    _Atomic uint32_t lost;   /* the child that looks: it has lost its name */
} playcount_table_health;

/* What is kept over graceful restarts. */
typedef struct {
    playcount_media_shape shape;
    char path[1024]; /* "" without a file */
    void *memory;
    int fd; /* of the file; -1 without one */
    uint64_t device, inode;
    playcount_table_health *health;
} playcount_kept_table;

/* table_file.c: open or make the file and map it; what goes wrong is logged. */
apr_status_t playcount_table_open_file(server_rec *s,
                                       const playcount_media_server *conf,
                                       playcount_kept_table *kept);

/* table_lost.c: in post_config, when the file is open. */
void playcount_table_watch_file(server_rec *s, playcount_kept_table *kept,
                                apr_pool_t *pconf);

#endif

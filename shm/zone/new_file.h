/* A zone's file under construction: PATH.new, renamed to PATH once it is whole and
 * on the disk. Only file.c
 * and put_back.c use this. */
#ifndef PLAYCOUNT_SHM_NEW_FILE_H
#define PLAYCOUNT_SHM_NEW_FILE_H

#include "apr_file_io.h"

#include "shm/zone/zone.h"

/* What is being opened, and where its sentence goes. */
typedef struct {
    const char *path;
    apr_pool_t *pool;
    const char **why;
} opening;

/* A file that is open and locked, and its mapping. */
typedef struct {
    apr_file_t *file;
    int fd;
    void *memory;
    apr_size_t bytes;
    playcount_zone_size size;
    int version;      /* of the layout of an existing file */
    apr_pool_t *pool; /* of the descriptor and the mapping */
} mapping;

/* Pass the error on, with half a sentence about it; the second one adds what the
 * system says. */
apr_status_t playcount_file_refuse(const opening *o, apr_status_t rv,
                                   const char *why);
apr_status_t playcount_file_refuse_errno(const opening *o, apr_status_t rv,
                                         const char *doing);

/* The same for PATH.new, which is not ours to write over. */
apr_status_t playcount_file_refuse_new(const opening *o, const char *name);

/* Find the file, and judge whether the way to it is safe (path/path.h): an error,
 * with half a sentence, if it is not. Afterwards o->path is the way without links.
 * A directory that is missing is no error yet: what opens the file reports it. */
apr_status_t playcount_file_locate(opening *o);

/* Open and lock the file `path`, which is no link, in a pool of its own; flags are
 * O_CREAT and O_EXCL. An error has its half sentence already if *why is set. */
apr_status_t playcount_file_open_locked(const opening *o, mapping *m,
                                        const char *path, int flags);

/* 1 if the file that we locked is still the one with this name. */
int playcount_file_is_still_there(const mapping *m, const char *path);

/* Map m->bytes of the file. */
apr_status_t playcount_file_map(const opening *o, mapping *m);

/* Have all bytes of the file on the disk; an errno. What is in it stays. */
int playcount_file_allocate(int fd, off_t bytes);

/* A new, empty zone under the name PATH.new, locked and mapped. */
apr_status_t playcount_new_file(const opening *o, mapping *m,
                                const playcount_zone_size *size);

/* Put it in the place of PATH, whether there is one or not. On an error PATH is as
 * it was and PATH.new is gone. */
apr_status_t playcount_new_file_install(const opening *o, mapping *m);

/* The same only if nothing has the name PATH (APR_EEXIST). */
apr_status_t playcount_new_file_install_free(const opening *o, mapping *m);

/* It is not wanted: remove PATH.new. */
void playcount_new_file_drop(const opening *o);

/* What was done in the directory of PATH is on the disk when this returns. */
apr_status_t playcount_file_sync_directory(const char *path, apr_pool_t *pool);

/* Making and installing, where there is no PATH yet: refused if another server was
 * faster. */
apr_status_t playcount_new_file_first(const opening *o, mapping *m,
                                      const playcount_zone_size *size);

#endif

/* Opening and locking files, and making new ones: see new_file.h. */

#include "shm/zone/new_file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apr_mmap.h"
#include "apr_portable.h"
#include "apr_strings.h"
#include "apr_time.h"

#include "path/path.h"

#define LOCK_ATTEMPTS 10
#define LOCK_PAUSE apr_time_from_msec(10)

apr_status_t playcount_file_refuse(const opening *o, apr_status_t rv,
                                   const char *why)
{
    *o->why = why;
    return rv;
}

apr_status_t playcount_file_refuse_new(const opening *o, const char *name)
{
    return playcount_file_refuse(
        o, APR_EACCES,
        apr_psprintf(o->pool,
                     "cannot be made: %s is a link, or not a file of this "
                     "user's own; remove it",
                     name));
}

apr_status_t playcount_file_refuse_errno(const opening *o, apr_status_t rv,
                                         const char *doing)
{
    char text[128];

    *o->why = apr_psprintf(o->pool, "%s: %s", doing,
                           apr_strerror(rv, text, sizeof(text)));
    return rv;
}

static apr_status_t distrust(const opening *o, const playcount_path *way)
{
    return playcount_file_refuse(o, EPERM, apr_pstrdup(o->pool, way->why));
}

apr_status_t playcount_file_locate(opening *o)
{
    playcount_path way;
    int error = playcount_path_find(&way, o->path);

    *o->why = NULL;
    if (!error) {
        error = playcount_path_judge(&way);
    }
    playcount_path_close(&way);
    if (*way.why) {
        return distrust(o, &way);
    }
    o->path = error ? o->path : apr_pstrdup(o->pool, way.real);
    return APR_SUCCESS;
}

/* `httpd -t` holds it for a moment, to see whether it is in use (look.c). */
static int lock_file(int fd)
{
    for (int i = 0; i < LOCK_ATTEMPTS; i++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
            return 0;
        }
        if (errno != EWOULDBLOCK) {
            break;
        }
        apr_sleep(LOCK_PAUSE);
    }
    return -1;
}

apr_status_t playcount_file_open_locked(const opening *o, mapping *m,
                                        const char *path, int flags)
{
    playcount_path way;
    int error = playcount_path_place(&way, path);

    apr_pool_create(&m->pool, o->pool);
    m->fd = error ? -1 : playcount_path_open(&way, O_RDWR | flags, 0640);
    error = error ? error : errno;
    playcount_path_close(&way);
    if (m->fd < 0) {
        return *way.why ? distrust(o, &way) : error;
    }
    /* The one way to have APR close it: the pool may outlive this module's code. */
    apr_os_pipe_put_ex(&m->file, &m->fd, 1, m->pool);
    return lock_file(m->fd) == 0 ? APR_SUCCESS : apr_get_os_error();
}

int playcount_file_is_still_there(const mapping *m, const char *path)
{
    struct stat ours, theirs;

    return fstat(m->fd, &ours) == 0 && stat(path, &theirs) == 0 &&
           ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev;
}

apr_status_t playcount_file_map(const opening *o, mapping *m)
{
    apr_mmap_t *mm;
    apr_status_t rv = apr_mmap_create(&mm, m->file, 0, m->bytes,
                                      APR_MMAP_READ | APR_MMAP_WRITE, m->pool);

    if (rv != APR_SUCCESS) {
        return playcount_file_refuse_errno(o, rv, "cannot be mapped into memory");
    }
    m->memory = mm->mm;
    return APR_SUCCESS;
}

static const char *new_name(const opening *o)
{
    return apr_pstrcat(o->pool, o->path, ".new", NULL);
}

/* A limit on the size of files (ulimit -f) is an error like any other then, not the
 * signal that ends the server. */
int playcount_file_allocate(int fd, off_t bytes)
{
    void (*before)(int) = signal(SIGXFSZ, SIG_IGN);
    int error = posix_fallocate(fd, 0, bytes);

    signal(SIGXFSZ, before);
    return error;
}

/* 1 if the open file is an ordinary one of our own, with this name and no other:
 * not one that another user has put there for a process with more rights to write
 * to. */
static int is_our_own(const mapping *m, const char *name)
{
    struct stat ours, named;

    return fstat(m->fd, &ours) == 0 && lstat(name, &named) == 0 &&
           S_ISREG(named.st_mode) && named.st_dev == ours.st_dev &&
           named.st_ino == ours.st_ino && ours.st_uid == geteuid() &&
           ours.st_nlink == 1;
}

/* PATH.new, locked. It is made, which follows no link; or it is what an earlier
 * attempt left when it was killed. */
static apr_status_t open_new(const opening *o, mapping *m, const char *name)
{
    apr_status_t rv = playcount_file_open_locked(o, m, name, O_CREAT | O_EXCL);

    if (APR_STATUS_IS_EEXIST(rv)) {
        rv = playcount_file_open_locked(o, m, name, 0);
        if (rv == ELOOP || ((rv == APR_SUCCESS || APR_STATUS_IS_EAGAIN(rv)) &&
                            !is_our_own(m, name))) {
            return APR_EPROC_UNKNOWN;
        }
    }
    return rv;
}

apr_status_t playcount_new_file(const opening *o, mapping *m,
                                const playcount_zone_size *size)
{
    const char *name = new_name(o);
    apr_status_t rv = open_new(o, m, name);
    int error;

    if (rv == APR_EPROC_UNKNOWN) {
        return playcount_file_refuse_new(o, name);
    }
    if (APR_STATUS_IS_EAGAIN(rv)) {
        return playcount_file_refuse(o, rv, "is just being made by another server");
    }
    if (rv != APR_SUCCESS) {
        return *o->why ? rv : playcount_file_refuse_errno(o, rv, "cannot be made");
    }
    /* The process that had it locked may have put it in its place and died. */
    if (!playcount_file_is_still_there(m, name)) {
        return playcount_file_refuse(o, APR_EBUSY,
                                     "was just replaced by another server");
    }
    m->bytes = playcount_zone_bytes(size);
    error = ftruncate(m->fd, 0) != 0 ? errno : 0;
    error = error ? error : playcount_file_allocate(m->fd, (off_t)m->bytes);
    if (error) {
        unlink(name);
        return playcount_file_refuse_errno(
            o, error,
            apr_psprintf(o->pool, "cannot have its %" APR_UINT64_T_FMT " MB",
                         (m->bytes + 999999) / 1000000));
    }
    if ((rv = playcount_file_map(o, m)) != APR_SUCCESS) {
        unlink(name);
        return rv;
    }
    return playcount_zone_format(m->memory, size);
}

apr_status_t playcount_file_sync_directory(const char *path, apr_pool_t *pool)
{
    const char *slash = strrchr(path, '/');
    const char *dir =
        slash ? apr_pstrmemdup(pool, path, (apr_size_t)(slash - path) + 1) : ".";
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int failed = fd < 0 || fsync(fd) != 0;
    apr_status_t rv = failed ? apr_get_os_error() : APR_SUCCESS;

    if (fd >= 0) {
        close(fd);
    }
    return rv;
}

void playcount_new_file_drop(const opening *o)
{
    unlink(new_name(o));
}

static apr_status_t install(const opening *o, mapping *m, unsigned flags)
{
    apr_status_t rv = APR_SUCCESS;

    if (msync(m->memory, m->bytes, MS_SYNC) != 0 || fsync(m->fd) != 0 ||
        renameat2(AT_FDCWD, new_name(o), AT_FDCWD, o->path, flags) != 0) {
        rv = apr_get_os_error();
        playcount_new_file_drop(o);
        return playcount_file_refuse_errno(o, rv, "cannot be written to the disk");
    }
    rv = playcount_file_sync_directory(o->path, o->pool);
    return rv == APR_SUCCESS
               ? rv
               : playcount_file_refuse_errno(o, rv, "cannot be made to last");
}

apr_status_t playcount_new_file_install(const opening *o, mapping *m)
{
    return install(o, m, 0);
}

apr_status_t playcount_new_file_install_free(const opening *o, mapping *m)
{
    return install(o, m, RENAME_NOREPLACE);
}

/* Another server that does the same either has PATH.new locked or has already
 * renamed it. */
apr_status_t playcount_new_file_first(const opening *o, mapping *m,
                                      const playcount_zone_size *size)
{
    apr_status_t rv = playcount_new_file(o, m, size);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (access(o->path, F_OK) == 0) {
        unlink(new_name(o));
        return playcount_file_refuse(o, APR_EBUSY,
                                     "was just made by another server");
    }
    return playcount_new_file_install(o, m);
}

/* Is a directory fit for records, and making it: see store.h. */

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apr_strings.h"

#include "path/path.h"
#include "recorder/store_private.h"

const char *playcount_store_fault(const char *dir, uid_t uid, apr_pool_t *pool)
{
    struct stat st;
    playcount_path way;

    playcount_path_place(&way, dir);
    playcount_path_close(&way);
    if (*way.why) {
        return apr_pstrdup(pool, way.why);
    }
    if (lstat(dir, &st) != 0) {
        char *above = apr_pstrdup(pool, dir), *slash = strrchr(above, '/');

        if (errno != ENOENT) {
            return apr_psprintf(pool, "cannot be looked at (%s)", strerror(errno));
        }
        *(slash == above ? slash + 1 : slash) = '\0';
        if (stat(above, &st) != 0 || !S_ISDIR(st.st_mode)) {
            return apr_psprintf(pool, "is in %s, which is no directory: make it",
                                above);
        }
        return access(above, W_OK | X_OK) == 0
                   ? NULL
                   : apr_psprintf(pool, "cannot be made in %s (%s)", above,
                                  strerror(errno));
    }
    if (!S_ISDIR(st.st_mode)) {
        return "is not a directory; name another";
    }
    if (st.st_uid != uid) {
        return apr_psprintf(
            pool,
            "belongs to the user with the number %u, and the server "
            "runs as that with %u: give it to that user, or remove "
            "it, and it is made",
            (unsigned)st.st_uid, (unsigned)uid);
    }
    if (st.st_mode & (S_IWGRP | S_IWOTH)) {
        return "can be written to by others, who could put links there: take that "
               "right away (chmod go-w)";
    }
    return NULL;
}

static int make_in(int above, const char *name, uid_t uid, gid_t gid)
{
    int fd, error = 0;

    if (mkdirat(above, name, 0700) != 0) {
        return errno == EEXIST ? 0 : errno;
    }
    fd = openat(above, name, OPEN_DIR);
    if (fd < 0 || (geteuid() == 0 && fchown(fd, uid, gid) != 0)) {
        error = errno;
    }
    if (fd >= 0) {
        close(fd);
    }
    return error;
}

int playcount_store_make(const char *dir, uid_t uid, gid_t gid)
{
    playcount_path way;
    int error = playcount_path_place(&way, dir);

    error = error ? error : make_in(way.dir, way.name, uid, gid);
    playcount_path_close(&way);
    return error;
}

/* Is a directory fit for records, and making it: see store.h. */

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "apr_strings.h"

#include "path/path.h"
#include "recorder/store_private.h"

/* As another user: the bytes of this path up to the first directory that may not be
 * entered; 0 if all may. */
static size_t closed_to(uid_t uid, gid_t gid, char *path)
{
    const struct passwd *user = getpwuid(uid);

    if ((user ? initgroups(user->pw_name, gid) : setgroups(1, &gid)) != 0 ||
        setgid(gid) != 0 || setuid(uid) != 0) {
        return 0;
    }
    for (char *slash = strchr(path + 1, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (access(path, X_OK) != 0) {
            return (size_t)(slash - path);
        }
        *slash = '/';
    }
    return 0;
}

/* The first directory above the last name that this user may not enter; NULL if
 * they may enter all. Only a process that is that user knows: there are groups,
 * access control lists and more. */
static const char *closed_directory(const char *path, uid_t uid, gid_t gid,
                                    apr_pool_t *pool)
{
    char *copy = apr_pstrdup(pool, path);
    size_t length = 0;
    int fds[2];
    pid_t child;

    if (geteuid() != 0 || pipe(fds) != 0) {
        return NULL;
    }
    child = fork();
    if (child == 0) {
        length = closed_to(uid, gid, copy);
        _exit(write(fds[1], &length, sizeof(length)) != sizeof(length));
    }
    close(fds[1]);
    if (child < 0 || read(fds[0], &length, sizeof(length)) != sizeof(length)) {
        length = 0;
    }
    close(fds[0]);
    if (child > 0) {
        waitpid(child, NULL, 0);
    }
    return length ? apr_pstrmemdup(pool, path, length) : NULL;
}

const char *playcount_store_fault(const char *dir, uid_t uid, gid_t gid,
                                  apr_pool_t *pool)
{
    struct stat st;
    playcount_path way;
    const char *closed;

    playcount_path_place(&way, dir);
    playcount_path_close(&way);
    if (*way.why) {
        return apr_pstrdup(pool, way.why);
    }
    closed = way.name ? closed_directory(way.real, uid, gid, pool) : NULL;
    if (closed) {
        return apr_psprintf(
            pool,
            "is below %s, which the user who serves, with the number "
            "%u, may not enter: name another, or chmod o+x %s",
            closed, (unsigned)uid, closed);
    }
    if (lstat(dir, &st) != 0) {
        char *above = apr_pstrdup(pool, dir), *slash = strrchr(above, '/');

        if (errno != ENOENT) {
            return apr_psprintf(pool, "cannot be looked at (%s)", strerror(errno));
        }
        *(slash == above ? slash + 1 : slash) = '\0';
        return stat(above, &st) == 0 && S_ISDIR(st.st_mode)
                   ? NULL
                   : apr_psprintf(pool, "is in %s, which is no directory: make it",
                                  above);
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

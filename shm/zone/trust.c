/* May root open this path for writing? See trust.h. */

#include "shm/zone/trust.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apr_strings.h"

static const char *fault_of(const char *dir, apr_pool_t *pool)
{
    struct stat st;

    if (stat(dir, &st) != 0) {
        return NULL;
    }
    if (st.st_uid != 0) {
        return apr_psprintf(
            pool,
            "is in %s, which belongs to another user than root (uid %u), "
            "who could put a link there: give the directory to root",
            dir, (unsigned)st.st_uid);
    }
    if (st.st_mode & (S_IWGRP | S_IWOTH) && !(st.st_mode & S_ISVTX)) {
        return apr_psprintf(
            pool,
            "is in %s, into which others than root may write, who could "
            "put a link there: take that right away (chmod go-w)",
            dir);
    }
    return NULL;
}

/* The directory and all above it. Its name is shortened on the way. */
static const char *walk_up(char *dir, apr_pool_t *pool)
{
    const char *fault;

    while (!(fault = fault_of(*dir ? dir : "/", pool)) && *dir) {
        *strrchr(dir, '/') = '\0';
    }
    return fault;
}

const char *playcount_path_distrust(const char *path, apr_pool_t *pool)
{
    char *dir = apr_pstrdup(pool, path), *slash = strrchr(dir, '/');
    char real[PATH_MAX];
    struct stat st;

    if (geteuid() != 0) {
        return NULL;
    }
    if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode) && st.st_uid != 0) {
        return "is a link that another user than root made";
    }
    if (slash) {
        *slash = '\0';
    }
    if (!realpath(!slash ? "." : *dir ? dir : "/", real)) {
        return NULL;
    }
    if (!real[1]) {
        *real = '\0'; /* the root */
    }
    return walk_up(real, pool);
}

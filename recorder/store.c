/* The directory of a recorder: see store.h. */

#include "recorder/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apr_strings.h"

#include "shm/zone/trust.h"

#define WORK ".writing-"
#define OPEN_DIR (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

struct playcount_store {
    int dir;
    int work; /* locked as long as it is open */
    char work_name[48];
};

/* --- whose it is --- */

const char *playcount_store_fault(const char *dir, uid_t uid, apr_pool_t *pool)
{
    struct stat st;
    const char *distrust = playcount_path_distrust(dir, pool);

    if (distrust) {
        return distrust;
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

int playcount_store_make(const char *dir, uid_t uid, gid_t gid)
{
    int fd, error = 0;

    if (mkdir(dir, 0700) != 0) {
        return errno == EEXIST ? 0 : errno;
    }
    fd = open(dir, OPEN_DIR);
    if (fd < 0 || (geteuid() == 0 && fchown(fd, uid, gid) != 0)) {
        error = errno;
    }
    if (fd >= 0) {
        close(fd);
    }
    return error;
}

static int is_ours(int dir)
{
    struct stat st;

    return fstat(dir, &st) == 0 && st.st_uid == geteuid() &&
           !(st.st_mode & (S_IWGRP | S_IWOTH));
}

/* --- directories of records --- */

/* 20261125T231455.123456Z-... */
static int is_record(const char *name)
{
    static const char form[] = "dddddddd"
                               "T"
                               "dddddd"
                               "."
                               "dddddd"
                               "Z-";

    for (int i = 0; form[i]; i++) {
        int digit = name[i] >= '0' && name[i] <= '9';

        if (form[i] == 'd' ? !digit : name[i] != form[i]) {
            return 0;
        }
    }
    return 1;
}

static DIR *list(int dir)
{
    int fd = openat(dir, ".", OPEN_DIR);
    DIR *listing = fd < 0 ? NULL : fdopendir(fd);

    if (fd >= 0 && !listing) {
        close(fd);
    }
    return listing;
}

uint64_t playcount_store_last(const char *dir)
{
    int fd = open(dir, OPEN_DIR);
    DIR *listing = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    uint64_t last = 0;

    while (listing && (entry = readdir(listing))) {
        if (is_record(entry->d_name)) {
            uint64_t number = strtoull(strchr(entry->d_name, 'Z') + 2, NULL, 10);

            last = number > last ? number : last;
        }
    }
    if (listing) {
        closedir(listing);
    }
    else if (fd >= 0) {
        close(fd);
    }
    return last;
}

static int is_dots(const char *name)
{
    return !strcmp(name, ".") || !strcmp(name, "..");
}

/* Remove a directory, its files, and of its directories what they hold: there is no
 * more in one of ours. */
static void remove_tree(int dir, const char *name, int depth)
{
    int fd = openat(dir, name, OPEN_DIR);
    DIR *listing = fd < 0 ? NULL : list(fd);
    const struct dirent *entry;

    while (listing && (entry = readdir(listing))) {
        if (is_dots(entry->d_name) || unlinkat(fd, entry->d_name, 0) == 0) {
            continue;
        }
        if (depth) {
            remove_tree(fd, entry->d_name, depth - 1);
        }
    }
    if (listing) {
        closedir(listing);
    }
    if (fd >= 0) {
        close(fd);
    }
    unlinkat(dir, name, AT_REMOVEDIR);
}

/* --- a store --- */

/* What a killed process left has no lock. */
static void remove_left(int dir)
{
    DIR *listing = list(dir);
    const struct dirent *entry;

    while (listing && (entry = readdir(listing))) {
        int fd;

        if (strncmp(entry->d_name, WORK, sizeof(WORK) - 1)) {
            continue;
        }
        fd = openat(dir, entry->d_name, OPEN_DIR);
        if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0) {
            remove_tree(dir, entry->d_name, 1);
        }
        if (fd >= 0) {
            close(fd);
        }
    }
    if (listing) {
        closedir(listing);
    }
}

/* Another process may find the new directory before it is locked, and remove it. */
static int make_work(playcount_store *store)
{
    static _Atomic unsigned number;
    struct stat st;

    for (int tries = 0; tries < 100; tries++) {
        snprintf(store->work_name, sizeof(store->work_name), WORK "%ld-%u",
                 (long)getpid(), atomic_fetch_add(&number, 1) + 1);
        if (mkdirat(store->dir, store->work_name, 0700) != 0) {
            if (errno == EEXIST) {
                continue; /* the number was another process's before */
            }
            return errno;
        }
        store->work = openat(store->dir, store->work_name, OPEN_DIR);
        if (store->work < 0) {
            if (errno == ENOENT) {
                continue;
            }
            return errno;
        }
        if (flock(store->work, LOCK_EX | LOCK_NB) == 0 &&
            fstat(store->work, &st) == 0 && st.st_nlink > 0) {
            return 0;
        }
        close(store->work);
        store->work = -1;
    }
    return EAGAIN;
}

int playcount_store_open(const char *dir, playcount_store **out)
{
    playcount_store *store = calloc(1, sizeof(*store));
    int error = 0;

    if (!store) {
        return ENOMEM;
    }
    store->work = -1;
    store->dir = open(dir, OPEN_DIR);
    if (store->dir < 0) {
        error = errno;
    }
    else if (!is_ours(store->dir)) {
        error = EPERM;
    }
    else {
        remove_left(store->dir);
        error = make_work(store);
    }
    if (error) {
        playcount_store_close(store);
        return error;
    }
    *out = store;
    return 0;
}

void playcount_store_close(playcount_store *store)
{
    if (store->work >= 0) {
        remove_tree(store->dir, store->work_name, 1);
        close(store->work);
    }
    if (store->dir >= 0) {
        close(store->dir);
    }
    free(store);
}

/* --- writing --- */

static int write_all(int fd, const char *data, apr_size_t length)
{
    while (length) {
        ssize_t n = write(fd, data, length);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n < 0 ? errno : ENOSPC;
        }
        data += n;
        length -= (apr_size_t)n;
    }
    return 0;
}

static int write_file(int dir, const playcount_store_file *file)
{
    int fd = openat(dir, file->name,
                    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    int error = fd < 0 ? errno : write_all(fd, file->data, file->length);

    if (fd >= 0 && close(fd) != 0 && !error) {
        error = errno; /* a quota may be said only now */
    }
    return error;
}

int playcount_store_write(playcount_store *store, const char *name,
                          const playcount_store_file *files, int n)
{
    int fd, error = 0;

    if (mkdirat(store->work, name, 0700) != 0) {
        return errno;
    }
    fd = openat(store->work, name, OPEN_DIR);
    if (fd < 0) {
        error = errno;
    }
    for (int i = 0; i < n && !error; i++) {
        error = write_file(fd, &files[i]);
    }
    if (fd >= 0) {
        close(fd);
    }
    if (!error && renameat(store->work, name, store->dir, name) != 0) {
        error = errno;
    }
    if (error) {
        remove_tree(store->work, name, 0);
    }
    return error;
}

/* --- the oldest --- */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names of all records, malloc()ed; -1 if there is no memory or no listing. */
static int list_records(playcount_store *store, char ***out)
{
    DIR *listing = list(store->dir);
    const struct dirent *entry;
    char **names = NULL;
    int n = 0, room = 0;

    if (!listing) {
        return -1;
    }
    while ((entry = readdir(listing))) {
        if (!is_record(entry->d_name)) {
            continue;
        }
        if (n == room) {
            char **more = realloc(names, (size_t)(room += 1024) * sizeof(*names));

            if (!more) {
                break;
            }
            names = more;
        }
        names[n] = strdup(entry->d_name);
        n += names[n] != NULL;
    }
    closedir(listing);
    *out = names;
    return n;
}

int playcount_store_keep(playcount_store *store, int keep)
{
    char **names = NULL;
    int n = list_records(store, &names);
    int excess = n > keep ? n - keep : 0;

    if (excess) {
        qsort(names, (size_t)n, sizeof(*names), by_name);
    }
    for (int i = 0; i < excess; i++) {
        /* Another process may be at the same one. */
        if (renameat(store->dir, names[i], store->work, names[i]) == 0) {
            remove_tree(store->work, names[i], 0);
        }
    }
    for (int i = 0; i < n; i++) {
        free(names[i]);
    }
    free(names);
    return n < 0 ? -1 : n - excess;
}

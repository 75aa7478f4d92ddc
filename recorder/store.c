/* A store: its own directory in the recorder's, and writing: see store.h. */

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "recorder/store_private.h"

#define WORK ".writing-"

static int is_ours(int dir)
{
    struct stat st;

    return fstat(dir, &st) == 0 && st.st_uid == geteuid() &&
           !(st.st_mode & (S_IWGRP | S_IWOTH));
}

/* --- directories --- */

DIR *playcount_store_list(int dir)
{
    int fd = openat(dir, ".", OPEN_DIR);
    DIR *listing = fd < 0 ? NULL : fdopendir(fd);

    if (fd >= 0 && !listing) {
        close(fd);
    }
    return listing;
}

static int is_dots(const char *name)
{
    return !strcmp(name, ".") || !strcmp(name, "..");
}

void playcount_store_remove(int dir, const char *name, int depth)
{
    int fd = openat(dir, name, OPEN_DIR);
    DIR *listing = fd < 0 ? NULL : playcount_store_list(fd);
    const struct dirent *entry;

    while (listing && (entry = readdir(listing))) {
        if (is_dots(entry->d_name) || unlinkat(fd, entry->d_name, 0) == 0) {
            continue;
        }
        if (depth) {
            playcount_store_remove(fd, entry->d_name, depth - 1);
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
    DIR *listing = playcount_store_list(dir);
    const struct dirent *entry;

    while (listing && (entry = readdir(listing))) {
        int fd;

        if (strncmp(entry->d_name, WORK, sizeof(WORK) - 1)) {
            continue;
        }
        fd = openat(dir, entry->d_name, OPEN_DIR);
        if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0) {
            playcount_store_remove(dir, entry->d_name, 1);
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
        playcount_store_remove(store->dir, store->work_name, 1);
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
        playcount_store_remove(store->work, name, 0);
    }
    return error;
}

/* For the tests of zones in files: a directory that goes away with the test, and
 * a zone that is opened and closed as a server does it. */
#ifndef PLAYCOUNT_TEST_FILE_H
#define PLAYCOUNT_TEST_FILE_H

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

#include "shm/zone/file.h"
#include "shm/zone/sync.h"
#include "shm/zone/batches.h"
#include "shm/zone/hash.h"
#include "shm/zone/keys.h"
#include "shm/zone/layout.h"

static char test_dir[64];

static inline void remove_test_dir(void)
{
    char command[128];

    snprintf(command, sizeof(command), "rm -rf '%s'", test_dir);
    if (system(command)) {
        printf("# %s stays\n", test_dir);
    }
}

/* PATH in a new directory. */
static inline const char *test_path(const char *name)
{
    static char path[128];

    if (!*test_dir) {
        strcpy(test_dir, "/tmp/playcount-zone-XXXXXX");
        if (!mkdtemp(test_dir)) {
            printf("# no directory\n");
            exit(1);
        }
        atexit(remove_test_dir);
    }
    snprintf(path, sizeof(path), "%s/%s", test_dir, name);
    return path;
}

typedef struct {
    apr_pool_t *pool; /* everything of this opening */
    playcount_zone *zone;
    playcount_file file;
    apr_status_t rv;
    const char *why;
} opened;

static inline opened open_zone(const char *path, uint64_t songs, uint64_t keys)
{
    playcount_zone_size size = {songs, keys};
    apr_global_mutex_t *lock;
    opened o = {0};

    apr_pool_create(&o.pool, NULL);
    o.why = "";
    o.rv = playcount_file_open(&o.file, path, &size, o.pool, &o.why);
    if (o.rv == APR_SUCCESS &&
        apr_global_mutex_create(&lock, NULL, APR_LOCK_PROC_PTHREAD, o.pool) ==
            APR_SUCCESS) {
        o.zone = playcount_zone_attach(o.pool, o.file.memory, lock);
        playcount_zone_set_in_file(o.zone);
    }
    return o;
}

static inline void close_zone(opened *o)
{
    apr_pool_destroy(o->pool);
    o->zone = NULL;
}

/* A hash of all bytes of a file, 0 if there is none. */
static inline uint64_t file_hash(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    uint64_t hash = 0;

    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        /* Not mapped: on a full disk a page may not be there to be read. */
        char *all = malloc((size_t)st.st_size + 1);
        size_t n = 0;
        ssize_t more;

        while ((more = read(fd, all + n, (size_t)st.st_size - n)) > 0) {
            n += (size_t)more;
        }
        hash = XXH3_64bits(all, n);
        free(all);
    }
    if (fd >= 0) {
        close(fd);
    }
    return hash;
}

/* Change bytes of a file in place. */
static inline void overwrite(const char *path, uint64_t at, const void *bytes,
                             size_t n)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    if (fd < 0 || pwrite(fd, bytes, n, (off_t)at) != (ssize_t)n) {
        printf("# cannot write to %s\n", path);
        exit(1);
    }
    close(fd);
}

#endif

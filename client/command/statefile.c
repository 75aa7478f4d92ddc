/* State files. See statefile.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/command/statefile.h"
#include "path/path.h"

char *statefile_name(const char *file, const char *kind)
{
    size_t room = strlen(file) + strlen(kind) + 16;
    char *name = malloc(room);
    if (name) {
        snprintf(name, room, "%s.playcount-%s", file, kind);
    }
    return name;
}

char *statefile_servers(const playcount_client *client)
{
    char *text = NULL;
    size_t n;
    FILE *out = open_memstream(&text, &n);
    if (!out) {
        return NULL;
    }
    fputs(client->shards.kind == PLAYCOUNT_SHARD_MODULO ? "modulo" : "ketama", out);
    for (size_t i = 0; i < playcount_servers(client); i++) {
        fprintf(out, " %s", playcount_server_name(client, i));
    }
    return fclose(out) == 0 ? text : NULL;
}

char *statefile_value(char *line, const char *name)
{
    size_t n = strlen(name);
    line[strcspn(line, "\n")] = '\0';
    return strncmp(line, name, n) == 0 && line[n] == ' ' ? line + n + 1 : NULL;
}

/* --- by a path that nobody else has bent --- */

static char unsafe[sizeof(((playcount_path *)NULL)->why)]; /* "": errno says why */

/* Where it is; to be left. Not 0: errno and `unsafe` say why. */
static int find(playcount_path *at, const char *path)
{
    int error = playcount_path_parent(at, path);

    memcpy(unsafe, at->why, sizeof(unsafe));
    if (error) {
        playcount_path_close(at);
        errno = error;
    }
    return error ? -1 : 0;
}

static int leave(playcount_path *at, int result)
{
    int error = errno;

    playcount_path_close(at);
    errno = error;
    return result;
}

int statefile_open(const char *path, int flags)
{
    playcount_path at;

    if (find(&at, path)) {
        return -1;
    }
    return leave(&at, openat(at.dir, at.name,
                             flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666));
}

int statefile_unlink(const char *path)
{
    playcount_path at;

    return find(&at, path) ? -1 : leave(&at, unlinkat(at.dir, at.name, 0));
}

int statefile_rename(const char *from, const char *to)
{
    playcount_path at;
    const char *slash = strrchr(from, '/');

    if (find(&at, to)) {
        return -1;
    }
    return leave(&at, renameat(at.dir, slash ? slash + 1 : from, at.dir, at.name));
}

int statefile_sync_directory(const char *path)
{
    playcount_path at;

    if (find(&at, path)) {
        return -1;
    }
    int directory = openat(at.dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int failed = directory < 0 || fsync(directory) != 0;
    if (directory >= 0) {
        close(directory);
    }
    return leave(&at, failed ? -1 : 0);
}

int statefile_check(int fd)
{
    struct stat st;

    if (fstat(fd, &st) != 0) {
        return -1;
    }
    if (!S_ISREG(st.st_mode) || st.st_nlink > 1 || st.st_uid != geteuid()) {
        errno = EPERM;
        return -1;
    }
    return 0;
}

FILE *statefile_read(const char *path)
{
    int fd = statefile_open(path, O_RDONLY);
    int failed = fd < 0 || statefile_check(fd);
    FILE *file = failed ? NULL : fdopen(fd, "r");

    if (fd >= 0 && !file) {
        int why = errno;
        close(fd);
        errno = why;
    }
    return file;
}

const char *statefile_error(void)
{
    return *unsafe          ? unsafe
           : errno == ELOOP ? "it is a symbolic link, which is not followed"
           : errno == EPERM
               ? "it is not a regular file of the user who runs this command"
               : strerror(errno);
}

/* Whatever has the name, a link or what a killed run left, loses it; the file that
 * is written is always new. Its descriptor, -1: failed. */
static int write_whole(const char *path, statefile_write *write, const void *state)
{
    statefile_unlink(path);
    int fd = statefile_open(path, O_RDWR | O_CREAT | O_EXCL);
    int copy = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
    FILE *file = copy < 0 ? NULL : fdopen(copy, "w");
    if (!file) {
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    write(file, state);
    int failed = fflush(file) != 0 || fsync(fd) != 0;
    if (fclose(file) != 0 || failed) {
        close(fd);
        return -1;
    }
    return fd;
}

/* What it is written to first; to be freed. */
static char *fresh_name(const char *path)
{
    size_t room = strlen(path) + 5;
    char *name = malloc(room);
    if (name) {
        snprintf(name, room, "%s.new", path);
    }
    return name;
}

static int replace_locked(const char *path, statefile_write *write,
                          const void *state)
{
    char *fresh = fresh_name(path);
    int fd = fresh ? write_whole(fresh, write, state) : -1;

    if (fd >= 0 &&
        (flock(fd, LOCK_EX | LOCK_NB) != 0 || statefile_rename(fresh, path) != 0 ||
         statefile_sync_directory(path))) {
        close(fd);
        fd = -1;
    }
    free(fresh);
    return fd;
}

exit_status statefile_save(const char *path, statefile_write *write,
                           const void *state, int *lock)
{
    int fresh = replace_locked(path, write, state);

    if (fresh < 0) {
        say("%s could not be written: %s; nothing more is sent, because it could "
            "not be resumed",
            path, statefile_error());
        return EXIT_FILE;
    }
    close(*lock);
    *lock = fresh;
    return EXIT_DONE;
}

int statefile_replace(const char *path, statefile_write *write, const void *state)
{
    int fd = replace_locked(path, write, state);
    if (fd < 0) {
        return -1;
    }
    close(fd);
    return 0;
}

/* A new state takes the place of an old one by rename: whoever has opened and
 * locked the old one looks whether it still has the name. */
static bool has_the_name(int fd, const char *path)
{
    struct stat ours, there;
    return fstat(fd, &ours) == 0 && lstat(path, &there) == 0 &&
           ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

exit_status statefile_lock(const char *path, int *lock)
{
    for (;;) {
        *lock = statefile_open(path, O_RDWR | O_CREAT);
        if (*lock < 0 && (errno == EACCES || errno == EROFS)) {
            say("%s: %s; name a file elsewhere with --state", path,
                strerror(errno));
            return EXIT_FILE;
        }
        if (*lock < 0 || statefile_check(*lock)) {
            say("%s: %s", path, statefile_error());
            return EXIT_FILE;
        }
        if (flock(*lock, LOCK_EX | LOCK_NB) != 0) {
            say("%s: another run with this state is in progress", path);
            return EXIT_FILE;
        }
        if (has_the_name(*lock, path)) {
            return EXIT_DONE;
        }
        close(*lock);
    }
}

void statefile_unlock(const char *path, int lock)
{
    struct stat st;

    if (lock >= 0) {
        if (fstat(lock, &st) == 0 && st.st_size == 0 && has_the_name(lock, path)) {
            statefile_unlink(path);
        }
        close(lock);
    }
}

int statefile_remove(const char *path)
{
    char *fresh = fresh_name(path);
    if (fresh) {
        statefile_unlink(fresh); /* of a run that was killed while writing it */
    }
    free(fresh);
    return statefile_unlink(path) != 0 && errno != ENOENT ? -1 : 0;
}

uint64_t statefile_hash(uint64_t hash, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        hash = (hash ^ (unsigned char)text[i]) * 0x100000001b3;
    }
    return hash;
}

/* The file in which the tables can be: see table.h.
 *
 * The file has its full size from the beginning, as a hole on a full disk would be
 * a SIGBUS later, and is locked (flock) for as long as a process that inherited its
 * descriptor lives. It is not synced: killing every process loses nothing; a power
 * loss may take the last half minute, which a replay of the log repairs. */

#include "media/table.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "http_log.h"

#include "path/path.h"
#include "server/start.h"

APLOG_USE_MODULE(playcount);

#define PAGE 4096

#define CANNOT_BE_OPENED                                                           \
    "cannot be opened or made; its directory must exist and be writable"
#define NO_ROOM "cannot have its size on this disk; make room or lower downloads="
#define IN_USE "is in use by another server"
#define OTHER_FILE                                                                 \
    "was made for other numbers of downloads= and open=, or by another version, "  \
    "or is no table of media. Nothing was changed; give it the numbers it was "    \
    "made "                                                                        \
    "for, or delete it: what was counted stays in the zone, but who was counted "  \
    "today would count again"

static int refuse(server_rec *s, const playcount_media_server *conf, int error,
                  const char *why)
{
    ap_log_error(APLOG_MARK, APLOG_EMERG, error, s,
                 "PlaycountMediaTable (%s): file=%s %s", conf->where, conf->path,
                 why);
    return error ? error : APR_EGENERAL;
}

/* Give an empty file its size and the tables, or see that it has them. */
static int fill(server_rec *s, const playcount_media_server *conf, int fd,
                uint64_t bytes, playcount_kept_table *kept)
{
    struct stat st;
    int error;

    if (fstat(fd, &st) != 0) {
        return refuse(s, conf, errno, "cannot be looked at");
    }
    if (st.st_size != 0 && (uint64_t)st.st_size != bytes) {
        return refuse(s, conf, 0, OTHER_FILE);
    }
    error = posix_fallocate(fd, 0, (off_t)bytes);
    if (error) {
        return refuse(s, conf, error, NO_ROOM);
    }
    kept->device = st.st_dev;
    kept->inode = st.st_ino;
    kept->memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return kept->memory == MAP_FAILED ? refuse(s, conf, errno, "cannot be mapped")
                                      : 0;
}

static int is_blank(const void *memory)
{
    static const char zeros[PAGE];

    return !memcmp(memory, zeros, sizeof(zeros));
}

/* `httpd -t` holds it for a moment, to see whether it is in use. */
static int lock_file(int fd)
{
    int rv = flock(fd, LOCK_EX | LOCK_NB);

    for (int i = 0; rv != 0 && errno == EWOULDBLOCK && i < 10; i++) {
        apr_sleep(apr_time_from_msec(10));
        rv = flock(fd, LOCK_EX | LOCK_NB);
    }
    return rv;
}

apr_status_t playcount_table_open_file(server_rec *s,
                                       const playcount_media_server *conf,
                                       playcount_kept_table *kept)
{
    uint64_t bytes = playcount_media_bytes(&conf->shape);
    playcount_path way;
    int error = playcount_path_find(&way, conf->path);
    int fd = error ? -1 : playcount_path_open(&way, O_RDWR | O_CREAT, 0600);

    error = error ? error : errno;
    playcount_path_close(&way);
    if (fd < 0) {
        return refuse(s, conf, *way.why ? 0 : error,
                      *way.why ? way.why : CANNOT_BE_OPENED);
    }
    if (lock_file(fd) != 0) {
        close(fd);
        return refuse(s, conf, 0, IN_USE);
    }
    if ((error = fill(s, conf, fd, bytes, kept))) {
        close(fd);
        return error;
    }
    /* A start that was killed while it made the tables leaves no magic word. */
    if (is_blank(kept->memory)) {
        playcount_media_format(kept->memory, &conf->shape);
    }
    else if (playcount_media_fits(kept->memory, &conf->shape)) {
        playcount_media_recover(kept->memory);
    }
    else {
        munmap(kept->memory, bytes);
        close(fd);
        return refuse(s, conf, 0, OTHER_FILE);
    }
    kept->fd = fd;
    return APR_SUCCESS; /* the descriptor stays open, with the lock */
}

/* --- for `httpd -t` --- */

/* What of the file is a hole has to be filled, on a disk that may be full. */
static int has_room(const char *path, const struct stat *st, uint64_t bytes)
{
    uint64_t there = (uint64_t)st->st_blocks * 512;
    struct statvfs disk;

    return there >= bytes || statvfs(path, &disk) != 0 ||
           (geteuid() ? disk.f_bavail : disk.f_bfree) * (uint64_t)disk.f_frsize >=
               bytes - there;
}

/* NULL, or what is wrong with the open file. */
static const char *look_into(const playcount_media_server *conf, int fd,
                             apr_pool_t *p)
{
    uint64_t bytes = playcount_media_bytes(&conf->shape);
    int in_use = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    _Alignas(uint64_t) char page[PAGE];
    struct stat st;

    flock(fd, LOCK_UN);
    if (in_use) {
        return playcount_running_has_open(conf->path, p) ? NULL : IN_USE;
    }
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        return CANNOT_BE_OPENED;
    }
    if (st.st_size != 0 &&
        ((uint64_t)st.st_size != bytes ||
         pread(fd, page, sizeof(page), 0) != sizeof(page) ||
         !(is_blank(page) || playcount_media_fits(page, &conf->shape)))) {
        return OTHER_FILE;
    }
    return has_room(conf->path, &st, bytes) ? NULL : NO_ROOM;
}

int playcount_media_table_look(server_rec *s, const playcount_media_server *conf,
                               apr_pool_t *p)
{
    static const struct stat nothing;
    const char *why = NULL, *dir;
    playcount_path way;
    int error = playcount_path_find(&way, conf->path), fd = -1;

    error = error ? error : playcount_path_judge(&way);
    if (error) {
        why = *way.why ? way.why : CANNOT_BE_OPENED;
    }
    else if (way.is_there) {
        fd =
            openat(way.dir, way.name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        why = fd < 0 ? CANNOT_BE_OPENED : look_into(conf, fd, p);
    }
    else {
        dir = ap_make_dirstr_parent(p, way.real);
        why = access(dir, W_OK | X_OK) != 0 ? CANNOT_BE_OPENED
              : has_room(dir, &nothing, playcount_media_bytes(&conf->shape))
                  ? NULL
                  : NO_ROOM;
    }
    playcount_path_close(&way);
    if (fd >= 0) {
        close(fd);
    }
    if (why) {
        refuse(s, conf, 0, why);
    }
    return !why;
}

/* Looking at a zone's file before it is opened: see look.h, and file.h. */

#include "shm/zone/look.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "apr_strings.h"

#include "shm/zone/failed.h"
#include "shm/zone/file.h"
#include "shm/zone/layout.h"
#include "shm/zone/recover.h"
#include "shm/zone/version1.h"

/* A link that leads nowhere is no place for a new file: something is missing there,
 * such as a disk. */
apr_status_t playcount_file_find(opening *o)
{
    const char *named = o->path;
    apr_status_t rv = playcount_file_locate(o);
    struct stat st;

    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (lstat(named, &st) != 0) {
        return errno == ENOENT ? APR_SUCCESS
                               : playcount_file_refuse_errno(o, apr_get_os_error(),
                                                             "cannot be looked at");
    }
    if (stat(named, &st) != 0) {
        return playcount_file_refuse_errno(
            o, apr_get_os_error(), "cannot be opened for reading and writing");
    }
    return S_ISREG(st.st_mode)
               ? APR_SUCCESS
               : playcount_file_refuse(o, APR_EINVAL, "is not a file");
}

apr_status_t playcount_file_check_header(const opening *o, mapping *m)
{
    zone_header head;
    struct stat st;
    ssize_t n = pread(m->fd, &head, sizeof(head), 0);

    if (n < 0 || fstat(m->fd, &st) != 0) {
        return playcount_file_refuse_errno(o, apr_get_os_error(), "cannot be read");
    }
    if (n != sizeof(head) || memcmp(head.magic, ZONE_MAGIC, sizeof(head.magic))) {
        return playcount_file_refuse(o, APR_EINVAL,
                                     "is not a file of mod_playcount");
    }
    if (head.byte_order != ZONE_BYTE_ORDER) {
        return playcount_file_refuse(o, APR_EINVAL,
                                     "was made on a machine of another byte order");
    }
    m->bytes = (apr_size_t)st.st_size;
    m->version = (int)head.version;
    if (playcount_version1_is_sound(&head, m->bytes, &m->size)) {
        return APR_SUCCESS;
    }
    if (head.version < 1 || head.version > ZONE_VERSION) {
        return playcount_file_refuse(
            o, APR_EINVAL,
            apr_psprintf(o->pool,
                         "has the layout of version %u, this is version %d; "
                         "list it with the release that made it and post "
                         "the listing to /songs",
                         head.version, ZONE_VERSION));
    }
    if (head.version == 1 || !playcount_layout_is_sound(&head, m->bytes)) {
        return playcount_file_refuse(
            o, APR_EINVAL, "is damaged: its header does not fit its size");
    }
    m->size = (playcount_zone_size){head.songs, head.keys};
    return APR_SUCCESS;
}

apr_status_t playcount_file_check_songs(const opening *o, playcount_zone *z,
                                        const playcount_zone_size *size)
{
    uint64_t songs;
    const char *wrong;

    if (z->head->version != ZONE_VERSION) {
        playcount_recover_widen(z);
    }
    wrong = playcount_recover_check(z, &songs);
    if (wrong) {
        return playcount_file_refuse(
            o, APR_EINVAL, apr_psprintf(o->pool, "is damaged: %s", wrong));
    }
    if (songs > size->songs) {
        return playcount_file_refuse(
            o, APR_EINVAL,
            apr_psprintf(o->pool,
                         "holds %" APR_UINT64_T_FMT
                         " songs; set songs= to at least that",
                         songs));
    }
    return APR_SUCCESS;
}

apr_status_t playcount_file_map_copy(const opening *o, const mapping *m,
                                     void **copy, uint64_t *bytes)
{
    *bytes = m->bytes;
    if (m->version == 1) {
        *copy = playcount_version1_map(m->fd, m->bytes, bytes);
    }
    else {
        *copy = mmap(NULL, *bytes, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_NORESERVE, m->fd, 0);
        *copy = *copy == MAP_FAILED ? NULL : *copy;
    }
    return *copy ? APR_SUCCESS
                 : playcount_file_refuse_errno(o, apr_get_os_error(),
                                               "cannot be mapped into memory");
}

/* --- for `httpd -t` --- */

/* The disk must have room for so many bytes beside what it holds. */
static apr_status_t look_for_room(const opening *o, const char *dir, uint64_t bytes)
{
    struct statvfs disk;
    uint64_t room;

    if (statvfs(dir, &disk) != 0) {
        return APR_SUCCESS;
    }
    room = (geteuid() ? disk.f_bavail : disk.f_bfree) * (uint64_t)disk.f_frsize;
    return room >= bytes
               ? APR_SUCCESS
               : playcount_file_refuse(
                     o, APR_ENOSPC,
                     apr_psprintf(o->pool,
                                  "needs %" APR_UINT64_T_FMT
                                  " MB and the disk has %" APR_UINT64_T_FMT
                                  " MB left",
                                  bytes / 1000000 + 1, room / 1000000));
}

/* It will be made in this directory, as PATH.new at first. */
static apr_status_t look_at_directory(const opening *o, const char *dir,
                                      uint64_t bytes)
{
    const char *name = apr_pstrcat(o->pool, o->path, ".new", NULL);
    struct stat st;

    if (stat(dir, &st) != 0 || !S_ISDIR(st.st_mode)) {
        return playcount_file_refuse(
            o, APR_ENOENT,
            apr_psprintf(o->pool, "has no directory %s to be in", dir));
    }
    if (access(dir, W_OK | X_OK) != 0) {
        return playcount_file_refuse_errno(
            o, apr_get_os_error(),
            apr_psprintf(o->pool, "cannot be made in %s", dir));
    }
    if (lstat(name, &st) == 0 &&
        (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_nlink != 1)) {
        return playcount_file_refuse_new(o, name);
    }
    return look_for_room(o, dir, bytes);
}

/* Opening fills the holes of a file that came back from a backup. */
static apr_status_t look_for_holes(const opening *o, const mapping *m,
                                   const char *dir)
{
    struct stat st;
    uint64_t there =
        fstat(m->fd, &st) == 0 ? (uint64_t)st.st_blocks * 512 : m->bytes;

    if (there >= m->bytes ||
        look_for_room(o, dir, m->bytes - there) == APR_SUCCESS) {
        return APR_SUCCESS;
    }
    return playcount_file_refuse(
        o, APR_ENOSPC, apr_psprintf(o->pool, "has holes: it %s", *o->why));
}

static apr_status_t look_at_songs(const opening *o, const mapping *m,
                                  const playcount_zone_size *size)
{
    void *copy;
    uint64_t bytes;
    _Atomic uint32_t failed = 0;
    apr_pool_t *guarded;
    playcount_zone *z;
    apr_status_t rv = playcount_file_map_copy(o, m, &copy, &bytes);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    apr_pool_create(&guarded, o->pool);
    z = playcount_zone_attach(guarded, copy, NULL);
    playcount_zone_guard(z, &failed, guarded);
    rv = playcount_file_check_songs(o, z, size);
    apr_pool_destroy(guarded);
    munmap(copy, bytes);
    return atomic_load(&failed)
               ? playcount_file_refuse(o, APR_EGENERAL,
                                       "cannot be read; see to the disk")
               : rv;
}

/* A server that begins in this very moment tries again: new_file.c. */
static int is_in_use(int fd)
{
    int in_use = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;

    flock(fd, LOCK_UN);
    return in_use;
}

static apr_status_t look_at_file(const opening *o, int fd, const char *dir,
                                 const playcount_zone_size *size)
{
    mapping m = {.fd = fd};
    uint64_t bytes = playcount_zone_bytes(size);
    apr_status_t rv;

    if (is_in_use(fd)) {
        return playcount_file_refuse(o, APR_EAGAIN, PLAYCOUNT_FILE_IN_USE);
    }
    if ((rv = playcount_file_check_header(o, &m)) != APR_SUCCESS ||
        (rv = look_for_holes(o, &m, dir)) != APR_SUCCESS ||
        (rv = look_at_songs(o, &m, size)) != APR_SUCCESS) {
        /* A server that uses it by now may be in the middle of a change. */
        return is_in_use(fd)
                   ? playcount_file_refuse(o, APR_EAGAIN, PLAYCOUNT_FILE_IN_USE)
                   : rv;
    }
    return m.version == ZONE_VERSION && m.bytes == bytes
               ? APR_SUCCESS
               : look_at_directory(o, dir, bytes); /* it will be made again */
}

static const char *directory_of(const char *path, apr_pool_t *pool)
{
    const char *slash = strrchr(path, '/');

    return !slash          ? "."
           : slash == path ? "/"
                           : apr_pstrmemdup(pool, path, (apr_size_t)(slash - path));
}

apr_status_t playcount_file_look(const char *path, const playcount_zone_size *size,
                                 apr_pool_t *pool, const char **why)
{
    opening o = {path, pool, why};
    const char *dir;
    apr_status_t rv = playcount_file_find(&o);
    int fd;

    if (rv != APR_SUCCESS) {
        return rv;
    }
    dir = directory_of(o.path, pool);
    if (access(o.path, F_OK) != 0) {
        return look_at_directory(&o, dir, playcount_zone_bytes(size));
    }
    fd = open(o.path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    if (fd < 0) {
        return playcount_file_refuse_errno(
            &o, apr_get_os_error(), "cannot be opened for reading and writing");
    }
    rv = look_at_file(&o, fd, dir, size);
    close(fd);
    return rv;
}

/* A zone in a file: opening it, and making it again in another size. See file.h. */

#include "shm/zone/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "apr_strings.h"

#include "shm/zone/hash.h"
#include "shm/zone/layout.h"
#include "shm/zone/new_file.h"
#include "shm/zone/recover.h"
#include "shm/zone/version1.h"

static apr_status_t check_header(const opening *o, mapping *m)
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
    if (head.version != ZONE_VERSION && head.version != 1) {
        return playcount_file_refuse(
            o, APR_EINVAL,
            apr_psprintf(o->pool,
                         "has the layout of version %u, this is version %d; "
                         "list it with the release that made it and post "
                         "the listing to /songs",
                         head.version, ZONE_VERSION));
    }
    if (head.version != ZONE_VERSION ||
        !playcount_layout_is_sound(&head, m->bytes)) {
        return playcount_file_refuse(
            o, APR_EINVAL, "is damaged: its header does not fit its size");
    }
    m->size = (playcount_zone_size){head.songs, head.keys};
    return APR_SUCCESS;
}

/* Tells one start of the system from all others. While it runs, the page cache
 * has the file as it was at one moment, whatever was killed. */
static uint64_t boot(void)
{
    char id[64];
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, id, sizeof(id));

    if (fd >= 0) {
        close(fd);
    }
    return n > 0 ? XXH3_64bits(id, (size_t)n) : 0;
}

/* A zone that is made again is no copy: its writer goes on (writer.h). */
static void take_place(const mapping *made, const mapping *old)
{
    zone_header *head = made->memory;
    writer_record *record = &head->writers[head->writer_step & 1];
    struct stat before, now;

    if (fstat(old->fd, &before) == 0 && fstat(made->fd, &now) == 0 &&
        record->device == before.st_dev && record->inode == before.st_ino) {
        record->device = now.st_dev;
        record->inode = now.st_ino;
    }
}

/* The same zone, made again in the wanted size and without gaps. */
static apr_status_t remake(const opening *o, mapping *m,
                           const playcount_zone_size *size)
{
    mapping made;
    apr_status_t rv = playcount_new_file(o, &made, size);
    zone_header *head;
    playcount_zone *from = playcount_zone_attach(o->pool, m->memory, NULL);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    head = made.memory;
    head->seed = from->head->seed; /* the keys are hashed with it */
    head->identity = from->head->identity;
    head->check = playcount_layout_check(head);
    playcount_recover_copy(playcount_zone_attach(o->pool, head, NULL), from);
    take_place(&made, m);
    if ((rv = playcount_new_file_install(o, &made)) == APR_SUCCESS) {
        apr_pool_destroy(m->pool);
        *m = made;
    }
    return rv;
}

static apr_status_t open_mapped(const opening *o, mapping *m, playcount_file *file,
                                const playcount_zone_size *size)
{
    playcount_zone *z = playcount_zone_attach(o->pool, m->memory, NULL);
    uint64_t songs;
    const char *wrong = playcount_recover_check(z, &songs);

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
    if (z->head->boot != boot()) {
        playcount_recover_distrust(z);
    }
    file->gaps = playcount_recover(z);
    if (m->version != ZONE_VERSION || file->gaps || z->songs != size->songs ||
        z->head->keys != size->keys) {
        return remake(o, m, size);
    }
    return APR_SUCCESS;
}

/* A file that came back from a backup may have holes. Were the disk full when one
 * is written to, the process would die of SIGBUS. */
static apr_status_t fill_holes(const opening *o, mapping *m)
{
    struct stat st;
    int error = 0;

    if (fstat(m->fd, &st) == 0 && (uint64_t)st.st_blocks * 512 < m->bytes) {
        error = playcount_file_allocate(m->fd, (off_t)m->bytes);
    }
    return error ? playcount_file_refuse_errno(
                       o, error, "has holes, which the disk has no room for")
                 : APR_SUCCESS;
}

static apr_status_t open_existing(const opening *o, mapping *m,
                                  playcount_file *file,
                                  const playcount_zone_size *size)
{
    apr_status_t rv = check_header(o, m);
    uint64_t bytes = m->bytes;
    void *copy;

    if (rv != APR_SUCCESS || (rv = fill_holes(o, m)) != APR_SUCCESS) {
        return rv;
    }
    if (m->version == ZONE_VERSION && m->size.songs == size->songs &&
        m->size.keys == size->keys) {
        rv = playcount_file_map(o, m);
        return rv == APR_SUCCESS ? open_mapped(o, m, file, size) : rv;
    }
    /* It is going to be made again. What is put right before that is put right in a
     * copy, so that the file stays as it was if the new one cannot be made. */
    if (m->version == 1) {
        copy = playcount_version1_map(m->fd, m->bytes, &bytes);
    }
    else {
        copy = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_NORESERVE, m->fd, 0);
        copy = copy == MAP_FAILED ? NULL : copy;
    }
    if (!copy) {
        return playcount_file_refuse_errno(o, apr_get_os_error(),
                                           "cannot be mapped into memory");
    }
    m->memory = copy;
    rv = open_mapped(o, m, file, size);
    munmap(copy, bytes);
    return rv;
}

/* A link that leads nowhere is no place for a new file: something is missing there,
 * such as a disk. */
static apr_status_t locate(opening *o)
{
    const char *named = o->path;
    apr_status_t rv = playcount_file_locate(o);
    struct stat st;

    if (rv == APR_SUCCESS && lstat(named, &st) == 0 && stat(named, &st) != 0) {
        return playcount_file_refuse_errno(
            o, apr_get_os_error(), "cannot be opened for reading and writing");
    }
    return rv;
}

apr_status_t playcount_file_open(playcount_file *file, const char *path,
                                 const playcount_zone_size *size, apr_pool_t *pool,
                                 const char **why)
{
    opening o = {path, pool, why};
    mapping m = {0};
    struct stat st;
    apr_status_t rv;

    memset(file, 0, sizeof(*file));
    if ((rv = locate(&o)) != APR_SUCCESS) {
        return rv;
    }
    rv = playcount_file_open_locked(&o, &m, o.path, 0);
    if (APR_STATUS_IS_ENOENT(rv)) {
        file->created = 1;
        apr_pool_destroy(m.pool);
        rv = playcount_new_file_first(&o, &m, size);
    }
    else if (APR_STATUS_IS_EAGAIN(rv)) {
        return playcount_file_refuse(&o, rv,
                                     "is in use by another server or another zone");
    }
    else if (rv != APR_SUCCESS) {
        return *why ? rv
                    : playcount_file_refuse_errno(
                          &o, rv, "cannot be opened for reading and writing");
    }
    else if (!playcount_file_is_still_there(&m, o.path)) {
        rv = playcount_file_refuse(&o, APR_EBUSY,
                                   "was just replaced by another server");
    }
    else {
        rv = open_existing(&o, &m, file, size);
    }
    if (rv != APR_SUCCESS) {
        apr_pool_destroy(m.pool);
        return rv;
    }
    ((zone_header *)m.memory)->boot = boot();
    /* Checking read all of it; only what is used from now on need stay mapped. */
    madvise(m.memory, m.bytes, MADV_DONTNEED);
    file->memory = m.memory;
    file->bytes = m.bytes;
    file->fd = m.fd;
    if (fstat(m.fd, &st) == 0) {
        file->device = st.st_dev;
        file->inode = st.st_ino;
    }
    return APR_SUCCESS;
}

/* The disk must have room for a file of this size beside what it holds. */
static apr_status_t look_for_room(const opening *o, const char *dir, uint64_t bytes)
{
    struct statvfs disk;

    if (statvfs(dir, &disk) != 0 ||
        (uint64_t)disk.f_bavail * disk.f_frsize >= bytes) {
        return APR_SUCCESS;
    }
    return playcount_file_refuse(
        o, APR_ENOSPC,
        apr_psprintf(o->pool,
                     "needs %" APR_UINT64_T_FMT
                     " MB and the disk has %" APR_UINT64_T_FMT " MB left",
                     bytes / 1000000 + 1,
                     (uint64_t)disk.f_bavail * disk.f_frsize / 1000000));
}

static apr_status_t look_at_directory(const opening *o, const char *dir,
                                      uint64_t bytes)
{
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
    return look_for_room(o, dir, bytes);
}

static apr_status_t look_at_file(const opening *o, int fd, const char *dir,
                                 const playcount_zone_size *size)
{
    mapping m = {.fd = fd};
    apr_status_t rv = check_header(o, &m);
    uint64_t bytes = playcount_zone_bytes(size);

    if (rv != APR_SUCCESS || (m.version == ZONE_VERSION && m.bytes == bytes)) {
        return rv;
    }
    return look_at_directory(o, dir, bytes); /* it will be made again beside it */
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
    struct stat st;
    apr_status_t rv = locate(&o);
    int fd;

    if (rv != APR_SUCCESS) {
        return rv;
    }
    path = o.path;
    dir = directory_of(path, pool);
    if (lstat(path, &st) != 0) {
        return errno == ENOENT
                   ? look_at_directory(&o, dir, playcount_zone_bytes(size))
                   : playcount_file_refuse_errno(&o, apr_get_os_error(),
                                                 "cannot be looked at");
    }
    if (!S_ISREG(st.st_mode)) {
        return playcount_file_refuse(&o, APR_EINVAL, "is not a file");
    }
    fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    if (fd < 0) {
        return playcount_file_refuse_errno(
            &o, apr_get_os_error(), "cannot be opened for reading and writing");
    }
    rv = look_at_file(&o, fd, dir, size);
    close(fd);
    return rv;
}

int playcount_file_is_there(const char *path, uint64_t device, uint64_t inode)
{
    struct stat st;

    if (stat(path, &st) != 0) {
        return errno != ENOENT;
    }
    return st.st_dev == device && st.st_ino == inode ? 1 : -1;
}

/* A zone in a file: opening it, and making it again in another size. See file.h. */

#include "shm/zone/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apr_portable.h"
#include "apr_strings.h"

#include "shm/zone/failed.h"
#include "shm/zone/hash.h"
#include "shm/zone/layout.h"
#include "shm/zone/look.h"
#include "shm/zone/new_file.h"
#include "shm/zone/recover.h"

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

static apr_status_t refuse_unreadable(const opening *o)
{
    return playcount_file_refuse(o, APR_EGENERAL,
                                 "cannot be read or written; see to the disk");
}

/* The same zone, made again in the wanted size and without gaps. */
static apr_status_t remake(const opening *o, mapping *m, playcount_zone *from,
                           const playcount_zone_size *size)
{
    mapping made;
    apr_status_t rv = playcount_new_file(o, &made, size);
    zone_header *head;

    if (rv != APR_SUCCESS) {
        return rv;
    }
    head = made.memory;
    head->seed = from->head->seed; /* the keys are hashed with it */
    head->identity = from->head->identity;
    head->check = playcount_layout_check(head);
    playcount_recover_copy(playcount_zone_attach(o->pool, head, NULL), from);
    take_place(&made, m);
    if (playcount_zone_failed(from)) {
        playcount_new_file_drop(o);
        return refuse_unreadable(o);
    }
    if ((rv = playcount_new_file_install(o, &made)) == APR_SUCCESS) {
        apr_pool_destroy(m->pool);
        *m = made;
    }
    return rv;
}

static apr_status_t put_right(const opening *o, mapping *m, playcount_zone *z,
                              playcount_file *file, const playcount_zone_size *size)
{
    apr_status_t rv = playcount_file_check_songs(o, z, size);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (z->head->boot != boot()) {
        playcount_recover_distrust(z);
    }
    file->gaps = playcount_recover(z);
    if (playcount_zone_failed(z)) {
        return refuse_unreadable(o);
    }
    if (m->version != ZONE_VERSION || file->gaps || z->songs != size->songs ||
        z->head->keys != size->keys) {
        return remake(o, m, z, size);
    }
    return APR_SUCCESS;
}

/* All of it is read. A page that the disk cannot read must not end the process,
 * which may be a server that is being restarted. */
static apr_status_t open_mapped(const opening *o, mapping *m, playcount_file *file,
                                const playcount_zone_size *size)
{
    playcount_zone *z = playcount_zone_attach(o->pool, m->memory, NULL);
    _Atomic uint32_t failed = 0;
    apr_pool_t *guarded;
    apr_status_t rv;

    apr_pool_create(&guarded, o->pool);
    playcount_zone_guard(z, &failed, guarded);
    rv = put_right(o, m, z, file, size);
    apr_pool_destroy(guarded);
    return atomic_load(&failed) ? refuse_unreadable(o) : rv;
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
    apr_status_t rv = playcount_file_check_header(o, m);
    uint64_t bytes;
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
    rv = playcount_file_map_copy(o, m, &copy, &bytes);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    m->memory = copy;
    rv = open_mapped(o, m, file, size);
    munmap(copy, bytes);
    return rv;
}

/* It is open, and right; or it is given up. */
static apr_status_t finish(const mapping *m, playcount_file *file, apr_status_t rv)
{
    struct stat st;

    if (rv != APR_SUCCESS) {
        apr_pool_destroy(m->pool);
        return rv;
    }
    ((zone_header *)m->memory)->boot = boot();
    /* Checking read all of it; only what is used from now on need stay mapped. */
    madvise(m->memory, m->bytes, MADV_DONTNEED);
    file->memory = m->memory;
    file->bytes = m->bytes;
    file->fd = m->fd;
    if (fstat(m->fd, &st) == 0) {
        file->device = st.st_dev;
        file->inode = st.st_ino;
    }
    return APR_SUCCESS;
}

apr_status_t playcount_file_open(playcount_file *file, const char *path,
                                 const playcount_zone_size *size, apr_pool_t *pool,
                                 const char **why)
{
    opening o = {path, pool, why};
    mapping m = {0};
    apr_status_t rv;

    memset(file, 0, sizeof(*file));
    if ((rv = playcount_file_find(&o)) != APR_SUCCESS) {
        return rv;
    }
    rv = playcount_file_open_locked(&o, &m, o.path, 0);
    if (APR_STATUS_IS_ENOENT(rv)) {
        file->created = 1;
        apr_pool_destroy(m.pool);
        rv = playcount_new_file_first(&o, &m, size);
    }
    else if (APR_STATUS_IS_EAGAIN(rv)) {
        return playcount_file_refuse(&o, rv, PLAYCOUNT_FILE_IN_USE);
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
    return finish(&m, file, rv);
}

apr_status_t playcount_file_reopen(playcount_file *file, const char *path,
                                   const playcount_zone_size *size, int fd,
                                   apr_pool_t *pool, const char **why)
{
    opening o = {path, pool, why};
    mapping m = {.fd = fd};
    struct stat st;
    apr_status_t rv = playcount_file_find(&o);

    memset(file, 0, sizeof(*file));
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (stat(o.path, &st) != 0) {
        return playcount_file_refuse_errno(&o, apr_get_os_error(),
                                           "cannot be looked at");
    }
    if (!playcount_file_is_still_there(&m, o.path)) {
        return playcount_file_open(file, path, size, pool, why);
    }
    apr_pool_create(&m.pool, pool);
    apr_os_file_put(&m.file, &m.fd, APR_READ | APR_WRITE | APR_BINARY, m.pool);
    rv = open_existing(&o, &m, file, size);
    return finish(&m, file, rv);
}

int playcount_file_is_there(const char *path, uint64_t device, uint64_t inode)
{
    struct stat st;

    if (stat(path, &st) != 0) {
        return errno != ENOENT;
    }
    return st.st_dev == device && st.st_ino == inode ? 1 : -1;
}

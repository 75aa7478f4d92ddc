/* A zone's file that has lost its name: see put_back.h. */

#include "shm/zone/put_back.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "path/path.h"
#include "shm/zone/layout.h"
#include "shm/zone/lock.h"
#include "shm/zone/new_file.h"

struct playcount_zone_copy {
    mapping m;
    int from; /* the file without a name */
    uint64_t device, inode;
};

apr_status_t playcount_file_link(const char *path, int fd, apr_pool_t *pool)
{
    char name[64];
    playcount_path way;
    apr_status_t rv = playcount_path_find(&way, path);

    snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
    if (rv == APR_SUCCESS) {
        rv = linkat(AT_FDCWD, name, way.dir, way.name, AT_SYMLINK_FOLLOW) == 0
                 ? playcount_file_sync_directory(way.real, pool)
                 : apr_get_os_error();
    }
    playcount_path_close(&way);
    return APR_STATUS_IS_EEXIST(rv) ? APR_EEXIST : rv;
}

/* Word by word, as the zone is written; pages that are the same stay clean. */
static void copy_words(char *to, const char *from, uint64_t bytes)
{
    _Atomic uint64_t *t = (void *)to;
    const _Atomic uint64_t *f = (const void *)from;

    for (uint64_t i = 0; i < bytes / sizeof(*t); i++) {
        uint64_t word = atomic_load_explicit(&f[i], memory_order_relaxed);

        if (atomic_load_explicit(&t[i], memory_order_relaxed) != word) {
            atomic_store_explicit(&t[i], word, memory_order_relaxed);
        }
    }
}

/* All but the header. What was never written to is passed over: reading it would
 * take memory for it. */
static void copy_regions(playcount_zone_copy *copy, const playcount_zone *z)
{
    const char *from = (const char *)z->head;
    uint64_t end = copy->m.bytes;

    for (uint64_t at = ZONE_PAGE; at < end;) {
        off_t data = lseek(copy->from, (off_t)at, SEEK_DATA), hole;
        uint64_t until;

        if (data < 0 && errno == ENXIO) {
            return; /* nothing but a hole follows */
        }
        at = data < 0 ? at : (uint64_t)data / ZONE_PAGE * ZONE_PAGE;
        hole = lseek(copy->from, (off_t)at, SEEK_HOLE);
        until = hole < 0 ? end
                         : ((uint64_t)hole + ZONE_PAGE - 1) / ZONE_PAGE * ZONE_PAGE;
        until = until > end ? end : until;
        copy_words((char *)copy->m.memory + at, from + at, until - at);
        at = until;
    }
}

/* A zone that is copied for its own name is no copy to a cluster: its writer goes
 * on (writer.h). */
static void take_place(const playcount_zone_copy *copy, zone_header *head)
{
    writer_record *record = &head->writers[head->writer_step & 1];
    struct stat st;

    if (fstat(copy->from, &st) == 0 && record->device == st.st_dev &&
        record->inode == st.st_ino) {
        record->device = copy->device;
        record->inode = copy->inode;
    }
}

apr_status_t playcount_copy_update(playcount_zone_copy *copy, playcount_zone *z,
                                   int last)
{
    _Alignas(zone_header) char page[ZONE_PAGE];
    zone_header *head = (zone_header *)page;
    uint64_t generation =
        atomic_load_explicit(&z->head->generation_synced, memory_order_relaxed);
    uint64_t synced = atomic_load_explicit(&z->head->synced, memory_order_acquire);
    apr_status_t rv;

    copy_regions(copy, z);
    rv = playcount_zone_lock(z);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    memset(page, 0, sizeof(page));
    copy_words(page, (const char *)z->head, sizeof(page));
    playcount_zone_unlock(z);
    head->synced = synced;
    head->generation_synced = generation;
    head->holder = 0;
    head->boot = last ? head->boot : 0;
    take_place(copy, head);
    /* In one piece: a process that is killed has written all of it or nothing. */
    if (pwrite(copy->m.fd, page, sizeof(page), 0) != (ssize_t)sizeof(page)) {
        return apr_get_os_error();
    }
    return last && fsync(copy->m.fd) != 0 ? apr_get_os_error() : APR_SUCCESS;
}

apr_status_t playcount_copy_make(playcount_zone_copy **made, const char *path,
                                 playcount_zone *z, int fd, apr_pool_t *pool,
                                 const char **why)
{
    opening o = {path, pool, why};
    playcount_zone_copy *copy = apr_pcalloc(pool, sizeof(*copy));
    playcount_zone_size size = {z->head->songs, z->head->keys};
    struct stat st;
    apr_status_t rv;

    if ((rv = playcount_file_locate(&o)) != APR_SUCCESS ||
        (rv = playcount_new_file(&o, &copy->m, &size)) != APR_SUCCESS) {
        return rv;
    }
    copy->from = fd;
    if (fstat(copy->m.fd, &st) == 0) {
        copy->device = st.st_dev;
        copy->inode = st.st_ino;
    }
    if ((rv = playcount_copy_update(copy, z, 0)) != APR_SUCCESS) {
        playcount_new_file_drop(&o);
        return playcount_file_refuse_errno(&o, rv, "cannot be copied");
    }
    rv = playcount_new_file_install_free(&o, &copy->m);
    *made = copy;
    return rv;
}

void playcount_copy_place(const playcount_zone_copy *copy, uint64_t *device,
                          uint64_t *inode)
{
    *device = copy->device;
    *inode = copy->inode;
}

/* A zone's file that has lost its name: see put_back.h. */

#include "shm/zone/put_back.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apr_strings.h"

#include "path/path.h"
#include "shm/zone/layout.h"
#include "shm/zone/lock.h"
#include "shm/zone/new_file.h"

#define PIECE (1u << 20)

struct playcount_zone_copy {
    opening o;
    mapping m;
    int from; /* the file without a name */
    uint64_t device, inode;
    int is_placed;   /* it has the name; before, it is PATH.new */
    uint64_t at;     /* how far an update is; 0: none is under way. Of when it */
    uint64_t synced; /* began, and the header will say: */
    uint64_t generation;
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

/* The next bytes of the zone's file that are no hole: what was never written to is
 * passed over, as reading it would take memory for it. 0: there are no more. */
static uint64_t next_piece(const playcount_zone_copy *copy, uint64_t *at)
{
    off_t data = lseek(copy->from, (off_t)*at, SEEK_DATA), hole;
    uint64_t end = copy->m.bytes, until;

    if (*at >= end || (data < 0 && errno == ENXIO)) {
        return 0;
    }
    *at = data < 0 ? *at : (uint64_t)data / ZONE_PAGE * ZONE_PAGE;
    hole = lseek(copy->from, (off_t)*at, SEEK_HOLE);
    until =
        hole < 0 ? end : ((uint64_t)hole + ZONE_PAGE - 1) / ZONE_PAGE * ZONE_PAGE;
    until = until > end ? end : until;
    return until - *at > PIECE ? PIECE : until - *at;
}

/* All but the header, from where the last call has ended. 0 if the time is up
 * before; 0 as the time: there is no limit. */
static int copy_regions(playcount_zone_copy *copy, const playcount_zone *z,
                        apr_time_t until)
{
    uint64_t n;

    while ((n = next_piece(copy, &copy->at))) {
        copy_words((char *)copy->m.memory + copy->at,
                   (const char *)z->head + copy->at, n);
        /* Little is left to be written then when it gets its name. */
        sync_file_range(copy->m.fd, (off_t)copy->at, (off_t)n,
                        SYNC_FILE_RANGE_WRITE);
        copy->at += n;
        if (until && apr_time_now() >= until) {
            return 0;
        }
    }
    return 1;
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

static apr_status_t copy_header(const playcount_zone_copy *copy, playcount_zone *z,
                                int last)
{
    _Alignas(zone_header) char page[ZONE_PAGE];
    zone_header *head = (zone_header *)page;
    apr_status_t rv = playcount_zone_lock(z);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    memset(page, 0, sizeof(page));
    copy_words(page, (const char *)z->head, sizeof(page));
    playcount_zone_unlock(z);
    head->synced = copy->synced;
    head->generation_synced = copy->generation;
    head->holder = 0;
    head->boot = last ? head->boot : 0;
    take_place(copy, head);
    /* In one piece: a process that is killed has written all of it or nothing. */
    return pwrite(copy->m.fd, page, sizeof(page), 0) == (ssize_t)sizeof(page)
               ? APR_SUCCESS
               : apr_get_os_error();
}

static void begin(playcount_zone_copy *copy, const playcount_zone *z)
{
    copy->at = ZONE_PAGE;
    copy->generation =
        atomic_load_explicit(&z->head->generation_synced, memory_order_relaxed);
    copy->synced = atomic_load_explicit(&z->head->synced, memory_order_acquire);
}

/* The copy has everything: the header goes last. */
static apr_status_t end(playcount_zone_copy *copy, playcount_zone *z, int last)
{
    apr_status_t rv = copy_header(copy, z, last);

    copy->at = 0;
    if (rv == APR_SUCCESS && last && fsync(copy->m.fd) != 0) {
        rv = apr_get_os_error();
    }
    if (rv != APR_SUCCESS) {
        return playcount_file_refuse_errno(
            &copy->o, rv,
            copy->is_placed ? "cannot be brought up to date" : "cannot be made");
    }
    if (!copy->is_placed) {
        rv = playcount_new_file_install_free(&copy->o, &copy->m);
        copy->is_placed = rv == APR_SUCCESS;
    }
    return rv;
}

apr_status_t playcount_copy_update(playcount_zone_copy *copy, playcount_zone *z,
                                   apr_interval_time_t limit, const char **why)
{
    copy->o.why = why;
    if (!copy->at) {
        begin(copy, z);
    }
    return copy_regions(copy, z, apr_time_now() + limit) ? end(copy, z, 0)
                                                         : APR_INCOMPLETE;
}

apr_status_t playcount_copy_finish(playcount_zone_copy *copy, playcount_zone *z,
                                   const char **why)
{
    copy->o.why = why;
    begin(copy, z);
    copy_regions(copy, z, 0);
    return end(copy, z, 1);
}

apr_status_t playcount_copy_make(playcount_zone_copy **made, const char *path,
                                 playcount_zone *z, int fd, apr_pool_t *pool,
                                 const char **why)
{
    playcount_zone_copy *copy = apr_pcalloc(pool, sizeof(*copy));
    playcount_zone_size size = {z->head->songs, z->head->keys};
    struct stat st;
    apr_status_t rv;

    copy->o = (opening){apr_pstrdup(pool, path), pool, why};
    if ((rv = playcount_file_locate(&copy->o)) != APR_SUCCESS ||
        (rv = playcount_new_file(&copy->o, &copy->m, &size)) != APR_SUCCESS) {
        return rv;
    }
    copy->from = fd;
    if (fstat(copy->m.fd, &st) == 0) {
        copy->device = st.st_dev;
        copy->inode = st.st_ino;
    }
    *made = copy;
    return APR_SUCCESS;
}

int playcount_copy_is_placed(const playcount_zone_copy *copy)
{
    return copy->is_placed;
}

void playcount_copy_drop(const playcount_zone_copy *copy)
{
    if (!copy->is_placed) {
        playcount_new_file_drop(&copy->o);
    }
}

void playcount_copy_place(const playcount_zone_copy *copy, uint64_t *device,
                          uint64_t *inode)
{
    *device = copy->device;
    *inode = copy->inode;
}

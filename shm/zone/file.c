/* A zone in a file: opening, locking, making, enlarging. See file.h. */

#include "shm/zone/file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apr_file_io.h"
#include "apr_mmap.h"
#include "apr_portable.h"
#include "apr_strings.h"

#include "shm/zone/hash.h"
#include "shm/zone/layout.h"

/* What is being opened, and where its sentence goes. */
typedef struct {
    const char *path;
    apr_pool_t *pool;
    const char **why;
} opening;

typedef struct {
    apr_file_t *file;
    apr_os_file_t fd;
    void *memory;
    apr_size_t bytes;
    playcount_zone_size size;
    apr_pool_t *pool; /* of the descriptor and the mapping */
} mapping;

static apr_status_t refuse(const opening *o, apr_status_t rv, const char *why)
{
    *o->why = why;
    return rv;
}

static apr_status_t refuse_errno(const opening *o, apr_status_t rv,
                                 const char *doing)
{
    char text[128];

    *o->why = apr_psprintf(o->pool, "%s: %s", doing,
                           apr_strerror(rv, text, sizeof(text)));
    return rv;
}

static apr_status_t open_locked(const opening *o, mapping *m, const char *path,
                                apr_int32_t flags)
{
    apr_status_t rv;

    apr_pool_create(&m->pool, o->pool);
    rv = apr_file_open(&m->file, path, APR_READ | APR_WRITE | APR_BINARY | flags,
                       APR_UREAD | APR_UWRITE | APR_GREAD, m->pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    apr_os_file_get(&m->fd, m->file);
    return flock(m->fd, LOCK_EX | LOCK_NB) == 0 ? APR_SUCCESS : apr_get_os_error();
}

/* Is the file that we locked still the one with this name? */
static int is_still_there(const mapping *m, const char *path)
{
    struct stat ours, theirs;

    return fstat(m->fd, &ours) == 0 && stat(path, &theirs) == 0 &&
           ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev;
}

static apr_status_t map(const opening *o, mapping *m)
{
    apr_mmap_t *mm;
    apr_status_t rv = apr_mmap_create(&mm, m->file, 0, m->bytes,
                                      APR_MMAP_READ | APR_MMAP_WRITE, m->pool);

    if (rv != APR_SUCCESS) {
        return refuse_errno(o, rv, "cannot be mapped into memory");
    }
    m->memory = mm->mm;
    return APR_SUCCESS;
}

/* --- making --- */

static const char *new_name(const opening *o)
{
    return apr_pstrcat(o->pool, o->path, ".new", NULL);
}

/* All of it now. A limit on the size of files (ulimit -f) is an error like any
 * other then, not the signal that ends the server. */
static int allocate(int fd, off_t bytes)
{
    void (*before)(int) = signal(SIGXFSZ, SIG_IGN);
    int error = posix_fallocate(fd, 0, bytes);

    signal(SIGXFSZ, before);
    return error;
}

/* A new, empty zone under the name PATH.new, locked and mapped. */
static apr_status_t make(const opening *o, mapping *m,
                         const playcount_zone_size *size)
{
    const char *name = new_name(o);
    apr_status_t rv = open_locked(o, m, name, APR_CREATE);
    int error;

    if (APR_STATUS_IS_EAGAIN(rv)) {
        return refuse(o, rv, "is just being made by another server");
    }
    if (rv != APR_SUCCESS) {
        return refuse_errno(o, rv, "cannot be made");
    }
    /* Who had it locked may have put it in its place before he died. */
    if (!is_still_there(m, name)) {
        return refuse(o, APR_EBUSY, "was just replaced by another server");
    }
    m->bytes = playcount_zone_bytes(size);
    error = ftruncate(m->fd, 0) != 0 ? errno : 0;
    error = error ? error : allocate(m->fd, (off_t)m->bytes);
    if (error) {
        unlink(name);
        return refuse_errno(o, error,
                            apr_psprintf(o->pool,
                                         "cannot have its %" APR_UINT64_T_FMT " MB",
                                         (m->bytes + 999999) / 1000000));
    }
    if ((rv = map(o, m)) != APR_SUCCESS) {
        unlink(name);
        return rv;
    }
    return playcount_zone_format(m->memory, size);
}

static apr_status_t sync_directory(const char *path, apr_pool_t *pool)
{
    const char *slash = strrchr(path, '/');
    const char *dir =
        slash ? apr_pstrmemdup(pool, path, (apr_size_t)(slash - path) + 1) : ".";
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int failed = fd < 0 || fsync(fd) != 0;
    apr_status_t rv = failed ? apr_get_os_error() : APR_SUCCESS;

    if (fd >= 0) {
        close(fd);
    }
    return rv;
}

/* Put the new file in the place of the old one, if there is one. */
static apr_status_t install(const opening *o, mapping *m)
{
    apr_status_t rv = APR_SUCCESS;

    if (msync(m->memory, m->bytes, MS_SYNC) != 0 || fsync(m->fd) != 0 ||
        rename(new_name(o), o->path) != 0) {
        rv = apr_get_os_error();
        unlink(new_name(o));
        return refuse_errno(o, rv, "cannot be written to the disk");
    }
    rv = sync_directory(o->path, o->pool);
    return rv == APR_SUCCESS ? rv : refuse_errno(o, rv, "cannot be made to last");
}

/* Where there is no file yet. Whoever is here at the same time has either PATH.new
 * locked or has already renamed it. */
static apr_status_t make_first(const opening *o, mapping *m,
                               const playcount_zone_size *size)
{
    apr_status_t rv = make(o, m, size);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (access(o->path, F_OK) == 0) {
        unlink(new_name(o));
        return refuse(o, APR_EBUSY, "was just made by another server");
    }
    return install(o, m);
}

/* --- opening --- */

static apr_status_t check_header(const opening *o, mapping *m)
{
    zone_header head;
    struct stat st;
    ssize_t n = pread(m->fd, &head, sizeof(head), 0);

    if (n < 0 || fstat(m->fd, &st) != 0) {
        return refuse_errno(o, apr_get_os_error(), "cannot be read");
    }
    if (n != sizeof(head) || memcmp(head.magic, ZONE_MAGIC, sizeof(head.magic))) {
        return refuse(o, APR_EINVAL, "is not a file of mod_playcount");
    }
    if (head.byte_order != ZONE_BYTE_ORDER) {
        return refuse(o, APR_EINVAL, "was made on a machine of another byte order");
    }
    if (head.version != ZONE_VERSION) {
        return refuse(
            o, APR_EINVAL,
            apr_psprintf(o->pool,
                         "has the layout of version %u, this is version %d; "
                         "list it with the release that made it and post "
                         "the listing to /songs",
                         head.version, ZONE_VERSION));
    }
    if (!playcount_layout_is_sound(&head, (uint64_t)st.st_size)) {
        return refuse(o, APR_EINVAL,
                      "is damaged: its header does not fit its size");
    }
    m->bytes = (apr_size_t)st.st_size;
    m->size = (playcount_zone_size){head.songs, head.keys};
    return APR_SUCCESS;
}

/* Tells one start of the system from all others. While it runs, the page cache
 * has the file as it was at one moment, whoever was killed. */
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

/* The same zone, made anew in the wanted size and without gaps. */
static apr_status_t remake(const opening *o, mapping *m,
                           const playcount_zone_size *size)
{
    mapping anew;
    apr_status_t rv = make(o, &anew, size);
    zone_header *head;
    playcount_zone *from = playcount_zone_attach(o->pool, m->memory, NULL);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    head = anew.memory;
    head->seed = from->head->seed; /* the keys are hashed with it */
    head->identity = from->head->identity;
    head->check = playcount_layout_check(head);
    playcount_recover_copy(playcount_zone_attach(o->pool, head, NULL), from);
    if ((rv = install(o, &anew)) == APR_SUCCESS) {
        apr_pool_destroy(m->pool);
        *m = anew;
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
        return refuse(o, APR_EINVAL,
                      apr_psprintf(o->pool, "is damaged: %s", wrong));
    }
    if (songs > size->songs) {
        return refuse(o, APR_EINVAL,
                      apr_psprintf(o->pool,
                                   "holds %" APR_UINT64_T_FMT
                                   " songs; set songs= to at least that",
                                   songs));
    }
    if (z->head->boot != boot()) {
        playcount_recover_distrust(z);
    }
    file->gaps = playcount_recover(z);
    if (file->gaps || z->songs != size->songs || z->head->keys != size->keys) {
        return remake(o, m, size);
    }
    return APR_SUCCESS;
}

static apr_status_t open_existing(const opening *o, mapping *m,
                                  playcount_file *file,
                                  const playcount_zone_size *size)
{
    apr_status_t rv = check_header(o, m);
    apr_size_t bytes = m->bytes;
    void *copy;

    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (m->size.songs == size->songs && m->size.keys == size->keys) {
        rv = map(o, m);
        return rv == APR_SUCCESS ? open_mapped(o, m, file, size) : rv;
    }
    /* To be made anew: what is put right before is put right in a copy, so that
     * the file stays as it was if the new one cannot be had. */
    copy = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE,
                m->fd, 0);
    if (copy == MAP_FAILED) {
        return refuse_errno(o, apr_get_os_error(), "cannot be mapped into memory");
    }
    m->memory = copy;
    rv = open_mapped(o, m, file, size);
    munmap(copy, bytes);
    return rv;
}

apr_status_t playcount_file_open(playcount_file *file, const char *path,
                                 const playcount_zone_size *size, apr_pool_t *pool,
                                 const char **why)
{
    opening o = {path, pool, why};
    mapping m = {0};
    apr_status_t rv = open_locked(&o, &m, path, 0);

    memset(file, 0, sizeof(*file));
    if (APR_STATUS_IS_ENOENT(rv)) {
        file->created = 1;
        apr_pool_destroy(m.pool);
        rv = make_first(&o, &m, size);
    }
    else if (APR_STATUS_IS_EAGAIN(rv)) {
        return refuse(&o, rv, "is in use by another server or another zone");
    }
    else if (rv != APR_SUCCESS) {
        return refuse_errno(&o, rv, "cannot be opened for reading and writing");
    }
    else if (!is_still_there(&m, path)) {
        rv = refuse(&o, APR_EBUSY, "was just replaced by another server");
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
    return APR_SUCCESS;
}

/* --- syncing --- */

void playcount_zone_set_in_file(playcount_zone *z)
{
    z->in_file = 1;
}

apr_status_t playcount_zone_sync(playcount_zone *z)
{
    uint64_t state = zone_state(z);

    if (!z->in_file) {
        return APR_SUCCESS;
    }
    if (msync(z->head, z->head->at.end, MS_SYNC) != 0) {
        return apr_get_os_error();
    }
    /* Goes to the disk with the next sync: then these songs must be there. */
    atomic_store_explicit(&z->head->synced, state, memory_order_release);
    return APR_SUCCESS;
}

apr_status_t playcount_zone_sync_header(playcount_zone *z)
{
    if (!z->in_file) {
        return APR_SUCCESS;
    }
    return msync(z->head, ZONE_PAGE, MS_SYNC) == 0 ? APR_SUCCESS
                                                   : apr_get_os_error();
}

/* The tables' memory, or the file that is mapped: made once in the life of the
 * server, found again at each graceful restart.
 *
 * The file has its full size from the beginning, as a hole on a full disk would be
 * a SIGBUS later, and is locked (flock) for as long as a process that inherited its
 * descriptor lives. It is not synced: killing every process loses nothing; a power
 * loss may take the last half minute, which a replay of the log repairs. */

#include "media/private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apr_strings.h"
#include "ap_mpm.h"
#include "http_log.h"

#include "path/path.h"
#include "server/retained.h"

APLOG_USE_MODULE(playcount);

#define PLAYCOUNT_MARK_BYTES 64 /* behind tables that stand in: a cache line */

#define CANNOT_BE_OPENED                                                           \
    "cannot be opened or made; its directory must exist and be writable"
#define OTHER_FILE                                                                 \
    "was made for other numbers of downloads= and open=, or by another version, "  \
    "or is no table of media. Nothing was changed; give it the numbers it was "    \
    "made "                                                                        \
    "for, or delete it: what was counted stays in the zone, but who was counted "  \
    "today would count again"

/* What is kept over graceful restarts. */
typedef struct {
    playcount_media_shape shape;
    char path[1024]; /* "" without a file */
    void *memory;
    int fd; /* of the file; -1 without one */
    _Atomic uint32_t
        *failed; /* shared by all processes: it cannot be read any more */
} kept_table;

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
                uint64_t bytes, void **memory)
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
        return refuse(s, conf, error,
                      "cannot have its size on this disk; make room or lower "
                      "downloads=");
    }
    *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return *memory == MAP_FAILED ? refuse(s, conf, errno, "cannot be mapped") : 0;
}

static int is_blank(const void *memory)
{
    static const char zeros[4096];

    return !memcmp(memory, zeros, sizeof(zeros));
}

static apr_status_t open_file(server_rec *s, const playcount_media_server *conf,
                              void **memory, int *opened)
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
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        close(fd);
        return refuse(s, conf, errno, "is in use by another server");
    }
    if ((error = fill(s, conf, fd, bytes, memory))) {
        close(fd);
        return error;
    }
    /* A start that was killed while it made the tables leaves no magic word. */
    if (is_blank(*memory)) {
        playcount_media_format(*memory, &conf->shape);
    }
    else if (playcount_media_fits(*memory, &conf->shape)) {
        playcount_media_recover(*memory);
    }
    else {
        munmap(*memory, bytes);
        close(fd);
        return refuse(s, conf, 0, OTHER_FILE);
    }
    *opened = fd;
    return APR_SUCCESS; /* the descriptor stays open, with the lock */
}

static apr_status_t open_memory(server_rec *s, const playcount_media_server *conf,
                                void **memory)
{
    uint64_t bytes = playcount_media_bytes(&conf->shape);
    int fresh;
    apr_status_t rv =
        playcount_retained_memory(s, "media", "table", bytes, memory, &fresh);

    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, rv, s,
                     "PlaycountMediaTable (%s): cannot have %" APR_UINT64_T_FMT
                     " MB of shared memory; lower downloads= or open=",
                     conf->where, bytes / 1000000 + 1);
        return rv;
    }
    playcount_media_format(*memory, &conf->shape);
    return APR_SUCCESS;
}

static apr_status_t open_table(server_rec *s, const playcount_media_server *conf,
                               kept_table **kept)
{
    kept_table table = {.shape = conf->shape, .fd = -1};
    void *mark;
    int fresh;
    apr_status_t rv = playcount_retained_memory(
        s, "media health", "table", sizeof(*table.failed), &mark, &fresh);

    if (rv == APR_SUCCESS) {
        rv = conf->path ? open_file(s, conf, &table.memory, &table.fd)
                        : open_memory(s, conf, &table.memory);
    }
    if (rv == APR_SUCCESS) {
        table.failed = mark;
        apr_cpystrn(table.path, conf->path ? conf->path : "", sizeof(table.path));
        *kept = playcount_retained_create(s, "media", "kept", sizeof(**kept));
        **kept = table;
    }
    return rv;
}

/* Is there a server already, which a refusal would end? */
static int is_up(void)
{
    int generation = 0;

    return ap_mpm_query(AP_MPMQ_GENERATION, &generation) == APR_SUCCESS &&
           generation > 0;
}

typedef struct {
    void *memory;
    apr_size_t bytes;
} mapping;

static apr_status_t unmap(void *data)
{
    mapping *m = data;

    munmap(m->memory, m->bytes);
    return APR_SUCCESS;
}

/* At a graceful restart: empty tables until the next one, with a mark of their own,
 * under which nothing counts. */
static apr_status_t stand_in(server_rec *s, const playcount_media_server *conf,
                             apr_pool_t *p, playcount_media **media)
{
    uint64_t bytes = playcount_media_bytes(&conf->shape);
    mapping *m = apr_palloc(p, sizeof(*m));
    _Atomic uint32_t *mark;

    m->bytes = bytes + PLAYCOUNT_MARK_BYTES;
    m->memory = mmap(NULL, m->bytes, PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (m->memory == MAP_FAILED) {
        return errno;
    }
    apr_pool_cleanup_register(p, m, unmap, apr_pool_cleanup_null);
    mark = (_Atomic uint32_t *)((char *)m->memory + bytes);
    atomic_store(mark, 1);
    playcount_media_format(m->memory, &conf->shape);
    *media = playcount_media_attach(p, m->memory);
    playcount_media_guard(*media, bytes, mark, p);
    ap_log_error(APLOG_MARK, APLOG_ALERT, 0, s,
                 "PlaycountMediaTable (%s): the server goes on without the table; "
                 "no listener counts until a restart can open it",
                 conf->where);
    return APR_SUCCESS;
}

int playcount_media_table_look(server_rec *s, const playcount_media_server *conf,
                               apr_pool_t *p)
{
    uint64_t bytes = playcount_media_bytes(&conf->shape);
    const char *why = NULL;
    playcount_path way;
    int error = playcount_path_find(&way, conf->path);

    error = error ? error : playcount_path_judge(&way);
    playcount_path_close(&way);
    if (error) {
        why = *way.why ? way.why : CANNOT_BE_OPENED;
    }
    else if (way.is_there) {
        why = !S_ISREG(way.st.st_mode) || access(conf->path, R_OK | W_OK) != 0
                  ? CANNOT_BE_OPENED
              : way.st.st_size != 0 && (uint64_t)way.st.st_size != bytes
                  ? OTHER_FILE
                  : NULL;
    }
    else if (access(ap_make_dirstr_parent(p, way.real), W_OK | X_OK) != 0) {
        why = CANNOT_BE_OPENED;
    }
    if (why) {
        refuse(s, conf, 0, why);
    }
    return !why;
}

/* A file that was cut short must not be touched. At a graceful restart, that would
 * end the server: there empty tables take its place, with the mark, under which
 * nothing counts. */
static void look_at_file(server_rec *s, kept_table *kept)
{
    uint64_t bytes = playcount_media_bytes(&kept->shape);
    struct stat st;

    if (kept->fd < 0 || fstat(kept->fd, &st) != 0 ||
        (!atomic_load(kept->failed) && (uint64_t)st.st_size >= bytes)) {
        return;
    }
    atomic_store(kept->failed, 1);
    if (mmap(kept->memory, bytes, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
             0) != MAP_FAILED) {
        playcount_media_format(kept->memory, &kept->shape);
    }
    ap_log_error(
        APLOG_MARK, APLOG_ALERT, 0, s,
        "PlaycountMediaTable: file=%s cannot be read or written. No further "
        "listener counts: see to the file and the disk, then stop the server "
        "and start it",
        kept->path);
}

apr_status_t playcount_media_table_open(server_rec *s,
                                        const playcount_media_server *conf,
                                        apr_pool_t *p, playcount_media **media)
{
    kept_table *kept = playcount_retained_get("media", "kept");
    apr_status_t rv;

    if (!kept) {
        rv = open_table(s, conf, &kept);
        if (rv != APR_SUCCESS) {
            return is_up() ? stand_in(s, conf, p, media) : rv;
        }
    }
    else if (kept->shape.downloads != conf->shape.downloads ||
             kept->shape.open != conf->shape.open ||
             strcmp(kept->path, conf->path ? conf->path : "")) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     "PlaycountMediaTable (%s): the tables go on as they are "
                     "(downloads=%" APR_UINT64_T_FMT " open=%" APR_UINT64_T_FMT
                     "%s%s); to change them, stop the server and start it",
                     conf->where, kept->shape.downloads, kept->shape.open,
                     *kept->path ? " file=" : "", kept->path);
    }
    look_at_file(s, kept);
    *media = playcount_media_attach(p, kept->memory);
    if (kept->fd >= 0) {
        playcount_media_guard(*media, playcount_media_bytes(&kept->shape),
                              kept->failed, p);
    }
    return APR_SUCCESS;
}

/* The tables' memory, or the file that is mapped: made once in the life of the
 * server, found again at each graceful restart. */

#include "media/table.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "apr_strings.h"
#include "http_log.h"

#include "server/retained.h"
#include "server/start.h"

APLOG_USE_MODULE(playcount);

#define PLAYCOUNT_MARK_BYTES 64 /* behind tables that stand in: a cache line */

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
                               playcount_kept_table **kept)
{
    playcount_kept_table table = {.shape = conf->shape, .fd = -1};
    void *health;
    int fresh;
    apr_status_t rv = playcount_retained_memory(
        s, "media health", "table", sizeof(*table.health), &health, &fresh);

    if (rv == APR_SUCCESS) {
        rv = conf->path ? playcount_table_open_file(s, conf, &table)
                        : open_memory(s, conf, &table.memory);
    }
    if (rv == APR_SUCCESS) {
        table.health = health;
        apr_cpystrn(table.path, conf->path ? conf->path : "", sizeof(table.path));
        *kept = playcount_retained_create(s, "media", "kept", sizeof(**kept));
        **kept = table;
    }
    return rv;
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

/* A file that was cut short must not be touched. At a graceful restart, that would
 * end the server: there empty tables take its place, with the mark, under which
 * nothing counts. */
static void look_at_file(server_rec *s, playcount_kept_table *kept)
{
    uint64_t bytes = playcount_media_bytes(&kept->shape);
    struct stat st;

    if (kept->fd < 0 || fstat(kept->fd, &st) != 0 ||
        (!atomic_load(&kept->health->failed) && (uint64_t)st.st_size >= bytes)) {
        return;
    }
    atomic_store(&kept->health->failed, 1);
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

apr_status_t playcount_media_table_take(server_rec *s,
                                        const playcount_media_server *conf)
{
    playcount_kept_table *kept = playcount_retained_get("media", "kept");

    return kept ? APR_SUCCESS : open_table(s, conf, &kept);
}

apr_status_t playcount_media_table_open(server_rec *s,
                                        const playcount_media_server *conf,
                                        apr_pool_t *p, playcount_media **media)
{
    playcount_kept_table *kept = playcount_retained_get("media", "kept");
    apr_status_t rv;

    if (!kept) {
        rv = open_table(s, conf, &kept);
        if (rv != APR_SUCCESS) {
            return playcount_start_is_restart() ? stand_in(s, conf, p, media) : rv;
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
                              &kept->health->failed, p);
        playcount_table_watch_file(s, kept, p);
    }
    return APR_SUCCESS;
}

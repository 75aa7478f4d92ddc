/* The tables' file, moved away, deleted or replaced while the server runs.
 *
 * One child looks once a second whether it is there; it is said in the log and
 * shown in the metrics. What can be done the parent does, which has the rights,
 * about every ten seconds: a file that still has a name somewhere gets its own
 * again. One that was deleted has none; what was in it is written once more when
 * the server stops. What stands under the name is never overwritten. Under httpd -X
 * there is no such parent: there nothing is put back before the stop. */

#include "media/table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "apr_strings.h"
#include "http_log.h"
#include "mpm_common.h"

#include "path/path.h"
#include "server/retained.h"
#include "shm/fault/fault.h"
#include "shm/zone/file.h"
#include "shm/zone/put_back.h"

APLOG_USE_MODULE(playcount);

#define MINUTE apr_time_from_sec(60)

/* Of this configuration; NULL: there is no file. */
static playcount_kept_table *table;

typedef enum { THERE, DELETED, REPLACED } file_place;

static file_place look(void)
{
    int there = playcount_file_is_there(table->path, table->device, table->inode);

    return there > 0 ? THERE : there == 0 ? DELETED : REPLACED;
}

/* --- in the child that looks --- */

static const char *sentence(file_place place)
{
    return place == DELETED
               ? "has been deleted. Counting goes on in the file that was opened; "
                 "if it was moved, the server is about to give it its name again, "
                 "if not, it is written once more when the server stops. kill -9 "
                 "of "
                 "the whole server would take it"
               : "has been replaced by another file. Counting goes on in the file "
                 "that was opened; when the server stops, it is forgotten who was "
                 "counted, and counts again. Move the other one away";
}

void playcount_media_table_look_for_file(server_rec *s)
{
    static apr_time_t said;
    apr_time_t now = apr_time_now();
    file_place place = table ? look() : THERE;

    if (table &&
        atomic_exchange(&table->health->lost, place != THERE) != (place != THERE)) {
        said = 0;
    }
    if (place != THERE && now - said >= MINUTE) {
        said = now;
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, s, "PlaycountMediaTable: file=%s %s",
                     table->path, sentence(place));
    }
}

int playcount_media_table_is_lost(void)
{
    return table && atomic_load(&table->health->lost);
}

/* --- in the parent --- */

static int monitor(apr_pool_t *p, server_rec *s)
{
    if (table && look() == DELETED &&
        playcount_file_link(table->path, table->fd, p) == APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     "PlaycountMediaTable: file=%s was moved away while the server "
                     "runs, and has been given its name again; nothing is lost. To "
                     "move the file, stop the server first",
                     table->path);
    }
    return DECLINED;
}

/* 0, or the errno. */
static int write_all(int fd, const char *bytes, uint64_t n)
{
    while (n) {
        ssize_t written = write(fd, bytes, n);

        if (written < 0 && errno != EINTR) {
            return errno;
        }
        if (written > 0) {
            bytes += written;
            n -= (uint64_t)written;
        }
    }
    return fsync(fd) == 0 ? 0 : errno;
}

/* What the file had, under PATH.new and then, if that is free, under its name. */
static int write_into(const playcount_path *way, const char *name)
{
    int error,
        fd = openat(way->dir, name,
                    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0) {
        return errno;
    }
    error = write_all(fd, table->memory, playcount_media_bytes(&table->shape));
    if (!error && atomic_load(&table->health->failed)) {
        error = EIO;
    }
    if (!error &&
        renameat2(way->dir, name, way->dir, way->name, RENAME_NOREPLACE) != 0) {
        error = errno;
    }
    if (error) {
        unlinkat(way->dir, name, 0);
    }
    close(fd);
    return error;
}

static int write_again(apr_pool_t *p)
{
    playcount_path way;
    int error = playcount_path_find(&way, table->path);

    if (!error) {
        error = write_into(&way, apr_pstrcat(p, way.name, ".new", NULL));
    }
    playcount_path_close(&way);
    return error;
}

/* The children have gone. */
static apr_status_t stop(void *data)
{
    server_rec *s = data;
    int error;

    if (!table || atomic_load(&table->health->failed) || look() != DELETED) {
        return APR_SUCCESS;
    }
    playcount_fault_catch();
    error =
        playcount_file_link(table->path, table->fd, s->process->pool) == APR_SUCCESS
            ? 0
            : write_again(s->process->pool);
    if (error) {
        ap_log_error(
            APLOG_MARK, APLOG_ERR, error, s,
            "PlaycountMediaTable: file=%s was deleted and cannot be written "
            "again: whoever was counted today counts again",
            table->path);
    }
    else {
        ap_log_error(
            APLOG_MARK, APLOG_NOTICE, 0, s,
            "PlaycountMediaTable: file=%s was deleted, and has been written "
            "again",
            table->path);
    }
    return APR_SUCCESS;
}

/* At a restart the code behind it may go. */
static apr_status_t forget(void *data)
{
    server_rec *s = data;

    apr_pool_cleanup_kill(s->process->pool, s, stop);
    table = NULL;
    return APR_SUCCESS;
}

void playcount_table_watch_file(server_rec *s, playcount_kept_table *kept,
                                apr_pool_t *pconf)
{
    table = kept;
    apr_pool_pre_cleanup_register(s->process->pool, s, stop);
    apr_pool_cleanup_register(pconf, s, forget, apr_pool_cleanup_null);
}

void playcount_media_table_register_hooks(void)
{
    ap_hook_monitor(monitor, NULL, NULL, APR_HOOK_MIDDLE);
}

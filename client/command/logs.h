/* Which log files there are to read, and from where.
 *
 * A file that was read is known by its device and inode and by what it holds: the
 * hash of its first bytes and of the bytes before the place up to which it was
 * read. So it is found again under whatever name rotation gave it:
 *
 *     before     access.log (inode 7, read to 5000)
 *     renamed    access.log.1 (inode 7), access.log (inode 8)
 *     copied     access.log.1 (inode 9, the same bytes),
 *                access.log (inode 7, empty)
 *     packed     access.log.1.gz (inode 9, the same bytes when unpacked)
 *
 * Then these are read, in this order: what follows byte 5000 in access.log.1,
 * any file that was rotated in between, access.log.
 *
 * A rotated file of LOG has its name and a number or date after a dot or a dash,
 * and maybe .gz, .xz or .zst.
 */
#ifndef PLAYCOUNT_COMMAND_LOGS_H
#define PLAYCOUNT_COMMAND_LOGS_H

#include "client/command/run.h"

/* The first bytes, and the bytes before the place, that a file is known by; fewer
 * where there were fewer. */
enum { LOGS_SAMPLE = 4096 };

/* A place behind everything the file will ever hold. */
#define LOGS_ALL UINT64_MAX

/* A file that was read. */
typedef struct {
    uint64_t device, inode;
    int64_t mtime;   /* when it was opened last; ns */
    uint64_t offset; /* up to where it was read, in unpacked bytes */
    uint64_t head, head_hash;
    uint64_t tail, tail_hash; /* of the `tail` bytes before `offset` */
} logs_file;

typedef struct {
    logs_file *files; /* the one read last at the end */
    size_t n, room;
} logs_known;

/* A file to read. */
typedef struct {
    char *path;
    int fd;       /* -1: taken */
    size_t known; /* which of the known files it is */
    bool named;   /* on the command line; it may still grow */
} logs_work;

typedef struct {
    logs_work *work; /* in the order to read it; `pending` first */
    size_t n;
    bool lost; /* the file that was read last is not there any more */
} logs_plan;

/* The log that `path` is or was: a rotated file's name without what rotation put
 * there. To be freed; NULL: no memory. */
char *logs_base(const char *path);

/* Put a file behind the known ones; its index, -1: no memory. */
long logs_remember(logs_known *known, const logs_file *file);

/* Find what is to be read for `path`, which is the log itself or one of its rotated
 * files. `pending` is the chunk that was interrupted, in this one of the known
 * files, or NULL. New files are put into `known`. Not EXIT_DONE: the reason was
 * printed.
 */
exit_status logs_find(logs_plan *plan, logs_known *known, const char *path,
                      const run_chunk *pending, size_t pending_in);

/* `path` and, if it is the log itself, all its rotated files that changed at
 * `since` (seconds since 1970) or later, oldest first. Not EXIT_DONE: the reason
 * was printed. */
exit_status logs_all(logs_plan *plan, const char *path, int64_t since);

/* These bytes of the file were read. */
void logs_passed(logs_file *file, const char *text, size_t n, uint64_t offset);

void logs_free(logs_plan *plan);

#endif

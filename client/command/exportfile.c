/* The file of an export. See exportfile.h. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/command/exportfile.h"
#include "client/command/statefile.h"
#include "client/listing.h"

enum { BUFFER = 65536 };

static exit_status cannot(const char *path)
{
    say("%s could not be written: %s", path, statefile_error());
    return EXIT_FILE;
}

static void pass_song(exportplace *place, const char *id, uint64_t count)
{
    place->songs++;
    place->plays = count > PLAYCOUNT_COUNT_MAX - place->plays
                       ? PLAYCOUNT_COUNT_MAX
                       : place->plays + count;
    memcpy(place->last, id, strlen(id) + 1); /* a valid id, so it fits */
}

/* --- the state --- */

static void write_state(FILE *file, const void *context)
{
    const exportfile *f = context;

    fprintf(file,
            "playcount export 1\nservers %s\npart %zu %" PRIu64 "\nmapping %s\n"
            "noted %" PRIu64 " %016" PRIx64 "\n",
            f->servers, f->server, f->part.bytes, *f->mapping ? f->mapping : "-",
            f->noted.bytes, f->noted.hash);
}

static exit_status save_state(const exportfile *f)
{
    return statefile_replace(f->state_path, write_state, f) ? cannot(f->state_path)
                                                            : EXIT_DONE;
}

static exit_status remove_state(const exportfile *f)
{
    return statefile_remove(f->state_path) ? cannot(f->state_path) : EXIT_DONE;
}

static exit_status other_servers(const exportfile *f, const char *servers)
{
    say("%s: the export that was interrupted used other servers (%s); use the "
        "same, "
        "or remove that file to start over",
        f->state_path, servers);
    return EXIT_USAGE;
}

static exit_status read_state(exportfile *f, FILE *file)
{
    char *line = NULL, *value;
    size_t room = 0;
    int good = 0, end = 0;
    exit_status status = EXIT_DONE;

    while (status == EXIT_DONE && getline(&line, &room, file) > 0) {
        end = 0;
        if ((value = statefile_value(line, "playcount export"))) {
            good += strcmp(value, "1") == 0;
        }
        else if ((value = statefile_value(line, "servers"))) {
            good++;
            if (strcmp(value, f->servers) != 0) {
                status = other_servers(f, value);
            }
        }
        else if ((value = statefile_value(line, "part"))) {
            good += sscanf(value, "%zu %" SCNu64 "%n", &f->server, &f->part.bytes,
                           &end) == 2 &&
                    !value[end] && f->server < f->servers_n;
        }
        else if ((value = statefile_value(line, "mapping"))) {
            good += *value && strlen(value) < sizeof(f->mapping);
            snprintf(f->mapping, sizeof(f->mapping), "%s",
                     strcmp(value, "-") == 0 ? "" : value);
        }
        else if ((value = statefile_value(line, "noted"))) {
            good += sscanf(value, "%" SCNu64 " %" SCNx64 "%n", &f->noted.bytes,
                           &f->noted.hash, &end) == 2 &&
                    !value[end] && f->noted.bytes;
        }
    }
    free(line);
    if (status == EXIT_DONE &&
        (good != 5 || ferror(file) || f->part.bytes > f->noted.bytes)) {
        say("%s cannot be read; remove it to start over", f->state_path);
        status = EXIT_FILE;
    }
    return status;
}

/* --- resuming --- */

static int pass_entry(void *context, const char *id, uint64_t count)
{
    pass_song(context, id, count);
    return 0;
}

/* Read on from `now` up to this byte. Not 0: these are not whole entries. */
static int read_up_to(exportfile *f, uint64_t end)
{
    char *piece = malloc(BUFFER);
    playcount_listing listing;
    int failed = !piece;

    playcount_listing_init(&listing, pass_entry, &f->now);
    while (!failed && f->now.bytes < end) {
        uint64_t left = end - f->now.bytes;
        size_t n = fread(piece, 1, left < BUFFER ? (size_t)left : BUFFER, f->file);
        failed =
            n == 0 || playcount_listing_read(&listing, piece, n) != PLAYCOUNT_OK;
        f->now.hash = statefile_hash(f->now.hash, piece, n);
        f->now.bytes += n;
    }
    free(piece);
    return failed || listing.held ||
           playcount_listing_end(&listing) != PLAYCOUNT_OK;
}

/* What an interrupted export has written, as far as it is good. */
static exit_status read_back(exportfile *f)
{
    uint64_t hash = f->noted.hash, part = f->part.bytes, noted = f->noted.bytes;

    f->now = (exportplace){.hash = STATEFILE_HASH};
    int failed = read_up_to(f, part);
    f->now.last[0] = '\0';
    f->part = f->now;
    failed = failed || read_up_to(f, noted) || f->now.hash != hash;
    f->noted = f->now;
    if (failed) {
        say("%s is not what the export has written that was interrupted; remove it "
            "to start over",
            f->path);
        return EXIT_FILE;
    }
    f->kept = noted;
    return EXIT_DONE;
}

/* The file's own end is where it is good. */
static exit_status cut(exportfile *f)
{
    /* What stdio still holds would be written behind. */
    if (fflush(f->file) != 0 ||
        ftruncate(fileno(f->file), (off_t)f->now.bytes) != 0 ||
        fseeko(f->file, (off_t)f->now.bytes, SEEK_SET) != 0) {
        return cannot(f->path);
    }
    return EXIT_DONE;
}

static exit_status begin(exportfile *f)
{
    f->server = 0;
    f->mapping[0] = '\0';
    f->part = f->noted = f->now = (exportplace){.hash = STATEFILE_HASH};
    exit_status status = remove_state(f);
    return status == EXIT_DONE ? cut(f) : status;
}

static exit_status begin_or_resume(exportfile *f)
{
    struct stat st;
    FILE *state = NULL;

    if (fstat(fileno(f->file), &st) != 0) {
        return cannot(f->path);
    }
    if (st.st_size == 0) {
        return begin(f);
    }
    state = statefile_read(f->state_path);
    if (!state && errno == ENOENT) {
        return begin(f);
    }
    if (!state) {
        say("%s: %s", f->state_path, statefile_error());
        return EXIT_FILE;
    }
    exit_status status = read_state(f, state);
    fclose(state);
    if (status == EXIT_DONE) {
        status = read_back(f);
    }
    return status == EXIT_DONE ? cut(f) : status;
}

/* Whether this is still the file of that name: the export that had the lock may
 * have finished. */
static bool is_there(int fd, const char *path)
{
    struct stat ours, there;
    return fstat(fd, &ours) == 0 && stat(path, &there) == 0 &&
           ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

static exit_status open_locked(exportfile *f)
{
    int fd;

    for (;;) {
        fd = statefile_open(f->path, O_RDWR | O_CREAT);
        if (fd < 0 || statefile_check(fd)) {
            say("%s: %s", f->path, statefile_error());
            if (fd >= 0) {
                close(fd);
            }
            return EXIT_FILE;
        }
        if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
            say("%s: another export to this file is in progress", f->path);
            close(fd);
            return EXIT_FILE;
        }
        if (is_there(fd, f->path)) {
            break;
        }
        close(fd);
    }
    f->file = fdopen(fd, "r+");
    if (!f->file) {
        close(fd);
        return cannot(f->path);
    }
    setvbuf(f->file, f->buffer, _IOFBF, BUFFER);
    return EXIT_DONE;
}

exit_status exportfile_open(exportfile *f, const playcount_client *client,
                            const char *target)
{
    memset(f, 0, sizeof(*f));
    f->target = target;
    f->servers_n = playcount_servers(client);
    f->path = statefile_name(target, "export");
    f->state_path = statefile_name(target, "export-state");
    f->servers = statefile_servers(client);
    f->buffer = malloc(BUFFER);
    if (!f->path || !f->state_path || !f->servers || !f->buffer) {
        say("no memory");
        return EXIT_FILE;
    }
    exit_status status = open_locked(f);
    if (status == EXIT_DONE && (status = begin_or_resume(f)) != EXIT_DONE) {
        fclose(f->file);
        f->file = NULL;
    }
    return status;
}

/* --- writing --- */

int exportfile_add(exportfile *f, const char *id, uint64_t count)
{
    char line[PLAYCOUNT_ENTRY_BYTES + 2];
    size_t n = playcount_id_to_text(id, line);

    n += (size_t)snprintf(line + n, sizeof(line) - n, "=%" PRIu64 "\n", count);
    f->now.bytes += n;
    f->now.hash = statefile_hash(f->now.hash, line, n);
    pass_song(&f->now, id, count);
    return fwrite(line, 1, n, f->file) != n;
}

exit_status exportfile_note(exportfile *f)
{
    exportplace before = f->noted;

    if (fflush(f->file) != 0 || fdatasync(fileno(f->file)) != 0) {
        return cannot(f->path);
    }
    f->noted = f->now;
    exit_status status = save_state(f);
    if (status != EXIT_DONE) {
        f->noted = before;
    }
    return status;
}

exit_status exportfile_rewind(exportfile *f)
{
    f->now = f->noted;
    return cut(f);
}

/* The state first: what it says is good must be there whenever the process is
 * killed. */
exit_status exportfile_restart_part(exportfile *f)
{
    f->mapping[0] = '\0';
    f->noted = f->part;
    f->kept = f->kept < f->part.bytes ? f->kept : f->part.bytes;
    exit_status status = f->part.bytes ? save_state(f) : remove_state(f);
    return status == EXIT_DONE ? exportfile_rewind(f) : status;
}

void exportfile_next_part(exportfile *f)
{
    f->server++;
    f->mapping[0] = '\0';
    f->noted.last[0] = f->now.last[0] = '\0';
    f->part = f->now;
}

exit_status exportfile_finish(exportfile *f)
{
    if (fflush(f->file) != 0 || fsync(fileno(f->file)) != 0 ||
        statefile_rename(f->path, f->target) != 0 ||
        statefile_sync_directory(f->target)) {
        return cannot(f->target);
    }
    fclose(f->file);
    f->file = NULL;
    return remove_state(f);
}

void exportfile_close(exportfile *f)
{
    if (f->file && f->noted.bytes == 0) {
        statefile_unlink(f->path);
    }
    if (f->file) {
        fclose(f->file);
    }
    free(f->buffer);
    free(f->path);
    free(f->state_path);
    free(f->servers);
}

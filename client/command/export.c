/* export: write all counts into a file. The listing is written to
 * FILE.playcount-export first and takes the name FILE when it is whole and on the
 * disk, so FILE is always one whole listing. A listing that breaks off is begun
 * anew. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "client/command/command.h"
#include "client/command/progress.h"

typedef struct {
    FILE *file;
    uint64_t songs, plays, bytes;
} exporting;

static int write_entry(void *context, int server, const char *id, uint64_t count)
{
    exporting *e = context;

    (void)server;
    put_entry(e->file, id, count);
    putc('\n', e->file);
    e->songs++;
    e->plays = count > PLAYCOUNT_COUNT_MAX - e->plays ? PLAYCOUNT_COUNT_MAX
                                                      : e->plays + count;
    if (e->songs % 1024 == 0) {
        progress_at(e->songs, e->songs);
    }
    return ferror(e->file) || interrupted;
}

/* One attempt. */
static exit_status try_list(const arguments *a, exporting *e,
                            playcount_error *error)
{
    e->songs = e->plays = 0;
    playcount_list_until(a->client, write_entry, e, NULL, error, is_interrupted,
                         NULL);
    if (interrupted) {
        say("interrupted; nothing was exported");
        return EXIT_INTERRUPTED;
    }
    if (ferror(e->file)) {
        say("%s could not be written: %s", a->words[0], strerror(errno));
        return EXIT_FILE;
    }
    if (error->status == PLAYCOUNT_OK) {
        return EXIT_DONE;
    }
    /* Part of the servers is no export: what their error is called alone. */
    if (error->status == PLAYCOUNT_E_PARTLY) {
        error->status =
            error->http_status >= 400 ? PLAYCOUNT_E_REFUSED : PLAYCOUNT_E_CUT;
    }
    return exit_of(error);
}

/* From the beginning, until it is whole or has failed too often. */
static exit_status list_whole(const arguments *a, exporting *e)
{
    for (int attempt = 0;; attempt++) {
        playcount_error error;
        exit_status status = try_list(a, e, &error);
        if (status == EXIT_DONE || status == EXIT_INTERRUPTED ||
            status == EXIT_FILE) {
            return status;
        }
        if (status != EXIT_UNREACHED || attempt >= a->conf->options.retries ||
            fflush(e->file) != 0 || ftruncate(fileno(e->file), 0) != 0) {
            return say_error(&error);
        }
        rewind(e->file);
    }
}

static exit_status summary(const arguments *a, const exporting *e)
{
    if (a->json) {
        printf("{\"songs\":%" PRIu64 ",\"plays\":%" PRIu64 "}\n", e->songs,
               e->plays);
    }
    else if (!a->quiet) {
        printf("%" PRIu64 " plays of %" PRIu64 " songs were written\n", e->plays,
               e->songs);
    }
    return finish_output(EXIT_DONE);
}

/* To the standard output, which cannot be taken back: no second attempt, no
 * summary. */
static exit_status export_stdout(const arguments *a)
{
    exporting e = {.file = stdout};
    playcount_error error;
    exit_status status = try_list(a, &e, &error);

    progress_clear();
    if (status != EXIT_DONE && status != EXIT_INTERRUPTED && status != EXIT_FILE) {
        say("%s; the listing is not whole", error.sentence);
    }
    return finish_output(status);
}

/* The temporary file, ours alone. */
static FILE *open_temporary(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) {
        say("%s: %s", path, strerror(errno));
        return NULL;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        say("%s: another export is under way", path);
        close(fd);
        return NULL;
    }
    FILE *file = ftruncate(fd, 0) == 0 ? fdopen(fd, "w") : NULL;
    if (!file) {
        say("%s: %s", path, strerror(errno));
        close(fd);
    }
    return file;
}

static exit_status export_file(const arguments *a, const char *path,
                               const char *temporary)
{
    exporting e = {.file = open_temporary(temporary)};

    if (!e.file) {
        return EXIT_FILE;
    }
    exit_status status = list_whole(a, &e);
    progress_clear();
    if (status == EXIT_DONE && (fflush(e.file) != 0 || fsync(fileno(e.file)) != 0 ||
                                rename(temporary, path) != 0)) {
        say("%s could not be written: %s", path, strerror(errno));
        status = EXIT_FILE;
    }
    if (status != EXIT_DONE) {
        unlink(temporary);
    }
    fclose(e.file);
    return status == EXIT_DONE ? summary(a, &e) : status;
}

exit_status command_export(const arguments *a)
{
    const char *path = a->words[0];

    catch_signals();
    progress_begin("songs", 0, a->quiet);
    if (strcmp(path, "-") == 0) {
        return export_stdout(a);
    }
    size_t room = strlen(path) + 20;
    char *temporary = malloc(room);
    if (!temporary) {
        say("no memory");
        return EXIT_FILE;
    }
    snprintf(temporary, room, "%s.playcount-export", path);
    exit_status status = export_file(a, path, temporary);
    free(temporary);
    return status;
}

/* export: write all counts into a file, page by page; an export that was
 * interrupted is resumed (exportfile.h). FILE is always one whole listing. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "client/command/command.h"
#include "client/command/exportfile.h"
#include "client/command/progress.h"

/* Songs in a page; that many at most are asked for again when a page breaks off. */
enum { PAGE_SONGS = 32768 };

/* How often one server's part starts over before it is given up. */
enum { RESTARTS_MAX = 10 };

typedef struct {
    const arguments *a;
    exportfile file;
    int failed; /* errno: the file could not be written */
    /* Of this server: */
    int attempts; /* failed ones since the last whole page */
    int restarts;
} exporting;

static int write_entry(void *context, int server, const char *id, uint64_t count)
{
    exporting *e = context;

    (void)server;
    if (exportfile_add(&e->file, id, count)) {
        e->failed = errno ? errno : EIO;
    }
    if (e->file.now.songs % 1024 == 0) {
        progress_at(e->file.now.bytes, e->file.now.songs);
    }
    return e->failed || interrupted;
}

static int pass_by(void *context, int server, const char *id, uint64_t count)
{
    (void)context, (void)server, (void)id, (void)count;
    return interrupted;
}

static exit_status start_over(exporting *e)
{
    const char *name = playcount_server_name(e->a->client, e->file.server);

    if (++e->restarts > RESTARTS_MAX) {
        say("%s: each part of its listing is of another mapping; is it several "
            "servers behind one address?",
            name);
        return EXIT_NONSENSE;
    }
    say("%s: was cleared or restarted in the meantime, so its listing starts over",
        name);
    return exportfile_restart_part(&e->file);
}

/* What has become of a page; EXIT_DONE: *whole says whether it is there as a whole,
 * otherwise it must be requested again. */
static exit_status judge(exporting *e, const playcount_page *page,
                         playcount_error *error, bool *whole)
{
    exportfile *f = &e->file;

    *whole = false;
    if (interrupted) {
        return EXIT_INTERRUPTED;
    }
    if (e->failed) {
        say("%s could not be written: %s", f->path, strerror(e->failed));
        return EXIT_FILE;
    }
    if (*page->mapping && *f->mapping && strcmp(page->mapping, f->mapping) != 0) {
        return start_over(e);
    }
    if (error->status != PLAYCOUNT_OK) {
        exit_status status = exit_of(error);
        return status == EXIT_UNREACHED &&
                       e->attempts++ < e->a->conf->options.retries
                   ? exportfile_rewind(f)
                   : say_error(error);
    }
    if (!*page->mapping || f->now.songs - f->noted.songs > PAGE_SONGS) {
        say("%s: %s", playcount_server_name(e->a->client, f->server),
            *page->mapping ? "gave more songs than it was asked for"
                           : "does not say of which mapping its listing is "
                             "(Playcount-Mapping)");
        return EXIT_NONSENSE;
    }
    strcpy(f->mapping, page->mapping);
    e->attempts = 0;
    *whole = true;
    return EXIT_DONE;
}

/* A page that is not full is the last one, of those that there were when the server
 * was asked. But a clear cuts a page short, too, and the page cannot say so: so the
 * mapping is asked for once more after the last page. */
static exit_status export_server(exporting *e)
{
    exportfile *f = &e->file;
    exit_status status = EXIT_DONE;
    bool last = false, whole;

    e->attempts = e->restarts = 0;
    for (;;) {
        playcount_error error;
        playcount_page page = {.server = f->server,
                               .limit = last ? 1 : PAGE_SONGS,
                               .after = *f->now.last ? f->now.last : NULL,
                               .each = last ? pass_by : write_entry,
                               .context = e,
                               .stop = is_interrupted};

        playcount_list_page(e->a->client, &page, &error);
        status = judge(e, &page, &error, &whole);
        if (status != EXIT_DONE || (whole && last)) {
            return status;
        }
        if (!whole) {
            last = last && *f->mapping; /* unless it starts over */
            continue;
        }
        last = f->now.songs - f->noted.songs < PAGE_SONGS;
        if (f->now.bytes > f->noted.bytes) {
            status = exportfile_note(f);
        }
        if (status != EXIT_DONE) {
            return status;
        }
    }
}

static exit_status summary(const arguments *a, const exportfile *f)
{
    if (a->json) {
        printf("{\"songs\":%" PRIu64 ",\"plays\":%" PRIu64 ",\"carried_on\":%s}\n",
               f->now.songs, f->now.plays, f->kept ? "true" : "false");
    }
    else if (!a->quiet) {
        printf("%" PRIu64 " plays of %" PRIu64 " songs were written\n",
               f->now.plays, f->now.songs);
    }
    return finish_output(EXIT_DONE);
}

static exit_status how_to_resume(const exportfile *f, exit_status status)
{
    if (f->noted.bytes) {
        say("%s: the export has stopped after %" PRIu64
            " songs; run the same command again to resume it",
            f->target, f->noted.songs);
    }
    else if (status == EXIT_INTERRUPTED) {
        say("interrupted; nothing was exported");
    }
    return status;
}

static exit_status export_file(const arguments *a, const char *path)
{
    exporting e = {.a = a};
    exportfile *f = &e.file;
    exit_status status = exportfile_open(f, a->client, path);

    if (status == EXIT_DONE) {
        while (status == EXIT_DONE && f->server < f->servers_n) {
            status = export_server(&e);
            if (status == EXIT_DONE) {
                exportfile_next_part(f);
            }
        }
        progress_clear();
        if (status == EXIT_DONE) {
            status = exportfile_finish(f);
        }
        status = status == EXIT_DONE ? summary(a, f) : how_to_resume(f, status);
    }
    exportfile_close(f);
    return status;
}

/* --- to the standard output, which cannot be taken back: one stream, no second
 * attempt, no summary --- */

static int print_entry(void *context, int server, const char *id, uint64_t count)
{
    uint64_t *songs = context;

    (void)server;
    put_entry(stdout, id, count);
    putchar('\n');
    if (++*songs % 1024 == 0) {
        progress_at(*songs, *songs);
    }
    return ferror(stdout) || interrupted;
}

static exit_status export_stdout(const arguments *a)
{
    playcount_error error;
    uint64_t songs = 0;

    playcount_list_until(a->client, print_entry, &songs, NULL, &error,
                         is_interrupted, NULL);
    progress_clear();
    /* Listings of only some servers are not an export: report the error by itself.
     */
    if (error.status == PLAYCOUNT_E_PARTLY) {
        error.status =
            error.http_status >= 400 ? PLAYCOUNT_E_REFUSED : PLAYCOUNT_E_CUT;
    }
    exit_status status = exit_of(&error);
    if (interrupted) {
        say("interrupted");
        return finish_output(EXIT_INTERRUPTED);
    }
    if (status != EXIT_DONE && !ferror(stdout)) {
        say("%s; the listing is not whole", error.sentence);
    }
    return finish_output(status);
}

exit_status command_export(const arguments *a)
{
    catch_signals();
    progress_begin("songs", 0, a->quiet);
    return strcmp(a->words[0], "-") == 0 ? export_stdout(a)
                                         : export_file(a, a->words[0]);
}

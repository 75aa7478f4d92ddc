/* Measuring the files of a log. See mediafile.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/command/mediafile.h"
#include "client/id.h"
#include "client/tally.h"

struct mediafile {
    const char *root; /* NULL: there are no files */
    playcount_measure_rule rule;
    playcount_tally paths;     /* those that were measured */
    playcount_measured *known; /* of each of these; need 0: it is not there */
    size_t room;
    char *path; /* of the present line */
    size_t path_room;
};

exit_status mediafile_new(mediafile **out, const arguments *a)
{
    mediafile *f = calloc(1, sizeof(*f));
    const char *rate = a->bitrate ? a->bitrate : "auto";
    uint64_t kbits = 0;

    *out = f;
    if (!f) {
        say("no memory");
        return EXIT_FILE;
    }
    f->root = a->root;
    f->rule.seconds = (uint32_t)a->media_seconds;
    f->rule.whole = strcmp(rate, "whole") == 0;
    if (!f->rule.whole && strcmp(rate, "auto") != 0 &&
        parse_number(rate, 1, 1000000, &kbits)) {
        return say_usage(
            "--bitrate=%s: it must be auto, whole, or a number of kbit/s", rate);
    }
    f->rule.kbits = (uint32_t)kbits;
    if (!kbits && a->bitrate && !f->root) {
        return say_usage("--bitrate=%s needs the files: --root=DIRECTORY", rate);
    }
    return EXIT_DONE;
}

void mediafile_free(mediafile *f)
{
    if (f) {
        playcount_tally_free(&f->paths);
        free(f->known);
        free(f->path);
        free(f);
    }
}

/* Is there a ".." among the parts of the path? */
static bool leads_up(const char *path)
{
    for (const char *s = strstr(path, ".."); s; s = strstr(s + 1, "..")) {
        if ((s == path || s[-1] == '/') && (s[2] == '/' || !s[2])) {
            return true;
        }
    }
    return false;
}

/* The path of the request's file in f->path. */
static bool find_path(mediafile *f, const accesslog_line *line)
{
    const char *query = memchr(line->target + line->decoded_n, '?',
                               line->target_n - line->decoded_n);
    size_t n = query ? (size_t)(query - line->target) : line->target_n;
    size_t root = strlen(f->root);

    if (f->path_room < root + n + 1) {
        char *more = realloc(f->path, 2 * (root + n) + 64);
        if (!more) {
            return false;
        }
        f->path = more;
        f->path_room = 2 * (root + n) + 64;
    }
    memcpy(f->path, f->root, root);
    char *path = f->path + root;
    if (line->decoded_n) {
        memcpy(path, line->target, n);
        path[n] = '\0';
    }
    else if (playcount_percent_decode(line->target, n, path)) {
        return false;
    }
    return *path == '/' && !leads_up(path);
}

static void measure(const mediafile *f, playcount_measured *out)
{
    int fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;

    *out = (playcount_measured){0};
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        playcount_measure(out, &f->rule, (uint64_t)st.st_size,
                          playcount_measure_pread, &fd);
    }
    if (fd >= 0) {
        close(fd);
    }
}

bool mediafile_measure(mediafile *f, const accesslog_line *line,
                       playcount_measured *out)
{
    if (!f->root) { /* by the bitrate, whatever the size */
        playcount_measure(out, &f->rule, UINT64_MAX / 2, NULL, NULL);
        return true;
    }
    if (!find_path(f, line)) {
        return false;
    }
    if (f->paths.n == f->room) {
        size_t room = 2 * f->room + 64;
        playcount_measured *more = realloc(f->known, room * sizeof(*more));
        if (!more) {
            return false;
        }
        f->known = more;
        f->room = room;
    }
    size_t before = f->paths.n;
    long i = playcount_tally_add(&f->paths, f->path, 0);
    if (i < 0) {
        return false;
    }
    if (f->paths.n > before) {
        measure(f, &f->known[i]);
    }
    *out = f->known[i];
    return out->need != 0;
}

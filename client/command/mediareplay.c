/* replay --media: count the plays that the deliveries in access logs are, by the
 * rules of the module's media/rules. The logs are read whole each time, and what
 * was not sent before is sent (mediastate.h). */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client/command/logs.h"
#include "client/command/mediasend.h"
#include "client/command/progress.h"
#include "client/command/run.h"
#include "client/command/statefile.h"

enum { BUFFER = 1 << 20 };

typedef struct {
    const arguments *a;
    medialine *lines;
    mediatable *table;
    mediastate state;
    uint64_t outcomes[MEDIALINE_OUTCOMES], lines_n;
    uint64_t plays, sent;
    bool resumed;
    const char *cut; /* a file whose last line has no end yet */
} replaying;

static exit_status no_memory(void)
{
    say("no memory");
    return EXIT_FILE;
}

/* --- reading --- */

static exit_status take_line(replaying *r, const char *text, size_t n)
{
    static media_delivery d;
    media_outcome outcome = medialine_read(r->lines, text, n, &d);

    r->lines_n++;
    r->outcomes[outcome]++;
    return outcome == MEDIALINE_ADDS && mediatable_add(r->table, &d) ? no_memory()
                                                                     : EXIT_DONE;
}

/* The complete lines of the buffer; how many bytes they were. */
static exit_status take_lines(replaying *r, const char *text, size_t n,
                              size_t *taken)
{
    exit_status status = EXIT_DONE;
    const char *at = text, *newline;

    while (status == EXIT_DONE &&
           (newline = memchr(at, '\n', n - (size_t)(at - text)))) {
        status = take_line(r, at, (size_t)(newline - at));
        at = newline + 1;
    }
    *taken = (size_t)(at - text);
    return status;
}

typedef struct {
    char *text;
    size_t n, room;
    uint64_t offset;
} reading;

/* More into the buffer, which grows for a long line. */
static exit_status fill(reading *b, source *s, const char *name, bool *at_end)
{
    if (b->room - b->n < BUFFER / 2) {
        char *more = realloc(b->text, 2 * b->room + BUFFER);
        if (!more) {
            return no_memory();
        }
        b->text = more;
        b->room = 2 * b->room + BUFFER;
    }
    ssize_t got = source_read(s, b->text + b->n, b->room - b->n);
    if (got < 0) {
        say("%s: %s", name, source_fault(s));
        return interrupted ? EXIT_INTERRUPTED : EXIT_FILE;
    }
    *at_end = got == 0;
    b->n += (size_t)got;
    return EXIT_DONE;
}

static exit_status read_source(replaying *r, source *s, const char *name,
                               bool grows)
{
    reading b = {0};
    exit_status status = EXIT_DONE;
    bool at_end = false;

    while (status == EXIT_DONE && !at_end) {
        size_t taken = 0;

        status = interrupted ? EXIT_INTERRUPTED : fill(&b, s, name, &at_end);
        if (status == EXIT_DONE) {
            status = take_lines(r, b.text, b.n, &taken);
        }
        if (taken) {
            memmove(b.text, b.text + taken, b.n - taken);
        }
        b.n -= taken;
        b.offset += taken;
        progress_at(b.offset, r->lines_n);
    }
    if (status == EXIT_DONE && b.n) {
        if (grows) {
            r->cut = name;
        }
        else {
            status = take_line(r, b.text, b.n);
        }
    }
    free(b.text);
    return status;
}

static exit_status read_fd(replaying *r, int fd, const char *name, bool grows)
{
    source *s = source_open(fd, name);

    if (!s) {
        return EXIT_FILE;
    }
    progress_begin("lines", 0, r->a->quiet);
    exit_status status = read_source(r, s, name, grows && !source_is_packed(s));
    progress_clear();
    source_close(s);
    return status;
}

/* A log with its rotated files, or one of these. */
static exit_status read_log(replaying *r, const char *path)
{
    int64_t since = (r->state.closed + 1) * PLAYCOUNT_WINDOW_SECONDS;
    logs_plan plan;

    if (strcmp(path, "-") == 0) {
        return read_fd(r, dup(STDIN_FILENO), "the standard input", false);
    }
    exit_status status = logs_all(&plan, path, since);
    for (size_t i = 0; i < plan.n && status == EXIT_DONE; i++) {
        int fd = plan.work[i].fd;

        plan.work[i].fd = -1;
        status = read_fd(r, fd, plan.work[i].path, plan.work[i].named);
        if (r->cut == plan.work[i].path) {
            r->cut = path;
        }
    }
    logs_free(&plan);
    return status;
}

/* --- sending --- */

/* What is to be sent is on the disk before it is, so that it can be resumed; what
 * is resumed stays there as it was, as its time is how old the keys are. */
static exit_status deliver(replaying *r, bool resumes)
{
    uint64_t plays = 0;
    playcount_pack pack;

    for (size_t i = 0; i < r->state.sending.n; i++) {
        plays += r->state.sending.all[i].plays;
    }
    if (plays) {
        exit_status status = mediasend_pack(&pack, &r->state, r->a->client);
        if (status == EXIT_DONE && !resumes) {
            status = mediastate_save(&r->state);
            if (status != EXIT_DONE) {
                playcount_pack_free(&pack);
            }
        }
        status = status == EXIT_DONE ? mediasend(&pack, &r->state, r->a->client)
                                     : status;
        if (status != EXIT_DONE) {
            return status;
        }
    }
    r->sent += plays;
    return mediastate_sent(&r->state, playcount_window_day((int64_t)time(NULL)))
               ? no_memory()
               : EXIT_DONE;
}

/* A run that was interrupted while it sent. */
static exit_status resume(replaying *r)
{
    const char *unsure = r->a->unsure;
    bool old = (int64_t)time(NULL) - r->state.when >= RUN_KEY_SECONDS;

    if (!r->state.sending.n) {
        return EXIT_DONE;
    }
    if (old && !unsure) {
        say("the replay was interrupted long ago, the servers may have forgotten "
            "whether "
            "its last plays are counted; say --if-unsure=again or "
            "--if-unsure=skip");
        return EXIT_USAGE;
    }
    r->resumed = true;
    if (!old || strcmp(unsure, "skip") != 0) {
        return deliver(r, true);
    }
    return mediastate_sent(&r->state, -1) ? no_memory() : EXIT_DONE;
}

/* --- the outcome --- */

static exit_status report(const replaying *r)
{
    const uint64_t *n = r->outcomes;
    uint64_t media = n[MEDIALINE_ADDS] + n[MEDIALINE_REFUSED];

    if (r->a->json) {
        printf("{\"lines\":%" PRIu64 ",\"deliveries\":%" PRIu64
               ",\"refused\":%" PRIu64 ",\"plays\":%" PRIu64 ",\"sent\":%" PRIu64
               ",\"unreadable\":%" PRIu64 ",\"unusable\":%" PRIu64
               ",\"unmeasured\":%" PRIu64 ",\"carried_on\":%s}\n",
               r->lines_n, media, n[MEDIALINE_REFUSED], r->plays, r->sent,
               n[MEDIALINE_UNREADABLE], n[MEDIALINE_UNUSABLE],
               n[MEDIALINE_UNMEASURED], r->resumed ? "true" : "false");
    }
    else if (!r->a->quiet && !r->a->dry_run) {
        printf("%" PRIu64 " plays in %" PRIu64 " deliveries and %" PRIu64
               " lines, %" PRIu64 " were counted now\n",
               r->plays, media, r->lines_n, r->sent);
    }
    if (n[MEDIALINE_UNREADABLE]) {
        say("%" PRIu64 " lines are not in the log format", n[MEDIALINE_UNREADABLE]);
    }
    if (n[MEDIALINE_UNUSABLE]) {
        say("%" PRIu64 " requests have no valid id, address, time or range",
            n[MEDIALINE_UNUSABLE]);
    }
    if (n[MEDIALINE_UNMEASURED]) {
        say("%" PRIu64
            " deliveries are of files of which is not known how much is enough",
            n[MEDIALINE_UNMEASURED]);
    }
    if (r->cut) {
        say("%s: the last line has no end yet; it is read when it has", r->cut);
    }
    if (r->lines_n && n[MEDIALINE_UNREADABLE] == r->lines_n) {
        say("no line could be read; does --format say how the log is written?");
        return finish_output(EXIT_FILE);
    }
    return finish_output(EXIT_DONE);
}

static void print_counts(const media_count *counts, size_t n, bool missing)
{
    for (size_t i = 0; i < n; i++) {
        time_t begin = (time_t)(counts[i].day * PLAYCOUNT_WINDOW_SECONDS);
        uint64_t plays = missing ? counts[i].missing : counts[i].plays;
        struct tm tm;
        char day[16];

        if (plays && gmtime_r(&begin, &tm) &&
            strftime(day, sizeof(day), "%F", &tm)) {
            printf("%s ", day);
            put_entry(stdout, counts[i].song, plays);
            putchar('\n');
        }
    }
}

static exit_status count(replaying *r)
{
    bool missing = r->a->missing;
    size_t n;
    const media_count *counts = mediatable_counts(r->table, &n);

    if (!counts) {
        return no_memory();
    }
    for (size_t i = 0; i < n; i++) {
        r->plays += missing ? counts[i].missing : counts[i].plays;
    }
    if (r->a->dry_run) {
        print_counts(counts, n, missing);
        return report(r);
    }
    if (mediastate_plan(&r->state, counts, n, missing) ||
        playcount_new_key(r->state.id)) {
        return no_memory();
    }
    r->state.when = (int64_t)time(NULL);
    exit_status status = deliver(r, false);
    if (status == EXIT_DONE) {
        status = report(r);
    }
    if (status == EXIT_DONE) {
        r->state.again = false;
        status = mediastate_save(&r->state);
    }
    return status;
}

/* --- the command --- */

static exit_status open_state(replaying *r)
{
    const arguments *a = r->a;
    char *base = NULL, *path = NULL;
    bool stateless = a->dry_run;

    for (int i = 0; i < a->words_n; i++) {
        stateless = stateless || strcmp(a->words[i], "-") == 0;
        if (strcmp(a->words[i], "-") != 0 && access(a->words[i], R_OK) != 0) {
            say("%s: %s", a->words[i],
                strerror(errno)); /* before a state is made */
            return EXIT_FILE;
        }
    }
    if (a->dry_run) {
        r->state = (mediastate){.lock = -1, .closed = -1};
        return EXIT_DONE;
    }
    if (!stateless) {
        base = a->state ? NULL : logs_base(a->words[0]);
        path = a->state ? strdup(a->state)
               : base   ? statefile_name(base, "media")
                        : NULL;
        free(base);
        if (!path) {
            return no_memory();
        }
    }
    exit_status status = mediastate_open(&r->state, a, path, medialine_hash(a));
    free(path);
    return status;
}

exit_status command_replay_media(const arguments *a)
{
    replaying r = {.a = a, .state = {.lock = -1}};
    playcount_window_e window = a->window && strcmp(a->window, "rolling") == 0
                                    ? PLAYCOUNT_WINDOW_ROLLING
                                    : PLAYCOUNT_WINDOW_DAY;

    if (a->status || a->method) {
        return say_usage(
            "--status and --method are not for --media, whose rules say what "
            "counts");
    }
    catch_signals();
    exit_status status = medialine_new(&r.lines, a);
    if (status == EXIT_DONE) {
        r.table = mediatable_new(window);
        status = r.table ? open_state(&r) : no_memory();
    }
    status = status == EXIT_DONE ? resume(&r) : status;
    for (int i = 0; i < a->words_n && status == EXIT_DONE; i++) {
        status = read_log(&r, a->words[i]);
    }
    status = status == EXIT_DONE ? count(&r) : status;
    mediastate_close(&r.state);
    mediatable_free(r.table);
    medialine_free(r.lines);
    return status;
}

/* replay: count the plays that an access log holds, each once however often it is
 * called (replaystate.h) and whatever rotation does to the log (logs.h). */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/command/replayline.h"
#include "client/command/replaystate.h"
#include "client/command/statefile.h"

enum { CHUNK = 4 << 20 };

typedef struct {
    const arguments *a;
    replay_rules *rules;
    replaystate state;
    run_plan plan;
    logs_file *file; /* the known file that is being read; NULL: it is a pipe */
    const char *cut; /* a file whose last line is not complete */
    bool lost;
} replaying;

static exit_status parse(void *context, const char *text, size_t n, uint64_t offset,
                         playcount_pack *pack, uint64_t *things, uint64_t *plays)
{
    replaying *r = context;
    return replay_rules_parse(r->rules, text, n, offset, pack, things, plays);
}

static exit_status note(void *context, const run_chunk *chunk)
{
    replaying *r = context;
    r->state.chunk = *chunk;
    r->state.pending = true;
    return replaystate_save(&r->state);
}

static void passed(void *context, const char *text, size_t n, uint64_t offset)
{
    replaying *r = context;
    if (r->file) {
        logs_passed(r->file, text, n, offset);
    }
}

/* --- the outcome --- */

/* Whether not one line was in the format: it is the wrong one, and nothing of it is
 * remembered. */
static bool all_unreadable(const replaying *r)
{
    return r->plan.things &&
           replay_rules_misses(r->rules).unreadable == r->plan.things;
}

static exit_status report(const replaying *r)
{
    replay_misses misses = replay_rules_misses(r->rules);

    if (r->a->json) {
        printf("{\"lines\":%" PRIu64 ",\"plays\":%" PRIu64
               ",\"unreadable\":%" PRIu64 ",\"unusable\":%" PRIu64
               ",\"carried_on\":%s}\n",
               r->plan.things, r->plan.plays, misses.unreadable, misses.unusable,
               r->plan.resumed ? "true" : "false");
    }
    else if (!r->a->quiet) {
        printf("%" PRIu64 " plays in %" PRIu64 " lines were counted\n",
               r->plan.plays, r->plan.things);
    }
    if (misses.unreadable) {
        say("%" PRIu64 " lines are not in the log format", misses.unreadable);
    }
    if (misses.unusable) {
        say("%" PRIu64 " requests match but have no valid id", misses.unusable);
    }
    if (r->cut) {
        say("%s: the last line has no end yet; it is read when it has", r->cut);
    }
    if (r->lost) {
        say("the file that was read last is not there any more; what was written "
            "to it "
            "since is not counted");
    }
    if (all_unreadable(r)) {
        say("no line could be read; does --format say how the log is written?");
        return finish_output(EXIT_FILE);
    }
    return finish_output(r->lost ? EXIT_PARTLY : EXIT_DONE);
}

/* All is read and said. */
static exit_status finish(replaying *r)
{
    exit_status status = report(r);

    if (all_unreadable(r) || (status != EXIT_DONE && status != EXIT_PARTLY)) {
        return status;
    }
    r->state.pending = false;
    r->state.again = false;
    r->state.counted += r->plan.plays;
    exit_status saved = replaystate_save(&r->state);
    return saved == EXIT_DONE ? status : saved;
}

/* --- files --- */

static exit_status read_source(replaying *r, runner *run, run_input *input,
                               bool resumes)
{
    const run_chunk chunk = r->state.chunk;
    uint64_t from = r->file ? r->file->offset : 0;
    exit_status status = EXIT_DONE;

    input->id = r->state.id;
    if (resumes) {
        status = run_resume(run, input, &chunk);
        from = chunk.end;
    }
    else if (playcount_new_key(r->state.id)) {
        say("no random numbers for a key");
        status = EXIT_FILE;
    }
    return status == EXIT_DONE ? run_rest(run, input, from) : status;
}

static exit_status read_work(replaying *r, runner *run, logs_work *work,
                             bool resumes)
{
    struct stat st;
    run_input input = {.name = work->path};

    if (lseek(work->fd, 0, SEEK_SET) < 0 || fstat(work->fd, &st) != 0) {
        say("%s: %s", work->path, strerror(errno));
        return EXIT_FILE;
    }
    input.source = source_open(work->fd, work->path);
    work->fd = -1;
    if (!input.source) {
        return EXIT_FILE;
    }
    bool packed = source_is_packed(input.source);
    input.size = packed ? 0 : (uint64_t)st.st_size;
    input.grows = work->named && !packed;
    r->file = &r->state.known.files[work->known];
    r->state.pending_file = work->known;
    exit_status status = read_source(r, run, &input, resumes);
    if (status == EXIT_DONE && packed) {
        r->file->offset = LOGS_ALL; /* nothing is added to it */
        r->file->tail = 0;
    }
    if (input.cut) {
        r->cut = r->a->words[0];
    }
    source_close(input.source);
    return status;
}

static exit_status pending_is_gone(const replaying *r)
{
    say("the file in which the replay was interrupted is not there any more; put "
        "it "
        "back, or remove %s to start over, which counts again what has been "
        "counted",
        r->state.path);
    return EXIT_FILE;
}

static exit_status read_files(replaying *r, runner *run, const char *path)
{
    logs_plan plan;
    bool pending = r->state.pending;
    exit_status status =
        logs_find(&plan, &r->state.known, path, pending ? &r->state.chunk : NULL,
                  r->state.pending_file);

    if (status == EXIT_DONE && pending &&
        (!plan.n || plan.work[0].known != r->state.pending_file)) {
        status = pending_is_gone(r);
    }
    for (size_t i = 0; i < plan.n && status == EXIT_DONE; i++) {
        status = read_work(r, run, &plan.work[i], pending && i == 0);
    }
    r->lost = plan.lost;
    logs_free(&plan);
    return status == EXIT_DONE ? finish(r) : status;
}

/* What cannot be read again is read once, and nothing is remembered of it. */
static exit_status read_pipe(replaying *r, runner *run, int fd, const char *name)
{
    run_input input = {.name = name, .source = source_open(fd, name)};

    if (!input.source) {
        return EXIT_FILE;
    }
    r->plan.note = NULL;
    exit_status status = read_source(r, run, &input, false);
    source_close(input.source);
    return status == EXIT_DONE ? report(r) : status;
}

/* The state beside the log, whatever name rotation has given the log. */
static char *state_path(const arguments *a, const char *path)
{
    if (a->state) {
        return strdup(a->state);
    }
    char *base = logs_base(path);
    char *name = base ? statefile_name(base, "replay") : NULL;
    free(base);
    return name;
}

static exit_status replay(replaying *r, runner *run)
{
    const char *path = r->a->words[0];
    struct stat st;

    if (strcmp(path, "-") == 0) {
        return read_pipe(r, run, STDIN_FILENO, path);
    }
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd >= 0) {
            return read_pipe(r, run, fd, path);
        }
    }
    if (access(path, R_OK) != 0) { /* before a state is made */
        say("%s: %s", path, strerror(errno));
        return EXIT_FILE;
    }
    char *state = state_path(r->a, path);
    exit_status status = EXIT_FILE;
    if (!state) {
        say("no memory");
    }
    else {
        status = replaystate_open(&r->state, r->a, state, replay_rules_hash(r->a));
    }
    free(state);
    return status == EXIT_DONE ? read_files(r, run, path) : status;
}

exit_status command_replay(const arguments *a)
{
    replaying r = {.a = a,
                   .state = {.lock = -1},
                   .plan = {.a = a,
                            .kind = "replay",
                            .noun = "lines",
                            .separators = "\n",
                            .chunk = CHUNK,
                            .parse = parse,
                            .note = note,
                            .passed = passed}};

    if (a->media) {
        return command_replay_media(a);
    }
    if (a->words_n > 1) {
        return say_usage("replay: what is '%s'?", a->words[1]);
    }
    if (a->missing || a->dry_run || a->window || a->root || a->bitrate ||
        a->lists_n) {
        return say_usage(
            "--missing, --dry-run, --window, --root, --bitrate and lists are "
            "for --media");
    }
    r.plan.context = &r;
    exit_status status = replay_rules_new(&r.rules, a);
    runner *run = status == EXIT_DONE ? run_begin(&r.plan) : NULL;
    if (run) {
        status = replay(&r, run);
    }
    else if (status == EXIT_DONE) {
        status = EXIT_FILE;
    }
    run_end(run);
    replaystate_close(&r.state);
    replay_rules_free(r.rules);
    return status;
}

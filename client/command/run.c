/* A run: a file is sent chunk by chunk. See run.h. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "client/command/progress.h"
#include "client/command/runstate.h"
#include "client/command/statefile.h"

typedef struct {
    run_plan *plan;
    runstate state;
    const char *name; /* of the input */
    int input;
    uint64_t size; /* of a file; 0: unknown */
    playcount_pack pack;
    char *text; /* the chunk, and behind it what was read too much */
    size_t n;   /* bytes in text */
    bool at_end;
    uint64_t offset; /* of text[0] in the input */
} running;

/* Fill the buffer up to this many bytes, or the end of the input. */
static exit_status fill(running *r, size_t want)
{
    while (r->n < want && !r->at_end) {
        ssize_t n = read(r->input, r->text + r->n, want - r->n);
        if (n < 0 && errno == EINTR && !interrupted) {
            continue;
        }
        if (n < 0) {
            say("%s: %s", r->name, interrupted ? "interrupted" : strerror(errno));
            return interrupted ? EXIT_INTERRUPTED : EXIT_FILE;
        }
        r->at_end = n == 0;
        r->n += (size_t)n;
    }
    return EXIT_DONE;
}

/* The next chunk: its length in *n, 0 at the end. */
static exit_status next_chunk(running *r, size_t *n)
{
    exit_status status = fill(r, r->plan->chunk);
    *n = r->n;
    if (status != EXIT_DONE || r->at_end) {
        return status;
    }
    while (*n && !strchr(r->plan->separators, r->text[*n - 1])) {
        --*n;
    }
    if (!*n) {
        *n = r->n; /* the parser says what is wrong */
    }
    return EXIT_DONE;
}

/* The chunk that an interrupted run was about to send. */
static exit_status same_chunk(running *r, size_t *n)
{
    runstate *s = &r->state;

    *n = (size_t)(s->end - s->begin);
    if (*n > r->plan->chunk) {
        say("%s is damaged; remove it to start over, which counts again what has "
            "been counted",
            s->path);
        return EXIT_FILE;
    }
    if (lseek(r->input, (off_t)s->begin, SEEK_SET) < 0) {
        say("%s: %s", r->name, strerror(errno));
        return EXIT_FILE;
    }
    r->offset = s->begin;
    exit_status status = fill(r, *n);
    if (status == EXIT_DONE &&
        (r->n < *n || statefile_hash(STATEFILE_HASH, r->text, *n) != s->hash)) {
        say("%s has changed since its %s was interrupted at byte %" PRIu64
            "; put the old one back, or remove %s to start over, which counts "
            "again what has been counted",
            r->name, s->kind, s->begin, s->path);
        status = EXIT_FILE;
    }
    return status;
}

/* The chunk's batches under the keys of this run. */
static exit_status pack_chunk(running *r, size_t n, uint64_t *things,
                              uint64_t *plays)
{
    r->plan->last = r->at_end && n == r->n;
    exit_status status = r->plan->parse(r->plan->context, r->text, n, r->offset,
                                        &r->pack, things, plays);
    if (status != EXIT_DONE) {
        return status;
    }
    if (playcount_pack_seal(&r->pack)) {
        say("no memory for a batch");
        return EXIT_FILE;
    }
    for (size_t i = 0; i < r->pack.n; i++) {
        snprintf(r->pack.batches[i].key, sizeof(r->pack.batches[i].key),
                 "%.32s-%" PRIu64 "-%zu", r->state.id, r->offset, i);
    }
    return EXIT_DONE;
}

static exit_status how_to_resume(const running *r, exit_status status)
{
    if (r->state.path) {
        say("%s: the %s has stopped at byte %" PRIu64
            "; run the same command again to resume it",
            r->name, r->plan->kind, r->offset);
    }
    else {
        say("the %s has stopped; %" PRIu64
            " plays from the standard input were definitely counted",
            r->plan->kind, r->plan->plays);
    }
    return status;
}

/* Why the first batch of the chunk that failed did. */
static exit_status say_first(const playcount_error *errors, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (errors[i].status != PLAYCOUNT_OK) {
            return say_error(&errors[i]);
        }
    }
    return EXIT_DONE;
}

static exit_status send_chunk(running *r)
{
    playcount_error error, *errors = calloc(r->pack.n + 1, sizeof(*errors));

    if (!errors) {
        say("no memory for a batch");
        return EXIT_FILE;
    }
    playcount_send_until(r->plan->a->client, r->pack.batches, r->pack.n, errors,
                         &error, is_interrupted, NULL);
    exit_status status = EXIT_DONE;
    if (error.status == PLAYCOUNT_E_MEMORY) {
        status = say_error(&error); /* nothing was sent */
    }
    else if (error.status != PLAYCOUNT_OK) {
        status = say_first(errors, r->pack.n);
        status = how_to_resume(r, interrupted ? EXIT_INTERRUPTED : status);
    }
    free(errors);
    return status;
}

/* Note the chunk, then send it. */
static exit_status do_chunk(running *r, size_t n)
{
    uint64_t things = 0, plays = 0;
    exit_status status = pack_chunk(r, n, &things, &plays);

    if (status == EXIT_DONE && r->pack.n) {
        r->state.begin = r->offset;
        r->state.end = r->offset + n;
        r->state.hash = statefile_hash(STATEFILE_HASH, r->text, n);
        r->state.when = (int64_t)time(NULL);
        r->state.things = r->plan->things;
        r->state.plays = r->plan->plays;
        status = runstate_save(&r->state);
        if (status == EXIT_DONE) {
            status = send_chunk(r);
        }
    }
    if (status == EXIT_DONE) {
        r->plan->things += things;
        r->plan->plays += plays;
    }
    playcount_pack_clear(&r->pack);
    return status;
}

/* Behind the chunk. */
static void advance(running *r, size_t n)
{
    memmove(r->text, r->text + n, r->n - n);
    r->n -= n;
    r->offset += n;
    progress_at(r->offset, r->plan->things);
}

/* Whether the chunk in doubt may be sent again, or must not be. */
static exit_status decide(const running *r, bool *skip)
{
    const char *unsure = r->plan->a->unsure;

    *skip = false;
    if ((int64_t)time(NULL) - r->state.when < RUN_KEY_SECONDS) {
        return EXIT_DONE;
    }
    if (!unsure) {
        say("%s: the %s was interrupted long ago, the server may have forgotten "
            "whether bytes %" PRIu64 " to %" PRIu64
            " are counted; say --if-unsure=again or "
            "--if-unsure=skip",
            r->name, r->plan->kind, r->state.begin, r->state.end);
        return EXIT_USAGE;
    }
    *skip = strcmp(unsure, "skip") == 0;
    return EXIT_DONE;
}

static exit_status resume(running *r)
{
    bool skip;
    size_t n;
    int64_t when = r->state.when;
    exit_status status = decide(r, &skip);

    if (status == EXIT_DONE) {
        status = same_chunk(r, &n);
    }
    if (status != EXIT_DONE) {
        return status;
    }
    r->plan->carried_on = true;
    r->plan->things = r->state.things;
    r->plan->plays = r->state.plays;
    if (!skip) {
        uint64_t things = 0, plays = 0;
        status = pack_chunk(r, n, &things, &plays);
        /* Its time stays when it was first sent: that is how old its keys are. */
        r->state.when = when;
        if (status == EXIT_DONE) {
            status = send_chunk(r);
        }
        playcount_pack_clear(&r->pack);
        r->plan->things += things;
        r->plan->plays += plays;
    }
    if (status == EXIT_DONE) {
        advance(r, n);
    }
    return status;
}

static exit_status do_all(running *r)
{
    exit_status status = r->state.found ? resume(r) : EXIT_DONE;

    while (status == EXIT_DONE) {
        size_t n;
        if (interrupted) {
            return how_to_resume(r, EXIT_INTERRUPTED);
        }
        status = next_chunk(r, &n);
        if (status != EXIT_DONE || n == 0) {
            break;
        }
        status = do_chunk(r, n);
        if (status == EXIT_DONE) {
            advance(r, n);
        }
    }
    progress_clear();
    if (status == EXIT_DONE) {
        status = r->plan->report(r->plan);
    }
    return status == EXIT_DONE ? runstate_remove(&r->state) : status;
}

static exit_status open_input(running *r)
{
    struct stat st;

    if (strcmp(r->name, "-") == 0) {
        r->input = STDIN_FILENO;
        return runstate_open(&r->state, r->plan, NULL);
    }
    r->input = open(r->name, O_RDONLY | O_CLOEXEC);
    if (r->input < 0 || fstat(r->input, &st) != 0) {
        say("%s: %s", r->name, strerror(errno));
        return EXIT_FILE;
    }
    if (!S_ISREG(st.st_mode)) {
        /* What cannot be read again cannot be resumed. */
        return runstate_open(&r->state, r->plan, NULL);
    }
    if (flock(r->input, LOCK_EX | LOCK_NB) != 0) {
        say("%s: another run of this file is in progress", r->name);
        return EXIT_FILE;
    }
    r->size = (uint64_t)st.st_size;
    return runstate_open(&r->state, r->plan, r->name);
}

exit_status run_file(run_plan *plan)
{
    running r = {.plan = plan, .name = plan->a->words[0], .input = -1};

    catch_signals();
    int failed = playcount_pack_init(&r.pack, plan->a->client);
    r.text = malloc(plan->chunk);
    if (failed || !r.text) {
        say("no memory");
        failed = 1;
    }
    exit_status status = failed ? EXIT_FILE : open_input(&r);
    if (status == EXIT_DONE) {
        progress_begin(plan->noun, r.size, plan->a->quiet);
        status = do_all(&r);
    }
    if (r.input > STDIN_FILENO) {
        close(r.input);
    }
    runstate_free(&r.state);
    playcount_pack_free(&r.pack);
    free(r.text);
    return status;
}

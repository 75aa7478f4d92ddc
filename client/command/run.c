/* A run: a file is sent chunk by chunk. See run.h. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/command/progress.h"
#include "client/command/run.h"
#include "client/command/statefile.h"

struct runner {
    run_plan *plan;
    const run_input *input;
    playcount_pack pack;
    char *text; /* the chunk, then what was read beyond it */
    size_t n;   /* bytes in text */
    bool at_end;
    uint64_t offset; /* of text[0] in the input */
};

/* Fill the buffer up to this many bytes, or the end of the input. */
static exit_status fill(runner *r, size_t want)
{
    while (r->n < want && !r->at_end) {
        ssize_t n = source_read(r->input->source, r->text + r->n, want - r->n);
        if (n < 0) {
            say("%s: %s", r->input->name, source_fault(r->input->source));
            return interrupted ? EXIT_INTERRUPTED : EXIT_FILE;
        }
        r->at_end = n == 0;
        r->n += (size_t)n;
    }
    return EXIT_DONE;
}

/* The length of the text up to its last separator. */
static size_t up_to_separator(const runner *r)
{
    size_t n = r->n;
    while (n && !strchr(r->plan->separators, r->text[n - 1])) {
        n--;
    }
    return n;
}

/* The next chunk: its length in *n, 0 at the end. */
static exit_status next_chunk(runner *r, size_t *n)
{
    exit_status status = fill(r, r->plan->chunk);
    *n = r->n;
    if (status == EXIT_DONE && (!r->at_end || r->input->grows)) {
        *n = up_to_separator(r);
    }
    if (status == EXIT_DONE && !*n && !r->at_end) {
        *n = r->n; /* the parser says what is wrong */
    }
    return status;
}

/* The chunk that an interrupted run was about to send. */
static exit_status same_chunk(runner *r, const run_chunk *chunk)
{
    size_t n = (size_t)(chunk->end - chunk->begin);
    exit_status status = fill(r, n);

    if (status == EXIT_DONE &&
        (r->n < n || statefile_hash(STATEFILE_HASH, r->text, n) != chunk->hash)) {
        say("%s has changed since its %s was interrupted at byte %" PRIu64
            "; put the old one back, or remove its state file to start over, which "
            "counts again what has been counted",
            r->input->name, r->plan->kind, chunk->begin);
        status = EXIT_FILE;
    }
    return status;
}

/* The chunk's batches under the keys of this run. */
static exit_status pack_chunk(runner *r, size_t n, uint64_t *things,
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
                 "%.32s-%" PRIu64 "-%zu", r->input->id, r->offset, i);
    }
    return EXIT_DONE;
}

static exit_status how_to_resume(const runner *r, exit_status status)
{
    if (r->plan->note) {
        say("%s: the %s has stopped at byte %" PRIu64
            "; run the same command again to resume it",
            r->input->name, r->plan->kind, r->offset);
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

static exit_status send_chunk(runner *r)
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
static exit_status do_chunk(runner *r, size_t n)
{
    uint64_t things = 0, plays = 0;
    exit_status status = pack_chunk(r, n, &things, &plays);

    if (status == EXIT_DONE && r->pack.n) {
        run_chunk chunk = {.begin = r->offset,
                           .end = r->offset + n,
                           .hash = statefile_hash(STATEFILE_HASH, r->text, n),
                           .when = (int64_t)time(NULL),
                           .things = r->plan->things,
                           .plays = r->plan->plays};
        if (r->plan->note) {
            status = r->plan->note(r->plan->context, &chunk);
        }
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
static void advance(runner *r, size_t n)
{
    if (r->plan->passed) {
        r->plan->passed(r->plan->context, r->text, n, r->offset);
    }
    memmove(r->text, r->text + n, r->n - n);
    r->n -= n;
    r->offset += n;
    progress_at(r->offset, r->plan->things);
}

/* Whether the chunk that may have been counted can be sent again. */
static exit_status decide(const runner *r, const run_chunk *chunk, bool *skip)
{
    const char *unsure = r->plan->a->unsure;

    *skip = false;
    if ((int64_t)time(NULL) - chunk->when < RUN_KEY_SECONDS) {
        return EXIT_DONE;
    }
    if (!unsure) {
        say("%s: the %s was interrupted long ago, the server may have forgotten "
            "whether bytes %" PRIu64 " to %" PRIu64
            " are counted; say --if-unsure=again or --if-unsure=skip",
            r->input->name, r->plan->kind, chunk->begin, chunk->end);
        return EXIT_USAGE;
    }
    *skip = strcmp(unsure, "skip") == 0;
    return EXIT_DONE;
}

/* Begin to read an input at this byte. */
static exit_status open_at(runner *r, const run_input *input, uint64_t from)
{
    r->input = input;
    r->n = 0;
    r->at_end = false;
    r->offset = from;
    if (source_skip(input->source, from)) {
        say("%s: %s", input->name, source_fault(input->source));
        return EXIT_FILE;
    }
    progress_begin(r->plan->noun, input->size, r->plan->a->quiet);
    return EXIT_DONE;
}

exit_status run_resume(runner *r, const run_input *input, const run_chunk *chunk)
{
    bool skip = false;
    size_t n = (size_t)(chunk->end - chunk->begin);

    if (n > r->plan->chunk) {
        say("the state file of %s is damaged; remove it to start over, which "
            "counts "
            "again what has been counted",
            input->name);
        return EXIT_FILE;
    }
    exit_status status = open_at(r, input, chunk->begin);
    status = status == EXIT_DONE ? decide(r, chunk, &skip) : status;
    status = status == EXIT_DONE ? same_chunk(r, chunk) : status;
    if (status != EXIT_DONE) {
        return status;
    }
    r->plan->resumed = true;
    r->plan->things = chunk->things;
    r->plan->plays = chunk->plays;
    if (!skip) {
        /* The state stays as it is: its time is how old the keys are. */
        uint64_t things = 0, plays = 0;
        status = pack_chunk(r, n, &things, &plays);
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

exit_status run_rest(runner *r, run_input *input, uint64_t from)
{
    /* After a resumed chunk the buffer has what follows it. */
    bool goes_on = r->input == input && r->offset == from;
    exit_status status = goes_on ? EXIT_DONE : open_at(r, input, from);

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
    input->cut = status == EXIT_DONE && r->n;
    progress_clear();
    return status;
}

runner *run_begin(run_plan *plan)
{
    runner *r = calloc(1, sizeof(*r));

    if (!r) {
        say("no memory");
        return NULL;
    }
    catch_signals();
    r->plan = plan;
    int failed = playcount_pack_init(&r->pack, plan->a->client);
    r->text = malloc(plan->chunk);
    if (failed || !r->text) {
        say("no memory");
        run_end(r);
        return NULL;
    }
    return r;
}

void run_end(runner *r)
{
    if (r) {
        playcount_pack_free(&r->pack);
        free(r->text);
        free(r);
    }
}

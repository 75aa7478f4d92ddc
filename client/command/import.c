/* import: add the counts of a listing.
 *
 * With --delivered they count as handed over: they come from a zone whose consumer
 * has had them. Before the import the zones have nothing to hand over; after it
 * exactly what was imported, which is taken as a batch and acknowledged. A play
 * that somebody else counted meanwhile shows in the sum, and then nothing is
 * acknowledged. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/batch.h"
#include "client/command/runstate.h"
#include "client/listing.h"

typedef struct {
    const char *name;
    runstate state;
    run_plan *plan;
    playcount_pack *pack;
    uint64_t *things, *plays;
    playcount_error error;
} importing;

static int import_entry(void *context, const char *id, uint64_t count)
{
    importing *i = context;

    ++*i->things;
    if (count == 0) {
        return 0;
    }
    *i->plays = count > PLAYCOUNT_COUNT_MAX - *i->plays ? PLAYCOUNT_COUNT_MAX
                                                        : *i->plays + count;
    return playcount_pack_add(i->pack, id, count, NULL, &i->error) < 0;
}

/* Which entry of the chunk is wrong: the last that was read, plus one. */
static exit_status wrong(const importing *i, uint64_t before, uint64_t offset,
                         const char *what)
{
    say("%s: entry %" PRIu64 " of the part from byte %" PRIu64 ": %s", i->name,
        *i->things - before + 1, offset, what);
    return EXIT_FILE;
}

static exit_status parse(void *context, const char *text, size_t n, uint64_t offset,
                         playcount_pack *pack, uint64_t *things, uint64_t *plays)
{
    importing *i = context;
    playcount_listing listing;
    uint64_t before = *things;

    i->pack = pack;
    i->things = things;
    i->plays = plays;
    playcount_listing_init(&listing, import_entry, i);
    if (offset == 0 && n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3; /* a byte order mark */
        n -= 3;
    }
    /* A comma at the end has the next chunk's first entry behind it, or nothing. */
    if (n && (text[n - 1] == '\n' || (text[n - 1] == ',' && !i->plan->last))) {
        n--;
    }
    if (n == 1 && *text == '\r' && i->plan->last && before == 0) {
        n = 0; /* a file of only a newline */
    }
    playcount_status status = playcount_listing_read(&listing, text, n);
    if (status == PLAYCOUNT_OK) {
        status = playcount_listing_end(&listing);
    }
    if (status == PLAYCOUNT_E_STOPPED) {
        say("%s: %s", i->name, i->error.sentence);
        return exit_of(&i->error);
    }
    return status == PLAYCOUNT_OK ? EXIT_DONE
                                  : wrong(i, before, offset, listing.fault);
}

static exit_status report(const run_plan *plan)
{
    if (plan->a->json) {
        printf("{\"songs\":%" PRIu64 ",\"plays\":%" PRIu64 ",\"carried_on\":%s}\n",
               plan->things, plan->plays, plan->resumed ? "true" : "false");
    }
    else if (!plan->a->quiet) {
        printf("%" PRIu64 " plays of %" PRIu64 " songs were added%s\n", plan->plays,
               plan->things, plan->a->delivered ? " and count as handed over" : "");
    }
    return finish_output(EXIT_DONE);
}

static exit_status note(void *context, const run_chunk *chunk)
{
    importing *i = context;
    i->state.chunk = *chunk;
    return runstate_save(&i->state);
}

/* Open and lock the file, and find its state. */
static exit_status open_input(importing *i, run_input *input)
{
    struct stat st = {.st_mode = 0};
    int fd = STDIN_FILENO;

    if (strcmp(i->name, "-") != 0) {
        fd = open(i->name, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) != 0) {
            say("%s: %s", i->name, strerror(errno));
            return EXIT_FILE;
        }
    }
    input->name = i->name;
    input->source = source_open(fd, i->name);
    if (!input->source) {
        return EXIT_FILE;
    }
    if (!S_ISREG(st.st_mode)) {
        /* What cannot be read again cannot be resumed. */
        i->plan->note = NULL;
        return runstate_open(&i->state, i->plan, NULL);
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        say("%s: another run of this file is in progress", i->name);
        return EXIT_FILE;
    }
    input->size = source_is_packed(input->source) ? 0 : (uint64_t)st.st_size;
    return runstate_open(&i->state, i->plan, i->name);
}

/* Nothing that would be taken for ours. */
static exit_status check_delivered(const importing *i)
{
    playcount_client *client = i->plan->a->client;
    playcount_taken taken;
    playcount_error error;

    for (size_t n = 0; n < playcount_servers(client); n++) {
        if (playcount_batch_take(client, n, &taken, &error) != PLAYCOUNT_OK) {
            exit_status status = say_error(&error);
            if (error.http_status == 409) {
                say("start the server without its PlaycountHandoff for the import; "
                    "nothing was added");
            }
            return status;
        }
        if (taken.number[0]) {
            say("%s: its zone has plays that are not handed over (batch %s); "
                "--delivered is for a zone without any; nothing was added",
                playcount_server_name(client, n), taken.number);
            return EXIT_REFUSED;
        }
    }
    return EXIT_DONE;
}

/* The run is over: in a new zone it begins again. */
static exit_status end_mixed(const importing *i, uint64_t plays)
{
    const run_plan *plan = i->plan;

    say("the zones have %" PRIu64 " plays to hand over, and not the %" PRIu64
        " that were imported: others were counted meanwhile. Nothing is marked as "
        "handed over; begin again with a new zone, while nothing is played",
        plays, plan->plays);
    exit_status status = runstate_remove(&i->state);
    return status == EXIT_DONE ? EXIT_REFUSED : status;
}

/* When all is sent: take it, and acknowledge it as its consumer. A run that was
 * interrupted while it did that may have acknowledged some of it. */
static exit_status mark_delivered(const importing *i)
{
    playcount_client *client = i->plan->a->client;
    size_t servers = playcount_servers(client);
    playcount_taken *taken = calloc(servers, sizeof(*taken));
    playcount_error error;
    uint64_t plays = 0;
    exit_status status = taken ? EXIT_DONE : EXIT_FILE;

    for (size_t n = 0; status == EXIT_DONE && n < servers; n++) {
        if (playcount_batch_take(client, n, &taken[n], &error) != PLAYCOUNT_OK) {
            status = say_error(&error);
        }
        plays = taken[n].plays > PLAYCOUNT_COUNT_MAX - plays
                    ? PLAYCOUNT_COUNT_MAX
                    : plays + taken[n].plays;
    }
    if (status == EXIT_DONE && plays != i->plan->plays &&
        (plays > i->plan->plays || !i->plan->resumed)) {
        status = end_mixed(i, plays);
    }
    for (size_t n = 0; status == EXIT_DONE && n < servers; n++) {
        if (taken[n].number[0] &&
            playcount_batch_acknowledge(client, n, taken[n].number, &error) !=
                PLAYCOUNT_OK) {
            status = say_error(&error);
        }
    }
    free(taken);
    return status;
}

static exit_status import(importing *i, runner *r, run_input *input)
{
    uint64_t from = 0;
    exit_status status = EXIT_DONE;

    input->id = i->state.id;
    if (i->plan->a->delivered && !i->state.found &&
        (status = check_delivered(i)) != EXIT_DONE) {
        return status;
    }
    if (i->state.found) {
        status = run_resume(r, input, &i->state.chunk);
        from = i->state.chunk.end;
    }
    status = status == EXIT_DONE ? run_rest(r, input, from) : status;
    if (status == EXIT_DONE && i->plan->a->delivered) {
        status = mark_delivered(i);
    }
    status = status == EXIT_DONE ? report(i->plan) : status;
    return status == EXIT_DONE ? runstate_remove(&i->state) : status;
}

exit_status command_import(const arguments *a)
{
    importing i = {.name = a->words[0]};
    run_plan plan = {.a = a,
                     .kind = "import",
                     .noun = "songs",
                     .separators = ",\n",
                     .chunk = 1 << 20,
                     .parse = parse,
                     .note = note,
                     .context = &i};
    run_input input = {.source = NULL};

    i.plan = &plan;
    runner *r = run_begin(&plan);
    exit_status status = r ? open_input(&i, &input) : EXIT_FILE;
    if (status == EXIT_DONE) {
        status = import(&i, r, &input);
    }
    source_close(input.source);
    runstate_free(&i.state);
    run_end(r);
    return status;
}

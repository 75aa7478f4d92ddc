/* The state file of a run. See run.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "client/command/runstate.h"
#include "client/command/statefile.h"

static exit_status no_memory(void)
{
    say("no memory");
    return EXIT_FILE;
}

static exit_status unreadable(const runstate *state)
{
    say("%s cannot be read; remove it to start over, which counts again what has "
        "been counted",
        state->path);
    return EXIT_FILE;
}

static exit_status read_state(runstate *state, FILE *file)
{
    char *line = NULL, *value;
    size_t room = 0;
    int good = 0, end = 0;

    while (getline(&line, &room, file) > 0) {
        if ((value = statefile_value(line, "playcount run"))) {
            good += strcmp(value, "1") == 0;
        }
        else if ((value = statefile_value(line, "kind"))) {
            good += strcmp(value, state->kind) == 0;
        }
        else if ((value = statefile_value(line, "servers"))) {
            if (strcmp(value, state->servers) != 0) {
                say("%s: the %s that was interrupted used other servers (%s); use "
                    "the same, "
                    "or remove that file to start over, which counts again what "
                    "has been counted",
                    state->path, state->kind, value);
                free(line);
                return EXIT_USAGE;
            }
            good++;
        }
        else if ((value = statefile_value(line, "run"))) {
            good += strlen(value) == 32 && strspn(value, "0123456789abcdef") == 32;
            snprintf(state->id, sizeof(state->id), "%.32s", value);
        }
        else if ((value = statefile_value(line, "chunk"))) {
            end = 0;
            good +=
                sscanf(value, "%" SCNu64 " %" SCNu64 " %" SCNx64 " %" SCNd64 "%n",
                       &state->chunk.begin, &state->chunk.end, &state->chunk.hash,
                       &state->chunk.when, &end) == 4 &&
                !value[end] && state->chunk.begin < state->chunk.end;
        }
        else if ((value = statefile_value(line, "done"))) {
            end = 0;
            good += sscanf(value, "%" SCNu64 " %" SCNu64 "%n", &state->chunk.things,
                           &state->chunk.plays, &end) == 2 &&
                    !value[end];
        }
    }
    free(line);
    state->found = true;
    return good == 6 && !ferror(file) ? EXIT_DONE : unreadable(state);
}

exit_status runstate_open(runstate *state, const run_plan *plan, const char *input)
{
    memset(state, 0, sizeof(*state));
    state->kind = plan->kind;
    state->servers = statefile_servers(plan->a->client);
    if (!state->servers || playcount_new_key(state->id)) {
        return no_memory();
    }
    if (!input) {
        return EXIT_DONE;
    }
    state->path = statefile_name(input, plan->kind);
    if (!state->path) {
        return no_memory();
    }
    FILE *file = statefile_read(state->path);
    if (!file && errno == ENOENT) {
        return EXIT_DONE;
    }
    if (!file) {
        say("%s: %s", state->path, statefile_error());
        return EXIT_FILE;
    }
    exit_status status = read_state(state, file);
    fclose(file);
    return status;
}

static void write_state(FILE *file, const void *context)
{
    const runstate *state = context;

    fprintf(file,
            "playcount run 1\nkind %s\nservers %s\nrun %s\n"
            "chunk %" PRIu64 " %" PRIu64 " %016" PRIx64 " %" PRId64 "\n"
            "done %" PRIu64 " %" PRIu64 "\n",
            state->kind, state->servers, state->id, state->chunk.begin,
            state->chunk.end, state->chunk.hash, state->chunk.when,
            state->chunk.things, state->chunk.plays);
}

exit_status runstate_save(const runstate *state)
{
    if (state->path && statefile_replace(state->path, write_state, state)) {
        say("%s could not be written: %s; nothing more is sent, because it could "
            "not be resumed",
            state->path, statefile_error());
        return EXIT_FILE;
    }
    return EXIT_DONE;
}

exit_status runstate_remove(const runstate *state)
{
    if (state->path && statefile_remove(state->path)) {
        say("%s could not be removed: do it, all is counted", state->path);
        return EXIT_FILE;
    }
    /* Not synced: where a power failure brings it back, the last chunk is sent
     * again under its keys, and nothing is counted twice. */
    return EXIT_DONE;
}

void runstate_free(runstate *state)
{
    free(state->path);
    free(state->servers);
}

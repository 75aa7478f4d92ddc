/* The state file of a run. See run.h. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client/command/runstate.h"

static exit_status no_memory(void)
{
    say("no memory");
    return EXIT_FILE;
}

/* The servers and how songs are spread over them, as one line. */
static char *describe_servers(const playcount_client *client)
{
    char *text = NULL;
    size_t n;
    FILE *out = open_memstream(&text, &n);
    if (!out) {
        return NULL;
    }
    fputs(client->shards.kind == PLAYCOUNT_SHARD_MODULO ? "modulo" : "ketama", out);
    for (size_t i = 0; i < playcount_servers(client); i++) {
        fprintf(out, " %s", playcount_server_name(client, i));
    }
    return fclose(out) == 0 ? text : NULL;
}

static exit_status unreadable(const runstate *state)
{
    say("%s cannot be understood; remove it to begin anew, which counts again what "
        "has "
        "been counted",
        state->path);
    return EXIT_FILE;
}

/* What follows `name` and a space in this line, or NULL. */
static char *value_of(char *line, const char *name)
{
    size_t n = strlen(name);
    line[strcspn(line, "\n")] = '\0';
    return strncmp(line, name, n) == 0 && line[n] == ' ' ? line + n + 1 : NULL;
}

static exit_status read_state(runstate *state, FILE *file)
{
    char *line = NULL, *value;
    size_t room = 0;
    int good = 0, end = 0;

    while (getline(&line, &room, file) > 0) {
        if ((value = value_of(line, "playcount run"))) {
            good += strcmp(value, "1") == 0;
        }
        else if ((value = value_of(line, "kind"))) {
            good += strcmp(value, state->kind) == 0;
        }
        else if ((value = value_of(line, "servers"))) {
            if (strcmp(value, state->servers) != 0) {
                say("%s: the %s that was interrupted had other servers (%s); use "
                    "the same, "
                    "or remove that file to begin anew, which counts again what "
                    "has been "
                    "counted",
                    state->path, state->kind, value);
                free(line);
                return EXIT_USAGE;
            }
            good++;
        }
        else if ((value = value_of(line, "run"))) {
            good += strlen(value) == 32 && strspn(value, "0123456789abcdef") == 32;
            snprintf(state->id, sizeof(state->id), "%.32s", value);
        }
        else if ((value = value_of(line, "chunk"))) {
            end = 0;
            good +=
                sscanf(value, "%" SCNu64 " %" SCNu64 " %" SCNx64 " %" SCNd64 "%n",
                       &state->begin, &state->end, &state->hash, &state->when,
                       &end) == 4 &&
                !value[end] && state->begin < state->end;
        }
        else if ((value = value_of(line, "done"))) {
            end = 0;
            good += sscanf(value, "%" SCNu64 " %" SCNu64 "%n", &state->things,
                           &state->plays, &end) == 2 &&
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
    state->servers = describe_servers(plan->a->client);
    if (!state->servers || playcount_new_key(state->id)) {
        return no_memory();
    }
    if (!input) {
        return EXIT_DONE;
    }
    size_t room = strlen(input) + strlen(plan->kind) + 16;
    state->path = malloc(room);
    if (!state->path) {
        return no_memory();
    }
    snprintf(state->path, room, "%s.playcount-%s", input, plan->kind);
    FILE *file = fopen(state->path, "r");
    if (!file && errno == ENOENT) {
        return EXIT_DONE;
    }
    if (!file) {
        say("%s: %s", state->path, strerror(errno));
        return EXIT_FILE;
    }
    exit_status status = read_state(state, file);
    fclose(file);
    return status;
}

/* A name in a directory is on the disk when the directory is. */
static int sync_directory(const char *path)
{
    char *copy = strdup(path);
    if (!copy) {
        return -1;
    }
    char *slash = strrchr(copy, '/');
    if (slash) {
        slash[slash == copy] = '\0';
    }
    int directory = open(slash ? copy : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(copy);
    int failed = directory < 0 || fsync(directory) != 0;
    if (directory >= 0) {
        close(directory);
    }
    return failed ? -1 : 0;
}

static int write_state(const runstate *state, const char *path)
{
    FILE *file = fopen(path, "we");
    if (!file) {
        return -1;
    }
    fprintf(file,
            "playcount run 1\nkind %s\nservers %s\nrun %s\n"
            "chunk %" PRIu64 " %" PRIu64 " %016" PRIx64 " %" PRId64 "\n"
            "done %" PRIu64 " %" PRIu64 "\n",
            state->kind, state->servers, state->id, state->begin, state->end,
            state->hash, state->when, state->things, state->plays);
    int failed = fflush(file) != 0 || fsync(fileno(file)) != 0;
    return fclose(file) != 0 || failed ? -1 : 0;
}

exit_status runstate_save(const runstate *state)
{
    if (!state->path) {
        return EXIT_DONE;
    }
    size_t room = strlen(state->path) + 5;
    char *fresh = malloc(room);
    if (!fresh) {
        return no_memory();
    }
    snprintf(fresh, room, "%s.new", state->path);
    int failed = write_state(state, fresh) || rename(fresh, state->path) != 0 ||
                 sync_directory(state->path);
    if (failed) {
        say("%s could not be written: %s; nothing more is sent, as it could not be "
            "carried "
            "on",
            state->path, strerror(errno));
    }
    free(fresh);
    return failed ? EXIT_FILE : EXIT_DONE;
}

exit_status runstate_remove(const runstate *state)
{
    if (!state->path || (unlink(state->path) != 0 && errno == ENOENT)) {
        return EXIT_DONE;
    }
    if (access(state->path, F_OK) == 0) {
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

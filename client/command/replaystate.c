/* The memory of replay. See replaystate.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/command/replaystate.h"
#include "client/command/statefile.h"

/* How many files are remembered. */
enum { KNOWN_MAX = 1000 };

/* --- reading --- */

static bool read_file_line(replaystate *s, const char *value)
{
    logs_file file = {0};
    int end = 0;

    return sscanf(value,
                  "%" SCNu64 " %" SCNu64 " %" SCNd64 " %" SCNu64 " %" SCNu64
                  " %" SCNx64 " %" SCNu64 " %" SCNx64 "%n",
                  &file.device, &file.inode, &file.mtime, &file.offset, &file.head,
                  &file.head_hash, &file.tail, &file.tail_hash, &end) == 8 &&
           !value[end] && file.head <= LOGS_SAMPLE && file.tail <= LOGS_SAMPLE &&
           file.tail <= file.offset && logs_remember(&s->known, &file) >= 0;
}

static bool read_chunk_line(replaystate *s, const char *value)
{
    run_chunk *c = &s->chunk;
    int end = 0;

    s->pending = true;
    return sscanf(value,
                  "%zu %" SCNu64 " %" SCNu64 " %" SCNx64 " %" SCNd64 " %" SCNu64
                  " %" SCNu64 "%n",
                  &s->pending_file, &c->begin, &c->end, &c->hash, &c->when,
                  &c->things, &c->plays, &end) == 7 &&
           !value[end] && c->begin < c->end;
}

static bool read_number_line(const char *value, int base, uint64_t *number)
{
    char *end;
    *number = strtoull(value, &end, base);
    return *value && !*end;
}

/* One line; whether it is a right one. *servers is what it says of them. */
static bool read_line(replaystate *s, char *line, char **servers, uint64_t *rules)
{
    uint64_t again;
    char *value;

    if ((value = statefile_value(line, "servers"))) {
        free(*servers);
        *servers = strdup(value);
        return *servers != NULL;
    }
    if ((value = statefile_value(line, "rules"))) {
        return read_number_line(value, 16, rules);
    }
    if ((value = statefile_value(line, "counted"))) {
        return read_number_line(value, 10, &s->counted);
    }
    if ((value = statefile_value(line, "again"))) {
        s->again = strcmp(value, "1") == 0;
        return read_number_line(value, 10, &again) && again < 2;
    }
    if ((value = statefile_value(line, "file"))) {
        return read_file_line(s, value);
    }
    if ((value = statefile_value(line, "run"))) {
        snprintf(s->id, sizeof(s->id), "%.32s", value);
        return strlen(value) == 32 && strspn(value, "0123456789abcdef") == 32;
    }
    value = statefile_value(line, "chunk");
    return value && read_chunk_line(s, value);
}

static exit_status unreadable(const replaystate *s)
{
    say("%s cannot be read; remove it to start over, which counts again what has "
        "been "
        "counted",
        s->path);
    return EXIT_FILE;
}

/* Everything will be read again. */
static void forget(replaystate *s)
{
    s->known.n = 0;
    s->pending = false;
    s->counted = 0;
    s->again = true;
}

/* Whether it is the memory of this replay. One that never counted anything is
 * anybody's. */
static exit_status check(replaystate *s, const char *servers, uint64_t rules,
                         uint64_t asked)
{
    if (!servers) {
        return unreadable(s);
    }
    if (rules == asked && strcmp(servers, s->servers) == 0) {
        return EXIT_DONE;
    }
    if (!s->counted && !s->pending) {
        s->known.n = 0;
        return EXIT_DONE;
    }
    if (rules != asked) {
        say("%s is of a replay with another --match, --status, --method or "
            "--format; "
            "name another file with --state for this one",
            s->path);
    }
    else {
        say("%s: the replay before used other servers (%s); use the same, or name "
            "another file with --state",
            s->path, servers);
    }
    return EXIT_USAGE;
}

static exit_status read_state(replaystate *s, uint64_t asked, bool again)
{
    char *line = NULL, *servers = NULL;
    size_t room = 0;
    uint64_t rules = 0;
    struct stat st;
    FILE *file = fdopen(dup(s->lock), "r");

    if (!file || fstat(s->lock, &st) != 0) {
        say("%s: %s", s->path, strerror(errno));
        return EXIT_FILE;
    }
    exit_status status = EXIT_DONE;
    if (st.st_size > 0) { /* otherwise a run was killed before it knew anything */
        if (getline(&line, &room, file) < 0 ||
            strcmp(line, "playcount replay 2\n") != 0) {
            status = unreadable(s);
        }
        while (status == EXIT_DONE && getline(&line, &room, file) > 0) {
            if (!read_line(s, line, &servers, &rules)) {
                status = unreadable(s);
            }
        }
        if (status == EXIT_DONE && s->pending &&
            (s->pending_file >= s->known.n || !*s->id)) {
            status = unreadable(s);
        }
        if (status == EXIT_DONE && again && !s->again) {
            forget(s);
        }
        else if (status == EXIT_DONE) {
            status = check(s, servers, rules, asked);
        }
    }
    free(line);
    free(servers);
    fclose(file);
    if (s->known.n > KNOWN_MAX) {
        size_t old = s->known.n - KNOWN_MAX;
        old = s->pending && s->pending_file < old ? s->pending_file : old;
        s->pending_file -= s->pending ? old : 0;
        memmove(s->known.files, s->known.files + old,
                (s->known.n - old) * sizeof(*s->known.files));
        s->known.n -= old;
    }
    return status;
}

exit_status replaystate_open(replaystate *s, const arguments *a, const char *path,
                             uint64_t rules)
{
    memset(s, 0, sizeof(*s));
    s->lock = -1;
    s->rules = rules;
    s->servers = statefile_servers(a->client);
    s->path = path ? strdup(path) : NULL;
    if (!s->servers || (path && !s->path)) {
        say("no memory");
        return EXIT_FILE;
    }
    if (!path) {
        return EXIT_DONE;
    }
    exit_status status = statefile_lock(s->path, &s->lock);
    return status == EXIT_DONE ? read_state(s, rules, a->again) : status;
}

/* --- writing --- */

static void write_state(FILE *file, const void *context)
{
    const replaystate *s = context;

    fprintf(file,
            "playcount replay 2\nservers %s\nrules %016" PRIx64 "\ncounted %" PRIu64
            "\nagain %d\n",
            s->servers, s->rules, s->counted, s->again);
    for (size_t i = 0; i < s->known.n; i++) {
        const logs_file *f = &s->known.files[i];
        fprintf(file,
                "file %" PRIu64 " %" PRIu64 " %" PRId64 " %" PRIu64 " %" PRIu64
                " %016" PRIx64 " %" PRIu64 " %016" PRIx64 "\n",
                f->device, f->inode, f->mtime, f->offset, f->head, f->head_hash,
                f->tail, f->tail_hash);
    }
    if (s->pending) {
        const run_chunk *c = &s->chunk;
        fprintf(file,
                "run %s\nchunk %zu %" PRIu64 " %" PRIu64 " %016" PRIx64 " %" PRId64
                " %" PRIu64 " %" PRIu64 "\n",
                s->id, s->pending_file, c->begin, c->end, c->hash, c->when,
                c->things, c->plays);
    }
}

exit_status replaystate_save(replaystate *s)
{
    return s->path ? statefile_save(s->path, write_state, s, &s->lock) : EXIT_DONE;
}

void replaystate_close(replaystate *s)
{
    statefile_unlock(s->path, s->lock);
    free(s->known.files);
    free(s->path);
    free(s->servers);
}

/* State files. See statefile.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/command/statefile.h"

char *statefile_name(const char *file, const char *kind)
{
    size_t room = strlen(file) + strlen(kind) + 16;
    char *name = malloc(room);
    if (name) {
        snprintf(name, room, "%s.playcount-%s", file, kind);
    }
    return name;
}

char *statefile_servers(const playcount_client *client)
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

char *statefile_value(char *line, const char *name)
{
    size_t n = strlen(name);
    line[strcspn(line, "\n")] = '\0';
    return strncmp(line, name, n) == 0 && line[n] == ' ' ? line + n + 1 : NULL;
}

int statefile_sync_directory(const char *path)
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

static int write_whole(const char *path, statefile_write *write, const void *state)
{
    FILE *file = fopen(path, "we");
    if (!file) {
        return -1;
    }
    write(file, state);
    int failed = fflush(file) != 0 || fsync(fileno(file)) != 0;
    return fclose(file) != 0 || failed ? -1 : 0;
}

/* What it is written to first; to be freed. */
static char *fresh_name(const char *path)
{
    size_t room = strlen(path) + 5;
    char *name = malloc(room);
    if (name) {
        snprintf(name, room, "%s.new", path);
    }
    return name;
}

int statefile_replace(const char *path, statefile_write *write, const void *state)
{
    char *fresh = fresh_name(path);
    int failed = !fresh || write_whole(fresh, write, state) ||
                 rename(fresh, path) != 0 || statefile_sync_directory(path);
    free(fresh);
    return failed ? -1 : 0;
}

int statefile_remove(const char *path)
{
    char *fresh = fresh_name(path);
    if (fresh) {
        unlink(fresh); /* of one who was killed while he wrote it */
    }
    free(fresh);
    return unlink(path) != 0 && errno != ENOENT ? -1 : 0;
}

uint64_t statefile_hash(uint64_t hash, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        hash = (hash ^ (unsigned char)text[i]) * 0x100000001b3;
    }
    return hash;
}

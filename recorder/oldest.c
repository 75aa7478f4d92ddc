/* The records that are there, and removing the oldest: see store.h. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "recorder/store_private.h"

/* 20261125T231455.123456Z-... */
static int is_record(const char *name)
{
    static const char form[] = "dddddddd"
                               "T"
                               "dddddd"
                               "."
                               "dddddd"
                               "Z-";

    for (int i = 0; form[i]; i++) {
        int digit = name[i] >= '0' && name[i] <= '9';

        if (form[i] == 'd' ? !digit : name[i] != form[i]) {
            return 0;
        }
    }
    return 1;
}

uint64_t playcount_store_last(const char *dir)
{
    int fd = open(dir, OPEN_DIR);
    DIR *listing = fd < 0 ? NULL : playcount_store_list(fd);
    const struct dirent *entry;
    uint64_t last = 0;

    while (listing && (entry = readdir(listing))) {
        if (is_record(entry->d_name)) {
            uint64_t number = strtoull(strchr(entry->d_name, 'Z') + 2, NULL, 10);

            last = number > last ? number : last;
        }
    }
    if (listing) {
        closedir(listing);
    }
    if (fd >= 0) {
        close(fd);
    }
    return last;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names of all records, malloc()ed; -1 if there is no memory or no listing. */
static int list_records(playcount_store *store, char ***out)
{
    DIR *listing = playcount_store_list(store->dir);
    const struct dirent *entry;
    char **names = NULL;
    int n = 0, room = 0;

    if (!listing) {
        return -1;
    }
    while ((entry = readdir(listing))) {
        if (!is_record(entry->d_name)) {
            continue;
        }
        if (n == room) {
            char **more = realloc(names, (size_t)(room += 1024) * sizeof(*names));

            if (!more) {
                break;
            }
            names = more;
        }
        names[n] = strdup(entry->d_name);
        n += names[n] != NULL;
    }
    closedir(listing);
    *out = names;
    return n;
}

int playcount_store_keep(playcount_store *store, int keep)
{
    char **names = NULL;
    int n = list_records(store, &names);
    int excess = n > keep ? n - keep : 0;

    if (excess) {
        qsort(names, (size_t)n, sizeof(*names), by_name);
    }
    for (int i = 0; i < excess; i++) {
        /* Another process may be at the same one. */
        if (renameat(store->dir, names[i], store->work, names[i]) == 0) {
            playcount_store_remove(store->work, names[i], 0);
        }
    }
    for (int i = 0; i < n; i++) {
        free(names[i]);
    }
    free(names);
    return n < 0 ? -1 : n - excess;
}

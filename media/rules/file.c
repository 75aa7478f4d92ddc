/* Files that directives name. See file.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "media/rules/file.h"

enum { FILE_MAX = 64 << 20 };

/* All of an open file into `bytes`, which has room for it and a NUL. */
static int read_all(int fd, char *bytes, size_t n)
{
    size_t have = 0;

    while (have < n) {
        ssize_t got = read(fd, bytes + have, n - have);

        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            errno = got ? errno : EIO; /* it became shorter */
            return -1;
        }
        have += (size_t)got;
    }
    bytes[n] = '\0';
    return 0;
}

static char *read_open(int fd, size_t *n, const char **why)
{
    struct stat st;
    char *bytes;

    if (fstat(fd, &st)) {
        *why = strerror(errno);
        return NULL;
    }
    if (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX) {
        *why = S_ISREG(st.st_mode) ? "it is larger than 64 MB" : "it is not a file";
        return NULL;
    }
    *n = (size_t)st.st_size;
    bytes = malloc(*n + 1);
    if (!bytes || read_all(fd, bytes, *n)) {
        *why = bytes ? strerror(errno) : "no memory";
        free(bytes);
        return NULL;
    }
    return bytes;
}

char *playcount_rules_file(const char *path, size_t *n, char *wrong,
                           size_t wrong_size)
{
    const char *why = NULL;
    char *bytes = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0) {
        why = strerror(errno);
    }
    else {
        bytes = read_open(fd, n, &why);
        close(fd);
    }
    if (!bytes) {
        snprintf(wrong, wrong_size, "%s: %s", path, why);
    }
    return bytes;
}

char *playcount_rules_line(char **text)
{
    char *line = *text, *end;

    if (!line || !*line) {
        return NULL;
    }
    end = line + strcspn(line, "\n");
    *text = *end ? end + 1 : end;
    *end = '\0';
    line += strspn(line, " \t\r");
    while (end > line && strchr(" \t\r", end[-1])) {
        *--end = '\0';
    }
    return line;
}

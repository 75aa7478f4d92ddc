/* Walking a path that others could bend: see path.h. */

#include "path/judge.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINKS_MAX 40 /* as many as the kernel follows */

typedef struct {
    playcount_path *p;
    char rest[PATH_MAX]; /* what is still to be walked */
    int links;           /* followed so far */
    int strict;          /* directories of others are refused */
    int follows;         /* a link that has the last name, too */
} walk;

static int join(char *to, const char *one, const char *two)
{
    int n = snprintf(to, PATH_MAX, "%s/%s", one, two);

    return n < 0 || n >= PATH_MAX ? ENAMETOOLONG : 0;
}

/* The next name of what is left, and whether nothing comes after it. */
static int take_name(walk *w, char *name, int *is_last)
{
    const char *from = w->rest + strspn(w->rest, "/");
    size_t n = strcspn(from, "/");
    const char *after = from + n + strspn(from + n, "/");

    if (n > NAME_MAX) {
        return ENAMETOOLONG;
    }
    memcpy(name, from, n);
    name[n] = '\0';
    *is_last = !*after;
    memmove(w->rest, after, strlen(after) + 1);
    return 0;
}

/* This directory is where we are now. */
static int enter(walk *w, int fd)
{
    playcount_path *p = w->p;

    if (fd < 0) {
        return errno;
    }
    playcount_path_close(p);
    p->dir = fd;
    if (fstat(fd, &p->dir_st) != 0) {
        return errno;
    }
    return w->strict ? playcount_path_judge_directory(p) : 0;
}

static int enter_root(walk *w)
{
    *w->p->real = '\0';
    return enter(w, open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
}

/* Where we are already, whatever leads there. */
static int enter_here(walk *w)
{
    strcpy(w->p->real, ".");
    return enter(w, open(".", O_PATH | O_DIRECTORY | O_CLOEXEC));
}

static int leave(walk *w)
{
    char *slash = strrchr(w->p->real, '/');

    if (slash) {
        *slash = '\0';
    }
    return enter(w, openat(w->p->dir, "..", O_PATH | O_DIRECTORY | O_CLOEXEC));
}

static int enter_name(walk *w, int fd, const char *name)
{
    char longer[PATH_MAX];
    int error = join(longer, w->p->real, name);

    if (error) {
        close(fd);
        return error;
    }
    memcpy(w->p->real, longer, sizeof(longer));
    return enter(w, fd);
}

/* What the link says comes before what is left. */
static int follow(walk *w, int fd)
{
    char to[PATH_MAX], longer[PATH_MAX];
    ssize_t n = readlinkat(fd, "", to, sizeof(to) - 1);
    int error;

    if (n < 0) {
        return errno;
    }
    if (++w->links > LINKS_MAX) {
        return ELOOP;
    }
    to[n] = '\0';
    if ((error = join(longer, to, w->rest))) {
        return error;
    }
    memcpy(w->rest, longer, sizeof(longer));
    return *to == '/' ? enter_root(w) : 0;
}

static int arrive(walk *w, const char *name, const struct stat *st)
{
    char longer[PATH_MAX];
    playcount_path *p = w->p;
    int error = join(longer, p->real, name);

    if (error) {
        return error;
    }
    memcpy(p->real, longer, sizeof(longer));
    p->name = strrchr(p->real, '/') + 1;
    p->is_there = st != NULL;
    if (st) {
        p->st = *st;
    }
    return 0;
}

/* One name further. */
static int step(walk *w, const char *name, int is_last)
{
    playcount_path *p = w->p;
    int fd = openat(p->dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC), error;
    struct stat st;

    if (fd < 0) {
        return errno == ENOENT && is_last ? arrive(w, name, NULL) : errno;
    }
    if (fstat(fd, &st) != 0) {
        error = errno;
    }
    else if (S_ISLNK(st.st_mode) && (w->follows || !is_last)) {
        error = playcount_path_judge_link(p, name, &st);
        error = error ? error : follow(w, fd);
    }
    else if (is_last) {
        error = arrive(w, name, &st);
    }
    else if (S_ISDIR(st.st_mode)) {
        return enter_name(w, fd, name);
    }
    else {
        error = ENOTDIR;
    }
    close(fd);
    return error;
}

static int go(walk *w)
{
    char name[NAME_MAX + 1];
    int is_last = 0, error = *w->rest == '/' ? enter_root(w) : enter_here(w);

    while (!error && !w->p->name) {
        error = take_name(w, name, &is_last);
        if (error) {
            return error;
        }
        if (!strcmp(name, "..")) {
            error = leave(w);
        }
        else if (*name && strcmp(name, ".")) {
            error = step(w, name, is_last);
            continue;
        }
        if (!error && is_last) { /* the path ends with a directory */
            return arrive(w, ".", &w->p->dir_st);
        }
    }
    return error;
}

static int start(walk *w, playcount_path *p, const char *path)
{
    char here[PATH_MAX];

    memset(p, 0, sizeof(*p));
    p->dir = -1;
    w->p = p;
    if (*path != '/' && w->strict) {
        return getcwd(here, sizeof(here)) ? join(w->rest, here, path) : errno;
    }
    if (strlen(path) >= sizeof(w->rest)) {
        return ENAMETOOLONG;
    }
    memcpy(w->rest, path, strlen(path) + 1);
    return 0;
}

static int walk_to(playcount_path *p, const char *path, int strict, int follows)
{
    walk w = {.strict = strict, .follows = follows};
    int error = start(&w, p, path);

    return error ? error : go(&w);
}

int playcount_path_find(playcount_path *p, const char *path)
{
    return walk_to(p, path, 1, 1);
}

int playcount_path_place(playcount_path *p, const char *path)
{
    return walk_to(p, path, 1, 0);
}

int playcount_path_parent(playcount_path *p, const char *path)
{
    return walk_to(p, path, 0, 0);
}

int playcount_path_open(playcount_path *p, int flags, mode_t mode)
{
    int fd = openat(p->dir, p->name, flags | O_NOFOLLOW | O_CLOEXEC, mode), error;

    if (fd < 0) {
        return -1;
    }
    p->is_there = 1;
    error = fstat(fd, &p->st) != 0 ? errno : playcount_path_judge(p);
    if (error) {
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

void playcount_path_close(playcount_path *p)
{
    if (p->dir >= 0) {
        close(p->dir);
    }
    p->dir = -1;
}

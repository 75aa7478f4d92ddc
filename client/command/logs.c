/* Finding log files across rotation. See logs.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/command/logs.h"
#include "client/command/statefile.h"

/* So many of the files that were read last are looked for by what they hold. */
enum { BY_CONTENT = 8 };

/* A file of the log's directory. */
typedef struct {
    char *path;
    int fd;
    struct stat st;
    long known; /* -1: none of the known ones */
    bool named; /* on the command line */
} candidate;

typedef struct {
    candidate *files;
    size_t n;
    logs_known *known;
    const run_chunk *pending;
    size_t pending_in;
    bool *claimed; /* by one of the candidates; of each known file */
} finding;

static int64_t mtime_of(const struct stat *st)
{
    return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

/* The length of a name without what rotation put behind it. */
static size_t base_length(const char *name)
{
    static const char *const packed[] = {".gz", ".xz", ".zst"};
    size_t n = strlen(name);

    for (size_t i = 0; i < sizeof(packed) / sizeof(*packed); i++) {
        size_t length = strlen(packed[i]);
        if (n > length && strcmp(name + n - length, packed[i]) == 0) {
            n -= length;
            break;
        }
    }
    size_t end = n;
    while (n && strchr("0123456789-:_T", name[n - 1])) {
        n--;
    }
    /* access.log.1, access.log-20260102: a separator and a digit behind it. */
    if (n < end && n && name[n - 1] == '.' && name[n] >= '0' && name[n] <= '9') {
        return n - 1;
    }
    const char *dash = memchr(name + n, '-', end - n);
    return dash == name + n && n && n + 1 < end ? n : strlen(name);
}

char *logs_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    return strndup(path, (size_t)(name - path) + base_length(name));
}

long logs_remember(logs_known *known, const logs_file *file)
{
    if (known->n == known->room) {
        size_t room = 2 * known->room + 8;
        logs_file *files = realloc(known->files, room * sizeof(*files));
        if (!files) {
            say("no memory");
            return -1;
        }
        known->files = files;
        known->room = room;
    }
    known->files[known->n] = *file;
    return (long)known->n++;
}

/* --- the candidates --- */

static exit_status add_candidate(finding *f, char *path, bool must)
{
    candidate *files = path ? realloc(f->files, (f->n + 1) * sizeof(*files)) : NULL;
    if (!files) {
        free(path);
        say("no memory");
        return EXIT_FILE;
    }
    f->files = files;
    candidate *c = &files[f->n];
    *c = (candidate){.path = path, .known = -1};
    c->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (c->fd < 0 || fstat(c->fd, &c->st) != 0 || !S_ISREG(c->st.st_mode)) {
        if (must) {
            say("%s: %s", path, c->fd < 0 ? strerror(errno) : "it is not a file");
        }
        if (c->fd >= 0) {
            close(c->fd);
        }
        free(path);
        return must ? EXIT_FILE : EXIT_DONE;
    }
    f->n++;
    return EXIT_DONE;
}

static int by_time(const void *a, const void *b)
{
    int64_t x = mtime_of(&((const candidate *)a)->st);
    int64_t y = mtime_of(&((const candidate *)b)->st);
    return x < y ? -1 : x > y;
}

/* The log itself, the last one, may be a link to one of the others. */
static void drop_links(finding *f)
{
    const candidate *log = &f->files[f->n - 1];
    size_t kept = 0;

    for (size_t i = 0; i < f->n; i++) {
        candidate *c = &f->files[i];
        if (c != log && c->st.st_ino == log->st.st_ino &&
            c->st.st_dev == log->st.st_dev) {
            close(c->fd);
            free(c->path);
            continue;
        }
        f->files[kept++] = *c;
    }
    f->n = kept;
}

/* The rotated files of the log, oldest first, and then the log itself. */
static exit_status list_rotated(finding *f, const char *base)
{
    const char *slash = strrchr(base, '/');
    const char *name = slash ? slash + 1 : base;
    size_t name_n = strlen(name);
    char *directory =
        slash ? strndup(base, (size_t)(slash - base + 1)) : strdup(".");
    DIR *dir = directory ? opendir(directory) : NULL;
    exit_status status = EXIT_DONE;

    for (struct dirent *e; dir && status == EXIT_DONE && (e = readdir(dir));) {
        if (strncmp(e->d_name, name, name_n) == 0 && e->d_name[name_n] &&
            base_length(e->d_name) == name_n) {
            char *path = NULL;
            if (asprintf(&path, "%.*s%s", (int)(name - base), base, e->d_name) <
                0) {
                path = NULL;
            }
            status = add_candidate(f, path, false);
        }
    }
    if (dir) {
        closedir(dir);
    }
    free(directory);
    if (f->n) {
        qsort(f->files, f->n, sizeof(*f->files), by_time);
    }
    if (status == EXIT_DONE) {
        status = add_candidate(f, strdup(base), true);
    }
    if (status == EXIT_DONE) {
        drop_links(f);
    }
    return status;
}

/* --- which one is which --- */

static source *open_again(const candidate *c)
{
    int fd = fcntl(c->fd, F_DUPFD_CLOEXEC, 3);
    if (fd < 0 || lseek(fd, 0, SEEK_SET) < 0) {
        say("%s: %s", c->path, strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return NULL;
    }
    return source_open(fd, c->path);
}

/* Whether the file's bytes from here have this hash. */
static bool has(const candidate *c, uint64_t from, uint64_t n, uint64_t hash)
{
    char piece[LOGS_SAMPLE];
    uint64_t found = STATEFILE_HASH;
    source *s = open_again(c);
    bool failed = !s || source_skip(s, from);

    while (!failed && n) {
        size_t want = n < sizeof(piece) ? (size_t)n : sizeof(piece);
        ssize_t got = source_read(s, piece, want);
        failed = got <= 0;
        if (!failed) {
            found = statefile_hash(found, piece, (size_t)got);
            n -= (uint64_t)got;
        }
    }
    source_close(s);
    return !failed && found == hash;
}

/* Whether a file holds what was read of a known one. */
static bool holds(const finding *f, const candidate *c, size_t known)
{
    const logs_file *file = &f->known->files[known];
    const run_chunk *chunk =
        f->pending && known == f->pending_in ? f->pending : NULL;

    return (!file->head || has(c, 0, file->head, file->head_hash)) &&
           (!file->tail ||
            has(c, file->offset - file->tail, file->tail, file->tail_hash)) &&
           (!chunk || has(c, chunk->begin, chunk->end - chunk->begin, chunk->hash));
}

static void claim(finding *f, candidate *c, size_t known)
{
    logs_file *file = &f->known->files[known];

    c->known = (long)known;
    f->claimed[known] = true;
    file->device = c->st.st_dev;
    file->inode = c->st.st_ino;
}

static void claim_by_inode(finding *f, candidate *c)
{
    for (size_t k = f->known->n; k-- > 0 && c->known < 0;) {
        const logs_file *file = &f->known->files[k];
        if (!f->claimed[k] && file->inode == c->st.st_ino &&
            file->device == c->st.st_dev && holds(f, c, k)) {
            claim(f, c, k);
        }
    }
}

static void claim_by_content(finding *f, candidate *c)
{
    size_t last = f->known->n > BY_CONTENT ? f->known->n - BY_CONTENT : 0;

    for (size_t k = f->known->n; k-- > last && c->known < 0;) {
        bool interrupted_one = f->pending && k == f->pending_in;
        if (!f->claimed[k] && (f->known->files[k].head || interrupted_one) &&
            holds(f, c, k)) {
            claim(f, c, k);
        }
    }
}

/* When the newest of the known files had changed last. */
static int64_t newest(const logs_known *known)
{
    int64_t time = INT64_MIN;
    for (size_t k = 0; k < known->n; k++) {
        time = known->files[k].mtime > time ? known->files[k].mtime : time;
    }
    return time;
}

/* --- what to do --- */

/* A file that was there before anything was read is not read later either. */
static exit_status pass_over(finding *f, const candidate *c)
{
    char head[LOGS_SAMPLE];
    logs_file file = {.device = c->st.st_dev,
                      .inode = c->st.st_ino,
                      .mtime = INT64_MIN,
                      .offset = LOGS_ALL,
                      .head_hash = STATEFILE_HASH};
    source *s = open_again(c);

    while (s && file.head < sizeof(head)) {
        ssize_t n = source_read(s, head, sizeof(head) - file.head);
        if (n <= 0) {
            break;
        }
        file.head_hash = statefile_hash(file.head_hash, head, (size_t)n);
        file.head += (uint64_t)n;
    }
    source_close(s);
    return logs_remember(f->known, &file) < 0 ? EXIT_FILE : EXIT_DONE;
}

static exit_status add_work(logs_plan *plan, finding *f, candidate *c)
{
    logs_work *work = realloc(plan->work, (plan->n + 1) * sizeof(*work));

    if (!work) {
        say("no memory");
        return EXIT_FILE;
    }
    plan->work = work;
    if (c->known < 0) {
        logs_file file = {.device = c->st.st_dev, .inode = c->st.st_ino};
        c->known = logs_remember(f->known, &file);
        if (c->known < 0) {
            return EXIT_FILE;
        }
    }
    f->known->files[c->known].mtime = mtime_of(&c->st);
    work[plan->n++] = (logs_work){
        .path = c->path, .fd = c->fd, .known = (size_t)c->known, .named = c->named};
    c->path = NULL;
    c->fd = -1;
    return EXIT_DONE;
}

/* Whether a claimed file may have more than was read. */
static bool has_more(const finding *f, const candidate *c)
{
    const logs_file *file = &f->known->files[c->known];
    bool interrupted_one = f->pending && (size_t)c->known == f->pending_in;
    return interrupted_one ||
           (file->offset != LOGS_ALL && (uint64_t)c->st.st_size != file->offset);
}

static exit_status choose(logs_plan *plan, finding *f)
{
    exit_status status = EXIT_DONE;
    size_t before = f->known->n;
    int64_t since = newest(f->known);

    for (size_t i = 0; i < f->n; i++) {
        claim_by_inode(f, &f->files[i]);
    }
    for (size_t i = 0; i < f->n; i++) {
        if (f->files[i].known < 0 &&
            (f->files[i].named || mtime_of(&f->files[i].st) >= since)) {
            claim_by_content(f, &f->files[i]);
        }
    }
    plan->lost = before && f->known->files[before - 1].offset != LOGS_ALL &&
                 !f->claimed[before - 1];
    for (size_t i = 0; i < f->n && status == EXIT_DONE; i++) {
        candidate *c = &f->files[i];
        if (c->known >= 0 ? has_more(f, c)
                          : c->named || (before && mtime_of(&c->st) >= since)) {
            status = add_work(plan, f, c);
        }
        else if (c->known < 0 && !before) {
            status = pass_over(f, c);
        }
    }
    return status;
}

/* The known file that was interrupted is the last one: it comes first. */
static void pending_first(logs_plan *plan, size_t known)
{
    for (size_t i = 0; i < plan->n; i++) {
        if (plan->work[i].known == known) {
            logs_work first = plan->work[i];
            memmove(plan->work + 1, plan->work, i * sizeof(first));
            plan->work[0] = first;
        }
    }
}

exit_status logs_all(logs_plan *plan, const char *path, int64_t since)
{
    finding f = {0};
    char *base = logs_base(path);
    exit_status status = EXIT_FILE;

    memset(plan, 0, sizeof(*plan));
    if (!base) {
        say("no memory");
        return status;
    }
    status = strcmp(base, path) == 0 ? list_rotated(&f, base)
                                     : add_candidate(&f, strdup(path), true);
    free(base);
    plan->work = f.n ? calloc(f.n, sizeof(*plan->work)) : NULL;
    for (size_t i = 0; i < f.n; i++) {
        candidate *c = &f.files[i];
        if (plan->work && status == EXIT_DONE &&
            (i == f.n - 1 || c->st.st_mtime >= since)) {
            plan->work[plan->n++] =
                (logs_work){.path = c->path, .fd = c->fd, .named = i == f.n - 1};
            continue;
        }
        close(c->fd);
        free(c->path);
    }
    free(f.files);
    return status;
}

exit_status logs_find(logs_plan *plan, logs_known *known, const char *path,
                      const run_chunk *pending, size_t pending_in)
{
    finding f = {.known = known, .pending = pending, .pending_in = pending_in};
    char *base = logs_base(path);

    memset(plan, 0, sizeof(*plan));
    f.claimed = calloc(known->n + 1, sizeof(*f.claimed));
    exit_status status = EXIT_FILE;
    if (!base || !f.claimed) {
        say("no memory");
    }
    else if (strcmp(base, path) == 0) {
        status = list_rotated(&f, base);
    }
    else {
        status = add_candidate(&f, strdup(path), true);
    }
    if (status == EXIT_DONE) {
        f.files[f.n - 1].named = true;
        status = choose(plan, &f);
    }
    if (status == EXIT_DONE && pending) {
        pending_first(plan, f.pending_in);
    }
    plan->lost = plan->lost && base && strcmp(base, path) == 0;
    for (size_t i = 0; i < f.n; i++) {
        if (f.files[i].fd >= 0) {
            close(f.files[i].fd);
        }
        free(f.files[i].path);
    }
    free(f.files);
    free(f.claimed);
    free(base);
    return status;
}

void logs_passed(logs_file *file, const char *text, size_t n, uint64_t offset)
{
    if (offset == 0) {
        file->head = n < LOGS_SAMPLE ? n : LOGS_SAMPLE;
        file->head_hash = statefile_hash(STATEFILE_HASH, text, (size_t)file->head);
    }
    file->tail = n < LOGS_SAMPLE ? n : LOGS_SAMPLE;
    file->tail_hash =
        statefile_hash(STATEFILE_HASH, text + n - file->tail, (size_t)file->tail);
    file->offset = offset + n;
}

void logs_free(logs_plan *plan)
{
    for (size_t i = 0; i < plan->n; i++) {
        if (plan->work[i].fd >= 0) {
            close(plan->work[i].fd);
        }
        free(plan->work[i].path);
    }
    free(plan->work);
}

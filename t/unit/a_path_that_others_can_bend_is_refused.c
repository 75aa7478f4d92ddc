/* What a path leads through is judged name by name: directories, links and what is
 * there already. t/express/foreign-files.t has the same table for
 * express/SafePath.pm. Only root can make what is another user's. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "path/path.h"
#include "t/tap.h"
#include "t/unit/fixture.h"
#include "t/unit/file.h"

#define OTHER 1 /* some user: its name is the system's */

static char path_of[2][400];

static const char *in(const char *name)
{
    static int turn;

    return strcpy(path_of[turn ^= 1], test_path(name));
}

static void directory(const char *name, mode_t mode, uid_t uid)
{
    const char *path = in(name);

    if (mkdir(path, 0755) != 0 || chmod(path, mode) != 0 ||
        chown(path, uid, (gid_t)-1) != 0) {
        ok(0, "%s: %s", path, strerror(errno));
    }
}

static void link_to(const char *name, const char *to, uid_t uid)
{
    const char *path = in(name);

    if (symlink(to, path) != 0 || lchown(path, uid, (gid_t)-1) != 0) {
        ok(0, "%s: %s", path, strerror(errno));
    }
}

static void file(const char *name, mode_t mode, uid_t uid)
{
    const char *path = in(name);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);

    if (fd < 0 || fchmod(fd, mode) != 0 || fchown(fd, uid, (gid_t)-1) != 0) {
        ok(0, "%s: %s", path, strerror(errno));
    }
    close(fd);
}

static void make_all(void)
{
    directory("ours", 0755, 0);
    directory("ours/below", 0755, 0);
    directory("foreign", 0755, OTHER);
    directory("group", 0775, 0);
    directory("all", 0777, 0);
    directory("all/below", 0755, 0);
    directory("sticky", 01777, 0);
    directory("sticky/ours", 0755, 0);
    directory("sticky/foreign", 0755, OTHER);
    link_to("link", "ours", 0);
    link_to("link-of-link", "./link/../link", 0);
    link_to("foreign-link", "ours", OTHER);
    link_to("link-to-foreign", "foreign", 0);
    link_to("loop", "loop", 0);
    link_to("foreign/link", "../ours", 0);
    link_to("sticky/link", "../ours", 0);
    link_to("ours/to-file", "below/file", 0);
    link_to("ours/to-nothing", "below/nothing", 0);
    file("ours/below/file", 0644, 0);
    file("ours/foreign", 0666, OTHER);
    file("sticky/foreign/file", 0666, OTHER);
    file("sticky/file", 0644, 0);
    file("sticky/foreign-file", 0666, OTHER);
    file("sticky/named", 0644, 0);
    if (link(in("sticky/named"), in("ours/named")) != 0) {
        ok(0, "link: %s", strerror(errno));
    }
}

/* Is it refused with this word, or found at this place (a word that begins with a
 * slash, relative to the directory of the test)? */
static void judged(const char *name, const char *word)
{
    playcount_path p;
    int error = playcount_path_find(&p, in(name));

    error = error ? error : playcount_path_judge(&p);
    if (*word != '/') {
        ok(error == EPERM && strstr(p.why, word), "%s is refused: %s", name, word);
    }
    else {
        ok(!error && !strcmp(p.real + strlen(test_dir), word), "%s is %s", name,
           word);
    }
    if (*word == '/' ? error : !strstr(p.why, word)) {
        printf("# %s: %s, %s\n", p.real, p.why, strerror(error));
    }
    playcount_path_close(&p);
}

static void for_the_server(void)
{
    judged("ours/new", "/ours/new");
    judged("ours//./below/../new", "/ours/new");
    judged("ours/below/file", "/ours/below/file");
    judged("link/new", "/ours/new");
    judged("link-of-link/new", "/ours/new");
    judged("ours/to-file", "/ours/below/file");
    judged("ours/to-nothing", "/ours/below/nothing");
    judged("sticky/new", "/sticky/new");
    judged("sticky/ours/new", "/sticky/ours/new");
    judged("sticky/file", "/sticky/file");
    judged("ours/named", "/ours/named");
    judged("foreign/new", "foreign belongs to ");
    judged("foreign/nowhere/new",
           "who could put links there; give it to root (chown ");
    judged("link-to-foreign/new", "foreign belongs to ");
    judged("foreign/../ours/new", "foreign belongs to ");
    judged("group/new", "others may write into ");
    judged("all/below/new",
           "all and put links there; take that right away (chmod go-w ");
    judged("foreign-link/new", "foreign-link is a link of ");
    judged("sticky/link/new", "sticky/link is a link in ");
    judged("sticky/link", "into which others may write; name what it leads to");
    judged("sticky/foreign/new", "sticky/foreign belongs to ");
    judged("ours/foreign", "ours/foreign belongs to ");
    judged("sticky/foreign-file", "or move it away");
    judged("sticky/named", "sticky/named has another name elsewhere");
}

/* Where a user named the file: any directory, but no link that others can change.
 */
static void for_the_command(const char *name, const char *refusal)
{
    playcount_path p;
    int error = playcount_path_parent(&p, in(name));

    ok(refusal ? error == EPERM && strstr(p.why, refusal) : !error,
       "a file to be written beside %s%s%s", name, refusal ? ": " : "",
       refusal ? refusal : "");
    playcount_path_close(&p);
}

static int open_it(const char *name, int flags)
{
    playcount_path p;
    int error = playcount_path_find(&p, in(name));
    int fd = error ? -1 : playcount_path_open(&p, flags, 0600);

    error = error ? error : errno;
    playcount_path_close(&p);
    errno = error;
    return fd;
}

/* What changes between finding and opening does not matter. */
static void overtaken(void)
{
    playcount_path p;
    int fd;

    is((uint64_t)playcount_path_find(&p, in("sticky/late")), 0,
       "a name in a sticky directory is free");
    file("sticky/late", 0666, OTHER);
    fd = playcount_path_open(&p, O_RDWR | O_CREAT, 0600);
    ok(fd < 0 && errno == EPERM && strstr(p.why, "late belongs to "),
       "a file that another user puts there meanwhile is not opened");
    unlink(in("sticky/late"));
    link_to("sticky/late", "../ours/below/file", OTHER);
    fd = playcount_path_open(&p, O_RDWR | O_CREAT, 0600);
    ok(fd < 0, "nor is a link");
    unlink(in("sticky/late"));
    fd = playcount_path_open(&p, O_RDWR | O_CREAT | O_EXCL, 0600);
    ok(fd >= 0, "a free name is");
    close(fd);
    playcount_path_close(&p);
}

static void errors(void)
{
    char deep[PATH_MAX + 2];

    ok(open_it("nowhere/new", O_RDWR) < 0 && errno == ENOENT, "no directory");
    ok(open_it("ours/below/file/new", O_RDWR) < 0 && errno == ENOTDIR,
       "a file for a directory");
    ok(open_it("loop/new", O_RDWR) < 0 && errno == ELOOP, "links without end");
    ok(open_it("ours/new", O_RDWR) < 0 && errno == ENOENT, "no file");
    memset(deep, '/', sizeof(deep));
    memset(deep + 1, 'a', 300);
    deep[sizeof(deep) - 1] = '\0';
    deep[400] = '\0';
    playcount_path p;
    is((uint64_t)playcount_path_find(&p, deep), ENAMETOOLONG, "a name too long");
    deep[400] = '/';
    is((uint64_t)playcount_path_find(&p, deep), ENAMETOOLONG, "a path too long");
}

int main(void)
{
    if (geteuid() != 0) {
        printf("1..0 # SKIP only root can make what is another user's\n");
        return 0;
    }
    test_path("");
    chmod(test_dir, 0755);
    make_all();
    for_the_server();
    for_the_command("foreign/new", NULL);
    for_the_command("all/new", NULL);
    for_the_command("ours/to-file", NULL);
    for_the_command("link/new", NULL);
    for_the_command("foreign/link/new", "link in ");
    for_the_command("foreign-link/new", "is a link of ");
    for_the_command("sticky/link/new", "is a link in ");
    overtaken();
    errors();
    return done_testing();
}

/* Opening files without following links that somebody else could have put there:
 * paths that others could bend.
 *
 * Whoever may write into a directory can put a symbolic link where another
 * directory or a file is expected, and change it whenever they like: what we write
 * goes to where it leads. As root, that is any file of the machine.
 *
 * So a path is walked name by name, each opened in the directory before it without
 * following links (openat with O_PATH and O_NOFOLLOW), and what is opened is
 * judged. Links are followed here, not by the kernel:
 *
 *     /            a directory: must belong to root or to us, and nobody else may
 *     |            write into it, unless it is sticky, as /tmp is
 *     var          likewise
 *     |
 *     run -> /run  a link: must be root's or ours, in a directory into which nobody
 *     |            else may write, sticky or not. The walk goes on where it leads
 *     playcount    a directory of where it leads
 *     |
 *     zone         the last name. If it is there, it must be root's or ours, and in
 *                  a sticky directory have no other name
 *
 * Nobody else may write: for root, a group is somebody else; for other users it is
 * not, as theirs often has no other member. The directory that was found stays
 * open, so what is done in it by p.dir and p.name is done there, whatever anyone
 * does to the path meanwhile. `express/SafePath.pm` has the same rules in the same
 * words.
 *
 * This room knows libc only: the module and the playcount command have it.
 */
#ifndef PLAYCOUNT_PATH_H
#define PLAYCOUNT_PATH_H

#include <limits.h>
#include <sys/stat.h>

typedef struct {
    int dir;             /* where the last name is, for openat() and its like; -1 */
    char real[PATH_MAX]; /* the way without links, as far as it was walked */
    const char *name;    /* its last name, in real; NULL unless it was found */
    int is_there;        /* something has that name: */
    struct stat st;
    struct stat dir_st;
    char why[1024]; /* "", or "is not safe to write to: " and why, and the remedy:
                       half a sentence about the path */
} playcount_path;

/* Walk to the last name, which need not be there. 0; EPERM with why: it is not
 * safe; or the error of a directory on the way. Close it in any case. */
int playcount_path_find(playcount_path *p, const char *path);

/* The same, but a link that has the last name is not followed: it is what is there.
 */
int playcount_path_place(playcount_path *p, const char *path);

/* As that, in a directory that may belong to anybody, where a user named a file
 * that is theirs: only links that others could change are refused. */
int playcount_path_parent(playcount_path *p, const char *path);

/* Judge what has the last name. 0, or EPERM with why. */
int playcount_path_judge(playcount_path *p);

/* Open it, or make it with O_CREAT; judged once it is open. The descriptor, which
 * is closed on exec, or -1: errno, EPERM with why. */
int playcount_path_open(playcount_path *p, int flags, mode_t mode);

void playcount_path_close(playcount_path *p);

#endif

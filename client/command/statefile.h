/* State files: what an interrupted work is resumed with. Lines of a name, a
 * space and a value; replaced as a whole and synced to disk.
 *
 * The state of a work on FILE is FILE.playcount-KIND, beside it.
 */
#ifndef PLAYCOUNT_COMMAND_STATEFILE_H
#define PLAYCOUNT_COMMAND_STATEFILE_H

#include <stdint.h>
#include <stdio.h>

#include "client/client.h"
#include "client/command/say.h"

/* The name of the state file; to be freed; NULL: no memory. */
char *statefile_name(const char *file, const char *kind);

/* The servers and how songs are spread over them, as one line; to be freed; NULL:
 * no memory. */
char *statefile_servers(const playcount_client *client);

/* What follows `name` and a space in this line, without its end, or NULL. */
char *statefile_value(char *line, const char *name);

/* Safe in a directory that others may write to: a last name that is a link is not
 * followed, nor one before it that others could change (path/path.h), and a file
 * that another user put there is neither read nor written.
 *
 * open(2) for a file that is written beside another one; -1: see errno. */
int statefile_open(const char *path, int flags);

/* rename(2) of two names in the same directory, and unlink(2). */
int statefile_rename(const char *from, const char *to);
int statefile_unlink(const char *path);

/* Open a state file to read it; NULL: see errno, ENOENT when there is none. */
FILE *statefile_read(const char *path);

/* Whether this open file is a regular one, under one name, of this user. Not 0: it
 * is not; errno is set. */
int statefile_check(int fd);

/* What was wrong with the last of these, in words: errno, or more than that. */
const char *statefile_error(void);

/* Put it on the disk in place of the old one. Not 0: it failed, see errno, and the
 * old one, if any, is unchanged. */
typedef void statefile_write(FILE *file, const void *state);
int statefile_replace(const char *path, statefile_write *write, const void *state);

/* The same before anything is sent that it must know of; the new one is locked
 * (flock) before it has its name. *lock is the descriptor that holds the old one's
 * lock, afterwards the new one's. Not EXIT_DONE: the reason was printed, *lock is
 * as it was, and nothing may be sent. */
exit_status statefile_save(const char *path, statefile_write *write,
                           const void *state, int *lock);

/* Open a state file, which is made if there is none, and lock it for this run. Not
 * EXIT_DONE: the reason was printed. */
exit_status statefile_lock(const char *path, int *lock);

/* Unlock it (-1: nothing). One that never got anything goes. */
void statefile_unlock(const char *path, int lock);

/* Remove it. Not 0: it is still there, see errno. Not synced. */
int statefile_remove(const char *path);

/* A name in a directory is on the disk when the directory is: the one of this path.
 * Not 0: it failed, see errno. */
int statefile_sync_directory(const char *path);

/* FNV-1a, 64 bits, over several pieces; the first goes on from STATEFILE_HASH. */
#define STATEFILE_HASH 0xcbf29ce484222325
uint64_t statefile_hash(uint64_t hash, const char *text, size_t n);

#endif

/* The file of an export, and how an interrupted one is resumed.
 *
 * The servers' listings are written page by page, one server after the other, to
 * FILE.playcount-export:
 *
 *     +-----------------+-----------------+----------------+--------+- - -
 *     | server 0        | server 1        | server 2: page | page   | page
 *     +-----------------+-----------------+----------------+--------+- - -
 *     0                                 part             noted     now
 *
 * When a page is whole it is synced, and then FILE.playcount-export-state notes how
 * far the file is good, with a hash of it, at which server that is, where its part
 * begins, and of which mapping its pages are:
 *
 *     playcount export 1
 *     servers ketama http://127.0.0.1:8000/
 *     part 0 0
 *     mapping 89abcdef01234567-1
 *     noted 1048576 0123456789abcdef
 *
 * Resuming reads the file up to `noted`, discards what follows it, and
 * asks that server for what follows the last song. Songs keep their order as long
 * as the mapping is the same (the server says which); if it is another one, the
 * server's part starts over.
 *
 * At the end the file is synced and takes the name FILE; then the state goes.
 * Killed in between, there is a state and no file, which is nothing to resume. An
 * export that was whole and could not say so is made again by the same command,
 * which does no harm. The file is locked while it runs (flock).
 */
#ifndef PLAYCOUNT_COMMAND_EXPORTFILE_H
#define PLAYCOUNT_COMMAND_EXPORTFILE_H

#include "client/client.h"
#include "client/command/say.h"

/* A place between two songs. */
typedef struct {
    uint64_t bytes, hash; /* of the file up to here */
    uint64_t songs, plays;
    char last[PLAYCOUNT_ID_BYTES + 1]; /* song of this part; "": none yet */
} exportplace;

typedef struct {
    const char *target; /* FILE */
    char *path, *state_path, *servers;
    FILE *file;
    char *buffer; /* of it */
    exportplace part, noted, now;
    size_t server;
    size_t servers_n;
    char mapping[PLAYCOUNT_MAPPING_ROOM]; /* of the part; "": not known yet */
    uint64_t kept; /* bytes that an interrupted export had written */
} exportfile;

/* Open what an interrupted export left, or a new one. Not EXIT_DONE: the reason was
 * printed, and existing files are unchanged. Close it in any case. */
exit_status exportfile_open(exportfile *f, const playcount_client *client,
                            const char *target);

/* Write one song. Not 0: it failed, see errno. */
int exportfile_add(exportfile *f, const char *id, uint64_t count);

/* A page is whole. Not EXIT_DONE: the reason was printed. */
exit_status exportfile_note(exportfile *f);

/* The page is not whole: back to where it began. */
exit_status exportfile_rewind(exportfile *f);

/* The pages of this server are not of one mapping: back to where its part began. */
exit_status exportfile_restart_part(exportfile *f);

/* This server's part is whole. */
void exportfile_next_part(exportfile *f);

/* All is written: it becomes FILE. */
exit_status exportfile_finish(exportfile *f);

/* What is not finished stays, to be resumed, unless there is nothing of it. */
void exportfile_close(exportfile *f);

#endif

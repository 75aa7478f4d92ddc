/* Which song a request is for: the first group of --match. */
#ifndef PLAYCOUNT_COMMAND_SONGMATCH_H
#define PLAYCOUNT_COMMAND_SONGMATCH_H

#include "client/command/accesslog.h"
#include "client/command/command.h"
#include "client/id.h"

typedef struct songmatch songmatch;

/* Not EXIT_DONE: it has said what is wrong with the expression. */
exit_status songmatch_new(songmatch **match, const char *regex);
void songmatch_free(songmatch *match);

/* The song of this request. 1: it is in id[]; 0: it is another request; -1: it
 * matches and has no valid id. */
int songmatch_find(songmatch *match, const accesslog_line *line,
                   char id[PLAYCOUNT_ID_ENCODED]);

#endif

/* What makes a path unsafe: the judges of path.c, which alone uses them. Each is 0,
 * or EPERM with p->why. */
#ifndef PLAYCOUNT_PATH_JUDGE_H
#define PLAYCOUNT_PATH_JUDGE_H

#include "path/path.h"

/* The directory that the walk has come to. */
int playcount_path_judge_directory(playcount_path *p);

/* A link of this name in it. */
int playcount_path_judge_link(playcount_path *p, const char *name,
                              const struct stat *link);

#endif

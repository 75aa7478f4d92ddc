/* What the files of a store share: see store.h. */
#ifndef PLAYCOUNT_RECORDER_STORE_PRIVATE_H
#define PLAYCOUNT_RECORDER_STORE_PRIVATE_H

#include <dirent.h>
#include <fcntl.h>

#include "recorder/store.h"

#define OPEN_DIR (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

struct playcount_store {
    int dir;
    int work; /* locked as long as it is open */
    char work_name[48];
};

/* The entries of a directory, which stays open; NULL: errno says why. */
DIR *playcount_store_list(int dir);

/* Remove a directory, its files, and what its directories hold, to this depth. */
void playcount_store_remove(int dir, const char *name, int depth);

#endif

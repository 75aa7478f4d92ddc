/* Before a start: see start.h. */

#include "server/start.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "ap_mpm.h"
#include "apr_strings.h"
#include "http_core.h"
#include "http_log.h"
#include "mpm_common.h"

const char *const playcount_after_mpm[] = {"event.c", "worker.c", "prefork.c",
                                           NULL};
const char *const playcount_before_core[] = {"core.c", NULL};

int playcount_start_has_terminal(void)
{
    return ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG;
}

int playcount_start_is_restart(void)
{
    int generation = 0;

    return ap_mpm_query(AP_MPMQ_GENERATION, &generation) == APR_SUCCESS &&
           generation > 0;
}

static int is_among(DIR *open_files, const struct stat *file)
{
    const struct dirent *entry;
    struct stat st;

    while ((entry = readdir(open_files))) {
        if (fstatat(dirfd(open_files), entry->d_name, &st, 0) == 0 &&
            st.st_dev == file->st_dev && st.st_ino == file->st_ino) {
            return 1;
        }
    }
    return 0;
}

/* By /proc: where there is none, nothing is found. */
int playcount_running_has_open(const char *path, apr_pool_t *p)
{
    struct stat file;
    pid_t pid;
    DIR *open_files;
    int found;

    if (stat(path, &file) != 0 ||
        ap_read_pid(p, ap_pid_fname, &pid) != APR_SUCCESS) {
        return 0;
    }
    open_files = opendir(apr_psprintf(p, "/proc/%" APR_PID_T_FMT "/fd", pid));
    if (!open_files) {
        return errno == EACCES;
    }
    found = is_among(open_files, &file);
    closedir(open_files);
    return found;
}

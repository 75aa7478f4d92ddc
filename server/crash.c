/* A child that crashes says so to playcount-express: see crash.h. */

#include "server/crash.h"

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "http_config.h"

#define PIPE "MOD_PLAYCOUNT_EXPRESS_CRASH"
#define TENTHS 300 /* of a second that the debugger may take */

static const int signals[] = {SIGSEGV, SIGABRT, SIGILL, SIGFPE};

#define SIGNALS (sizeof(signals) / sizeof(signals[0]))

static struct sigaction before[SIGNALS];
static int to = -1;
static _Atomic int begun;
static volatile int heard; /* set by the debugger */

static void wait_for_debugger(void)
{
    const struct timespec tenth = {.tv_nsec = 100000000};

    for (int i = 0; i < TENTHS && !heard; i++) {
        nanosleep(&tenth, NULL);
    }
}

/* Other threads that crash meanwhile wait as well. */
static void crashed(int signal)
{
    const playcount_crash_note note = {getpid(), syscall(SYS_gettid), signal,
                                       (intptr_t)&heard};

    if (!atomic_exchange(&begun, 1)) {
        /* It has changed its user, so others of that user might not look at it. */
        prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
#ifdef PR_SET_PTRACER
        prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
#endif
        if (write(to, &note, sizeof(note)) != sizeof(note)) {
            heard = 1; /* nobody reads it */
        }
    }
    wait_for_debugger();
    for (size_t i = 0; i < SIGNALS; i++) {
        sigaction(signals[i], &before[i], NULL);
    }
    /* Blocked until this returns; a signal from another process would be lost
     * otherwise. */
    raise(signal);
}

static apr_status_t restore(void *unused)
{
    for (size_t i = 0; i < SIGNALS; i++) {
        sigaction(signals[i], &before[i], NULL);
    }
    return APR_SUCCESS;
}

/* The pipe is not for programs that httpd starts. */
static int pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    const char *number = getenv(PIPE);
    struct stat st;

    to = number ? atoi(number) : -1;
    if (to <= STDERR_FILENO || fstat(to, &st) != 0 || !S_ISFIFO(st.st_mode)) {
        to = -1;
        return OK;
    }
    fcntl(to, F_SETFD, FD_CLOEXEC);
    fcntl(to, F_SETFL, O_NONBLOCK);
    return OK;
}

static void child_init(apr_pool_t *p, server_rec *s)
{
    struct sigaction ours = {.sa_handler = crashed};

    if (to < 0) {
        return;
    }
    sigemptyset(&ours.sa_mask);
    for (size_t i = 0; i < SIGNALS; i++) {
        sigaction(signals[i], &ours, &before[i]);
    }
    apr_pool_cleanup_register(p, NULL, restore, apr_pool_cleanup_null);
}

void playcount_crash_register_hooks(apr_pool_t *p)
{
    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_init(child_init, NULL, NULL, APR_HOOK_LAST);
}

/* A child that crashes says so to playcount-express: see crash.h. */

#include "server/crash.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "http_config.h"
#include "http_protocol.h"

#include "shm/fault/fault.h"

#define PIPE "MOD_PLAYCOUNT_EXPRESS_CRASH"
#define TENTHS 300 /* of a second that the debugger may take */
#define STACK 65536

/* SIGBUS comes by shm/fault/. */
static const int signals[] = {SIGSEGV, SIGABRT, SIGILL, SIGFPE};

#define SIGNALS (sizeof(signals) / sizeof(signals[0]))

static struct sigaction before[SIGNALS];
static int to = -1;
static _Atomic int begun;
static volatile int heard; /* set by the debugger */
static pthread_key_t stack_key;
static int has_stacks; /* the key is there; set in child_init */

static void wait_for_debugger(void)
{
    const struct timespec tenth = {.tv_nsec = 100000000};

    for (int i = 0; i < TENTHS && !heard; i++) {
        nanosleep(&tenth, NULL);
    }
}

/* Other threads that crash meanwhile wait as well. */
static void report(int signal)
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
}

static void crashed(int signal)
{
    report(signal);
    for (size_t i = 0; i < SIGNALS; i++) {
        sigaction(signals[i], &before[i], NULL);
    }
    /* Blocked until this returns; a signal from another process would be lost
     * otherwise. */
    raise(signal);
}

/* --- a stack for the handler --- */

/* At the end of the thread. */
static void take_stack(void *memory)
{
    const stack_t none = {.ss_flags = SS_DISABLE};

    sigaltstack(&none, NULL);
    munmap(memory, STACK);
}

/* A thread whose stack has overflowed has none left for the handler. Threads are
 * made by the MPM, mod_http2 and others, which ask nobody, so each gets its second
 * stack when it first has something to do. */
static void give_stack(void)
{
    stack_t stack = {.ss_size = STACK}, had;

    if (!has_stacks || pthread_getspecific(stack_key)) {
        return;
    }
    if (sigaltstack(NULL, &had) != 0 || !(had.ss_flags & SS_DISABLE)) {
        return; /* it has one of its own */
    }
    stack.ss_sp = mmap(NULL, STACK, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stack.ss_sp == MAP_FAILED) {
        return;
    }
    if (sigaltstack(&stack, NULL) != 0 ||
        pthread_setspecific(stack_key, stack.ss_sp) != 0) {
        take_stack(stack.ss_sp);
    }
}

static int post_read_request(request_rec *r)
{
    give_stack();
    return DECLINED;
}

/* --- start and end of a child --- */

static apr_status_t restore(void *unused)
{
    playcount_fault_tell(NULL);
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
    struct sigaction ours = {.sa_handler = crashed, .sa_flags = SA_ONSTACK};

    if (to < 0) {
        return;
    }
    has_stacks = pthread_key_create(&stack_key, take_stack) == 0;
    give_stack();
    sigemptyset(&ours.sa_mask);
    for (size_t i = 0; i < SIGNALS; i++) {
        sigaction(signals[i], &ours, &before[i]);
    }
    playcount_fault_tell(report);
    apr_pool_cleanup_register(p, NULL, restore, apr_pool_cleanup_null);
}

void playcount_crash_register_hooks(apr_pool_t *p)
{
    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_init(child_init, NULL, NULL, APR_HOOK_LAST);
    if (getenv(PIPE)) {
        ap_hook_post_read_request(post_read_request, NULL, NULL, APR_HOOK_FIRST);
    }
}

/* Pages that cannot be read or written: see fault.h. */

#include "shm/fault/fault.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

typedef struct guard {
    struct guard *next;
    char *from;
    size_t bytes;
    _Atomic uint32_t *failed;
    char page[PLAYCOUNT_FAULT_PAGE]; /* what takes its place begins so */
} guard;

static guard *_Atomic guards;
static struct sigaction before;
static void (*_Atomic tell)(int signal_number);

static apr_status_t forget(void *unguarded)
{
    guard *g = unguarded;

    if (atomic_load(&guards) == g) {
        atomic_store(&guards, g->next);
        return APR_SUCCESS;
    }
    for (guard *i = atomic_load(&guards); i; i = i->next) {
        if (i->next == g) {
            i->next = g->next;
        }
    }
    return APR_SUCCESS;
}

void playcount_fault_watch(void *mapping, size_t bytes,
                           const char page[PLAYCOUNT_FAULT_PAGE],
                           _Atomic uint32_t *failed, apr_pool_t *pool)
{
    guard *g = apr_pcalloc(pool, sizeof(*g));

    g->from = mapping;
    g->bytes = bytes;
    g->failed = failed;
    memcpy(g->page, page, sizeof(g->page));
    g->next = atomic_load(&guards);
    atomic_store(&guards, g);
    apr_pool_cleanup_register(pool, g, forget, apr_pool_cleanup_null);
}

/* Only system calls and stores: this runs in a signal handler. Two threads may do
 * it at once; the second replaces what the first has made by the same. */
static int replace(const guard *g)
{
    void *empty = mmap(NULL, g->bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (empty == MAP_FAILED) {
        return 0;
    }
    memcpy(empty, g->page, sizeof(g->page));
    atomic_store_explicit(g->failed, 1, memory_order_release);
    return mremap(empty, g->bytes, g->bytes, MREMAP_MAYMOVE | MREMAP_FIXED,
                  g->from) != MAP_FAILED;
}

void playcount_fault_tell(void (*stranger)(int signal_number))
{
    atomic_store(&tell, stranger);
}

/* As if we had not been here. */
static void pass_on(int signal_number, siginfo_t *info, void *context)
{
    void (*stranger)(int) = atomic_load(&tell);

    if (stranger) {
        stranger(signal_number);
    }
    if (before.sa_flags & SA_SIGINFO) {
        before.sa_sigaction(signal_number, info, context);
    }
    else if (before.sa_handler == SIG_DFL || before.sa_handler == SIG_IGN) {
        /* The instruction is done again, and ends the process. */
        signal(signal_number, SIG_DFL);
        if (info->si_code <= 0) {
            raise(signal_number);
        }
    }
    else {
        before.sa_handler(signal_number);
    }
}

static void on_fault(int signal_number, siginfo_t *info, void *context)
{
    int error = errno;

    /* Not one that kill() sent. */
    for (const guard *g = info->si_code > 0 ? atomic_load(&guards) : NULL; g;
         g = g->next) {
        const char *at = info->si_addr;

        if (at >= g->from && at < g->from + g->bytes && replace(g)) {
            errno = error;
            return;
        }
    }
    pass_on(signal_number, info, context);
    errno = error;
}

static int is_caught(struct sigaction *now)
{
    return sigaction(SIGBUS, NULL, now) == 0 && now->sa_flags & SA_SIGINFO &&
           now->sa_sigaction == on_fault;
}

void playcount_fault_catch(void)
{
    struct sigaction now, ours = {.sa_sigaction = on_fault,
                                  .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK};

    if (!is_caught(&now)) {
        before = now;
        sigemptyset(&ours.sa_mask);
        sigaction(SIGBUS, &ours, NULL);
    }
}

void playcount_fault_release(void)
{
    struct sigaction now;

    if (is_caught(&now)) {
        sigaction(SIGBUS, &before, NULL);
    }
}

/* Tells playcount-express of a crash, so that it can write down what the threads of
 * the child were doing. Debian's httpd is built without its own hook for that
 * (EnableExceptionHook), and core files go who knows where.
 *
 * Only when the environment has MOD_PLAYCOUNT_EXPRESS_CRASH, the number of a pipe
 * that playcount-express reads. A child that gets SIGSEGV, SIGABRT, SIGILL, SIGFPE,
 * or a SIGBUS that is not of a zone's file (shm/fault/fault.h), then writes a note
 * into it and stays as it is, while gdb looks at it from outside, for half a minute
 * at most. Then the signal goes on to httpd's own handler. What the handler does is
 * safe in a process that is broken: it allocates nothing and takes no lock.
 *
 * Threads that serve requests get a second stack for the handler, so that an
 * overflow of the first is told too. Threads that never do (the MPM's own, the
 * watchdog's, the lane's loop) have none: an overflow there ends the child without
 * a note. */
#ifndef PLAYCOUNT_SERVER_CRASH_H
#define PLAYCOUNT_SERVER_CRASH_H

#include <stdint.h>

#include "httpd.h"

/* What comes out of the pipe. */
typedef struct {
    int64_t process;
    int64_t thread;
    int64_t signal;
    int64_t heard; /* the address of an int; set to 1, the crash goes on */
} playcount_crash_note;

void playcount_crash_register_hooks(apr_pool_t *p);

#endif

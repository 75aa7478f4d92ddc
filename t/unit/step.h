/* One machine instruction at a time: between step(1) and step(0) the processor
 * traps after each (its trap flag), and the handler given to step_handler() runs,
 * which may be another process to what it interrupts. For x86-64; a test stands
 * within #ifdef __x86_64__, and is skipped on other processors. */
#ifndef PLAYCOUNT_TEST_STEP_H
#define PLAYCOUNT_TEST_STEP_H

#include <signal.h>
#include <stdio.h>
#include <ucontext.h>

#ifdef __x86_64__

#define STEP_TRAP_FLAG 0x100

/* The stack below its pointer may be in use. */
static __attribute__((noinline)) void step(int on)
{
    if (on) {
        __asm__ volatile("lea -128(%%rsp), %%rsp; pushfq; orq %0, (%%rsp); popfq;"
                         "lea 128(%%rsp), %%rsp" ::"i"(STEP_TRAP_FLAG)
                         : "memory", "cc");
    }
    else {
        __asm__ volatile("lea -128(%%rsp), %%rsp; pushfq; andq %0, (%%rsp); popfq;"
                         "lea 128(%%rsp), %%rsp" ::"i"(~STEP_TRAP_FLAG)
                         : "memory", "cc");
    }
}

/* In the handler: what it interrupted goes on at full speed. */
static inline void step_no_more(void *context)
{
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)STEP_TRAP_FLAG;
}

static inline void step_handler(void (*trap)(int, siginfo_t *, void *))
{
    struct sigaction action = {.sa_sigaction = trap, .sa_flags = SA_SIGINFO};

    sigaction(SIGTRAP, &action, NULL);
}

#else

int main(void)
{
    printf("1..0 # SKIP single steps are of one processor\n");
    return 0;
}

#endif
#endif

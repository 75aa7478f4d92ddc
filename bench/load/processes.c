/* The CPU time of the server's processes. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench/load/load.h"

#define MOST 64

static clockid_t all[MOST];
static int count;

void processes_add(int pid)
{
    if (count == MOST || clock_getcpuclockid(pid, &all[count])) {
        fprintf(stderr, "load: --cpu-of %d: no such process, or one too many\n",
                pid);
        exit(2);
    }
    count++;
}

uint64_t processes_cpu(void)
{
    uint64_t sum = 0;

    for (int i = 0; i < count; i++) {
        struct timespec t;

        if (!clock_gettime(all[i], &t)) {
            sum += (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
        }
    }
    return sum;
}

/* What agent.c and agent_files.c share. */
#ifndef PLAYCOUNT_MEDIA_RULES_AGENT_PRIVATE_H
#define PLAYCOUNT_MEDIA_RULES_AGENT_PRIVATE_H

#include <stdint.h>

#include "media/rules/agent.h"
#include "media/rules/patterns.h"

enum { AGENT_CELLS = 4096 };

typedef struct agent_file agent_file;
struct agent_file {
    playcount_patterns *patterns;
    int allow;
    agent_file *next;
};

struct playcount_agents {
    agent_file *files;
    uint64_t key[2];                     /* random */
    _Atomic uint64_t cells[AGENT_CELLS]; /* 0: empty */
};

#endif

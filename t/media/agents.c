/* Prints how the rules judge User-Agents, a line each on the standard input:
 * "listener", or the reason why not.
 *
 *     agents [LIST...]
 */
#include <stdio.h>
#include <string.h>

#include "media/rules/agent.h"

int main(int argc, char **argv)
{
    playcount_agents *agents = playcount_agents_new();
    char wrong[300], line[8192];

    for (int i = 1; i < argc; i++) {
        if (!agents ||
            playcount_agents_load(agents, argv[i], 0, wrong, sizeof(wrong))) {
            fprintf(stderr, "%s\n", wrong);
            return 1;
        }
    }
    while (fgets(line, sizeof(line), stdin)) {
        size_t n = strcspn(line, "\n");
        playcount_agent_e judgement = playcount_agents_judge(agents, line, n);

        puts(judgement == PLAYCOUNT_AGENT_LISTENER
                 ? "listener"
                 : playcount_agent_reason(judgement));
    }
    playcount_agents_free(agents);
    return 0;
}

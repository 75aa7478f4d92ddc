/* Which lines of an access log are plays, and of which song. */
#ifndef PLAYCOUNT_COMMAND_REPLAYLINE_H
#define PLAYCOUNT_COMMAND_REPLAYLINE_H

#include "client/command/logformat.h"
#include "client/command/run.h"

typedef struct replay_rules replay_rules;

/* From --match, --status, --method and --format. Not EXIT_DONE: it has said what is
 * wrong with them. */
exit_status replay_rules_new(replay_rules **rules, const arguments *a);
void replay_rules_free(replay_rules *rules);

/* A hash of what was asked for. */
uint64_t replay_rules_hash(const arguments *a);

/* The plays of these lines, into the pack (a run_parse; the context is the rules).
 */
exit_status replay_rules_parse(void *rules, const char *text, size_t n,
                               uint64_t offset, playcount_pack *pack,
                               uint64_t *things, uint64_t *plays);

typedef struct {
    uint64_t unreadable; /* lines in another format */
    uint64_t unusable;   /* matches that are not an id */
} replay_misses;

replay_misses replay_rules_misses(const replay_rules *rules);

#endif

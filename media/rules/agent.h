/* Which User-Agents are not listeners.
 *
 * In this order:
 *   1. an empty one is out;
 *   2. one that an `allow` file matches is in, whatever follows;
 *   3. the second download of a watch that is paired with a phone is out: it
 *      begins with "atc/" and has "watchOS", or has "(null)/(null) watchOS"; but
 *      not one with "AppleCoreMedia", by which a watch plays (IAB 2.3, 5.5.2);
 *   4. a few well-known bots are out (agent.c has them);
 *   5. one that a `deny` file matches is out.
 *
 * Files. What the file begins with tells its format:
 *
 *   [ {"pattern": "Googlebot\\/", ...}, ... ]
 *       crawler-user-agents (npm, MIT; by Martin Monperrus)
 *   {"entries": [ {"name": "...", "pattern": "^AhrefsBot/"}, ... ]}
 *       opawg/user-agents-v2: bots.json, or bots.runtime.json. In a file where some
 *       entries have the category "bot" (libraries.json), only these are taken.
 *   anything else
 *       one text a line, which a User-Agent contains; '#' begins a comment line.
 *       A line between two slashes is a regular expression: /^Foo\/[0-9]/
 *
 * Regular expressions are Perl-compatible (PCRE2, which httpd uses too), and match
 * anywhere, case matters. A file's expressions become one. The judgement of a
 * User-Agent is remembered in 4,096 cells, as the same few come again and again: a
 * cell has a hash of it, keyed with random bytes, and no User-Agent.
 */
#ifndef PLAYCOUNT_MEDIA_RULES_AGENT_H
#define PLAYCOUNT_MEDIA_RULES_AGENT_H

#include <stddef.h>
#include <stdint.h>

typedef enum {
    PLAYCOUNT_AGENT_LISTENER,
    PLAYCOUNT_AGENT_EMPTY,
    PLAYCOUNT_AGENT_WATCH, /* the watch's second download */
    PLAYCOUNT_AGENT_BOT,   /* one of ours */
    PLAYCOUNT_AGENT_LISTED /* in a `deny` file */
} playcount_agent_e;

typedef struct playcount_agents playcount_agents;

/* No files yet. NULL: no memory, or no random bytes. */
playcount_agents *playcount_agents_new(void);
void playcount_agents_free(playcount_agents *agents);

/* Add a file. 0, or -1 with a sentence in wrong[] that names the file and the
 * entry. Not concurrently with anything. */
int playcount_agents_load(playcount_agents *agents, const char *path, int allow,
                          char *wrong, size_t wrong_size);

/* Judge n bytes (agent NULL: there is no such header). May be called concurrently.
 */
playcount_agent_e playcount_agents_judge(playcount_agents *agents,
                                         const char *agent, size_t n);

/* The same in two steps: whoever keeps the hash knows by it that the same
 * User-Agent comes again, and may hash other texts, too. Fast; without the key,
 * random bytes of these lists' own, nobody finds two texts that have the same. */
uint64_t playcount_agents_hash(const playcount_agents *agents, const char *text,
                               size_t n);
playcount_agent_e playcount_agents_judge_hashed(playcount_agents *agents,
                                                uint64_t hash, const char *agent,
                                                size_t n);

/* What such hashes are made by: two words become one. */
static inline uint64_t playcount_agents_mix(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* The judgement without files: rules 1, 3 and 4. */
playcount_agent_e playcount_agent_judge(const char *agent, size_t n);

/* A few words for the log: "the User-Agent is empty". */
const char *playcount_agent_reason(playcount_agent_e judgement);

#endif

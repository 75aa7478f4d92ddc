/* Several regular expressions as one. See agent.h for what they are for. */
#ifndef PLAYCOUNT_MEDIA_RULES_PATTERNS_H
#define PLAYCOUNT_MEDIA_RULES_PATTERNS_H

#include <stddef.h>

typedef struct playcount_patterns playcount_patterns;

/* While they are collected. */
typedef struct {
    char *text; /* "(?:first)|(?:second)" */
    size_t n, room;
} playcount_pattern_list;

/* Add one. NULL, or what is wrong with it: `why`, or a constant. */
const char *playcount_patterns_add(playcount_pattern_list *list,
                                   const char *pattern, char *why, size_t why_size);

/* Add a text that is to be found as it is. NULL, or what is wrong. */
const char *playcount_patterns_add_text(playcount_pattern_list *list,
                                        const char *text);

/* Compile what was added, and empty the list, which may be empty already. NULL:
 * what is wrong is in why[]. */
playcount_patterns *playcount_patterns_compile(playcount_pattern_list *list,
                                               char *why, size_t why_size);
void playcount_patterns_free(playcount_patterns *patterns);

/* Does one of them match anywhere? One that takes too many steps does not. May be
 * called concurrently. */
int playcount_patterns_match(const playcount_patterns *patterns, const char *text,
                             size_t n);

#endif

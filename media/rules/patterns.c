/* Several regular expressions as one. See patterns.h. */
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "media/rules/patterns.h"

/* What a User-Agent may cost; they come from strangers. */
enum { MATCH_LIMIT = 200000 };

#define OPTIONS (PCRE2_NEVER_UTF | PCRE2_NEVER_BACKSLASH_C)

struct playcount_patterns {
    pcre2_code *code; /* NULL: there are none */
    pcre2_match_context *limits;
};

static pcre2_code *compile(const char *pattern, size_t n, char *why,
                           size_t why_size)
{
    PCRE2_UCHAR sentence[160];
    PCRE2_SIZE where;
    int error;
    pcre2_code *code =
        pcre2_compile((PCRE2_SPTR)pattern, n, OPTIONS, &error, &where, NULL);

    if (!code) {
        pcre2_get_error_message(error, sentence, sizeof(sentence));
        snprintf(why, why_size, "%s, at character %zu", (const char *)sentence,
                 (size_t)where + 1);
    }
    return code;
}

static int put(playcount_pattern_list *list, const char *text, size_t n)
{
    if (list->room - list->n < n) {
        size_t room = 2 * list->room + n + 1024;
        char *more = realloc(list->text, room);

        if (!more) {
            return -1;
        }
        list->text = more;
        list->room = room;
    }
    memcpy(list->text + list->n, text, n);
    list->n += n;
    return 0;
}

static const char *put_group(playcount_pattern_list *list, const char *pattern,
                             size_t n)
{
    const char *begin = list->n ? "|(?:" : "(?:";

    return put(list, begin, strlen(begin)) || put(list, pattern, n) ||
                   put(list, ")", 1)
               ? "no memory"
               : NULL;
}

const char *playcount_patterns_add(playcount_pattern_list *list,
                                   const char *pattern, char *why, size_t why_size)
{
    size_t n = strlen(pattern);
    uint32_t references = 0;
    pcre2_code *code = compile(pattern, n, why, why_size);

    if (!code) {
        return why;
    }
    pcre2_pattern_info(code, PCRE2_INFO_BACKREFMAX, &references);
    pcre2_code_free(code);
    if (references) {
        return "it refers to one of its groups, which is not supported";
    }
    return put_group(list, pattern, n);
}

const char *playcount_patterns_add_text(playcount_pattern_list *list,
                                        const char *text)
{
    size_t n = strlen(text), used = 0;
    char *escaped = malloc(2 * n + 1);
    const char *wrong;

    if (!escaped) {
        return "no memory";
    }
    for (size_t i = 0; i < n; i++) {
        if (strchr("\\^$.[]|()?*+{}#", text[i])) {
            escaped[used++] = '\\';
        }
        escaped[used++] = text[i];
    }
    wrong = put_group(list, escaped, used);
    free(escaped);
    return wrong;
}

playcount_patterns *playcount_patterns_compile(playcount_pattern_list *list,
                                               char *why, size_t why_size)
{
    playcount_patterns *patterns = calloc(1, sizeof(*patterns));
    int failed = patterns == NULL;

    snprintf(why, why_size, "no memory");
    if (patterns && list->n) {
        patterns->limits = pcre2_match_context_create(NULL);
        patterns->code =
            patterns->limits ? compile(list->text, list->n, why, why_size) : NULL;
        failed = patterns->code == NULL;
    }
    if (!failed && patterns->code) {
        pcre2_set_match_limit(patterns->limits, MATCH_LIMIT);
        pcre2_jit_compile(patterns->code,
                          PCRE2_JIT_COMPLETE); /* where it is there */
    }
    free(list->text);
    *list = (playcount_pattern_list){0};
    if (failed) {
        playcount_patterns_free(patterns);
        patterns = NULL;
    }
    return patterns;
}

void playcount_patterns_free(playcount_patterns *patterns)
{
    if (patterns) {
        pcre2_match_context_free(patterns->limits);
        pcre2_code_free(patterns->code);
        free(patterns);
    }
}

int playcount_patterns_match(const playcount_patterns *patterns, const char *text,
                             size_t n)
{
    pcre2_match_data *groups;
    int found;

    if (!patterns->code) {
        return 0;
    }
    groups = pcre2_match_data_create(1, NULL);
    if (!groups) {
        return 0;
    }
    found = pcre2_match(patterns->code, (PCRE2_SPTR)text, n, 0, 0, groups,
                        patterns->limits);
    if (found == PCRE2_ERROR_JIT_STACKLIMIT) {
        found = pcre2_match(patterns->code, (PCRE2_SPTR)text, n, 0, PCRE2_NO_JIT,
                            groups, patterns->limits);
    }
    pcre2_match_data_free(groups);
    return found >= 0;
}

/* The song of a request. See songmatch.h. */
#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "client/command/songmatch.h"

struct songmatch {
    pcre2_code *pattern;
    pcre2_match_data *groups;
};

exit_status songmatch_new(songmatch **match, const char *regex)
{
    songmatch *m = calloc(1, sizeof(*m));
    uint32_t groups = 0;
    PCRE2_SIZE where;
    int code;

    *match = m;
    if (!m) {
        say("no memory");
        return EXIT_FILE;
    }
    m->pattern = pcre2_compile((PCRE2_SPTR)regex, PCRE2_ZERO_TERMINATED, 0, &code,
                               &where, NULL);
    if (!m->pattern) {
        PCRE2_UCHAR sentence[200];
        pcre2_get_error_message(code, sentence, sizeof(sentence));
        return say_usage("--match=%s: %s, at character %zu", regex,
                         (const char *)sentence, (size_t)where + 1);
    }
    pcre2_pattern_info(m->pattern, PCRE2_INFO_CAPTURECOUNT, &groups);
    if (!groups) {
        return say_usage("--match=%s has no group (...) that is the song's id",
                         regex);
    }
    pcre2_jit_compile(m->pattern, PCRE2_JIT_COMPLETE); /* faster where available */
    m->groups = pcre2_match_data_create_from_pattern(m->pattern, NULL);
    if (!m->groups) {
        say("no memory");
        return EXIT_FILE;
    }
    return EXIT_DONE;
}

void songmatch_free(songmatch *match)
{
    if (match) {
        pcre2_match_data_free(match->groups);
        pcre2_code_free(match->pattern);
        free(match);
    }
}

int songmatch_find(songmatch *match, const accesslog_line *line,
                   char id[PLAYCOUNT_ID_ENCODED])
{
    int found = pcre2_match(match->pattern, (PCRE2_SPTR)line->target,
                            line->target_n, 0, 0, match->groups, NULL);
    if (found < 0 && found != PCRE2_ERROR_NOMATCH) {
        return -1;
    }
    PCRE2_SIZE *at = pcre2_get_ovector_pointer(match->groups);
    if (found < 2 || at[2] == PCRE2_UNSET) {
        return 0;
    }
    const char *text = line->target + at[2];
    size_t n = at[3] - at[2];
    if (n >= PLAYCOUNT_ID_ENCODED || memchr(text, '\0', n)) {
        return -1;
    }
    /* httpd writes a path (%U) decoded, and a request (%r) as it came. */
    if (at[3] <= line->decoded_n) {
        memcpy(id, text, n);
        id[n] = '\0';
    }
    else if (playcount_percent_decode(text, n, id)) {
        *id = '\0';
    }
    return playcount_id_fault(id) ? -1 : 1;
}

/* Lines that are plays. See replayline.h. */
#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "client/command/replayline.h"
#include "client/command/statefile.h"
#include "client/id.h"

struct replay_rules {
    const arguments *a;
    logformat *format;
    const char *statuses, *methods; /* NULL: any */
    pcre2_code *pattern;
    pcre2_match_data *groups;
    replay_misses misses;
};

/* The first group of the pattern in this target, as an id. 0: it does not match. */
static int find_id(replay_rules *r, const accesslog_line *line,
                   char id[PLAYCOUNT_ID_ENCODED])
{
    int found = pcre2_match(r->pattern, (PCRE2_SPTR)line->target, line->target_n, 0,
                            0, r->groups, NULL);
    if (found < 0 && found != PCRE2_ERROR_NOMATCH) {
        r->misses.unusable++;
    }
    PCRE2_SIZE *at = pcre2_get_ovector_pointer(r->groups);
    if (found < 2 || at[2] == PCRE2_UNSET) {
        return 0;
    }
    const char *text = line->target + at[2];
    size_t n = at[3] - at[2];
    if (n >= PLAYCOUNT_ID_ENCODED || memchr(text, '\0', n)) {
        r->misses.unusable++;
        return 0;
    }
    /* httpd writes a path (%U) decoded, and a request (%r) as it came. */
    if (at[3] <= line->decoded_n) {
        memcpy(id, text, n);
        id[n] = '\0';
    }
    else if (playcount_percent_decode(text, n, id)) {
        *id = '\0';
    }
    if (playcount_id_fault(id)) {
        r->misses.unusable++;
        return 0;
    }
    return 1;
}

static exit_status take_line(replay_rules *r, const char *text, size_t n,
                             playcount_pack *pack, uint64_t *plays)
{
    char id[PLAYCOUNT_ID_ENCODED];
    accesslog_line line;
    playcount_error error;

    if (logformat_parse(r->format, text, n, &line)) {
        r->misses.unreadable++;
        return EXIT_DONE;
    }
    if ((r->statuses && !accesslog_status_in(r->statuses, line.status)) ||
        (r->methods &&
         !accesslog_method_in(r->methods, line.method, line.method_n)) ||
        !find_id(r, &line, id)) {
        return EXIT_DONE;
    }
    if (playcount_pack_add(pack, id, 1, NULL, &error) < 0) {
        if (error.status != PLAYCOUNT_E_USAGE) {
            return say_error(&error);
        }
        r->misses.unusable++; /* no integer, and modulo */
        return EXIT_DONE;
    }
    ++*plays;
    return EXIT_DONE;
}

exit_status replay_rules_parse(void *context, const char *text, size_t n,
                               uint64_t offset, playcount_pack *pack,
                               uint64_t *things, uint64_t *plays)
{
    const char *end = text + n;
    exit_status status = EXIT_DONE;

    if (offset == 0 && n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3; /* a byte order mark */
    }
    while (text < end && status == EXIT_DONE) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        const char *stop = newline ? newline : end;
        ++*things;
        status = take_line(context, text, (size_t)(stop - text), pack, plays);
        text = stop + 1;
    }
    return status;
}

static exit_status compile(replay_rules *r)
{
    const arguments *a = r->a;
    uint32_t groups = 0;
    PCRE2_SIZE where;
    int code;

    if (!a->match) {
        return say_usage("replay needs --match=REGEX, whose first group is the id: "
                         "--match='^/play/([0-9]+)$'");
    }
    if (a->status && !accesslog_statuses_valid(a->status)) {
        return say_usage("--status=%s: it must be a list such as 2xx,304",
                         a->status);
    }
    r->pattern = pcre2_compile((PCRE2_SPTR)a->match, PCRE2_ZERO_TERMINATED, 0,
                               &code, &where, NULL);
    if (!r->pattern) {
        PCRE2_UCHAR sentence[200];
        pcre2_get_error_message(code, sentence, sizeof(sentence));
        return say_usage("--match=%s: %s, at character %zu", a->match,
                         (const char *)sentence, (size_t)where + 1);
    }
    pcre2_pattern_info(r->pattern, PCRE2_INFO_CAPTURECOUNT, &groups);
    if (!groups) {
        return say_usage("--match=%s has no group (...) that is the song's id",
                         a->match);
    }
    pcre2_jit_compile(r->pattern, PCRE2_JIT_COMPLETE); /* faster where available */
    r->groups = pcre2_match_data_create_from_pattern(r->pattern, NULL);
    if (!r->groups) {
        say("no memory");
        return EXIT_FILE;
    }
    return EXIT_DONE;
}

/* What the format does not have cannot be asked for, and is not looked at. */
static exit_status choose_format(replay_rules *r)
{
    const arguments *a = r->a;
    char wrong[LOGFORMAT_WRONG];

    r->format = logformat_new(a->format, wrong);
    if (!r->format) {
        return say_usage("--format=%s: %s", a->format ? a->format : "", wrong);
    }
    if (a->status && !logformat_has_status(r->format)) {
        return say_usage("--status: the format does not have the status (%%>s)");
    }
    if (a->method && !logformat_has_method(r->format)) {
        return say_usage(
            "--method: the format does not have the method (%%r or %%m)");
    }
    if (logformat_has_status(r->format)) {
        r->statuses = a->status ? a->status : "2xx,304";
    }
    if (logformat_has_method(r->format)) {
        r->methods = a->method ? a->method : "GET,POST";
    }
    return EXIT_DONE;
}

exit_status replay_rules_new(replay_rules **rules, const arguments *a)
{
    replay_rules *r = calloc(1, sizeof(*r));

    *rules = r;
    if (!r) {
        say("no memory");
        return EXIT_FILE;
    }
    r->a = a;
    exit_status status = compile(r);
    return status == EXIT_DONE ? choose_format(r) : status;
}

void replay_rules_free(replay_rules *r)
{
    if (r) {
        logformat_free(r->format);
        pcre2_match_data_free(r->groups);
        pcre2_code_free(r->pattern);
        free(r);
    }
}

uint64_t replay_rules_hash(const arguments *a)
{
    const char *const texts[] = {a->match, a->status, a->method, a->format};
    uint64_t hash = STATEFILE_HASH;

    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        const char *text = texts[i] ? texts[i] : "";
        hash = statefile_hash(hash, text, strlen(text) + 1);
    }
    return hash;
}

replay_misses replay_rules_misses(const replay_rules *r)
{
    return r->misses;
}

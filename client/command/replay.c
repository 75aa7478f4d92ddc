/* replay: count the plays that an access log holds. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "client/command/accesslog.h"
#include "client/command/run.h"
#include "client/id.h"

enum { CHUNK = 4 << 20 };

typedef struct {
    const arguments *a;
    pcre2_code *pattern;
    pcre2_match_data *groups;
    char *scratch;       /* CHUNK bytes */
    uint64_t unreadable; /* lines that could not be parsed */
    uint64_t unusable;   /* matches that are no id */
    uint64_t failed;     /* lines on which the matching gave up */
} replaying;

/* The first group of the pattern in this target, as an id. 0: it does not match. */
static int find_id(replaying *r, const accesslog_line *line,
                   char id[PLAYCOUNT_ID_ENCODED])
{
    int found = pcre2_match(r->pattern, (PCRE2_SPTR)line->target, line->target_n, 0,
                            0, r->groups, NULL);
    if (found < 0 && found != PCRE2_ERROR_NOMATCH) {
        r->failed++;
    }
    PCRE2_SIZE *at = pcre2_get_ovector_pointer(r->groups);
    if (found < 2 || at[2] == PCRE2_UNSET) {
        return 0;
    }
    const char *text = line->target + at[2];
    size_t n = at[3] - at[2];
    if (n >= PLAYCOUNT_ID_ENCODED || memchr(text, '\0', n) ||
        playcount_percent_decode(text, n, id) || playcount_id_fault(id)) {
        r->unusable++;
        return 0;
    }
    return 1;
}

static exit_status take_line(replaying *r, const char *text, size_t n,
                             playcount_pack *pack, uint64_t *plays)
{
    char id[PLAYCOUNT_ID_ENCODED];
    accesslog_line line;
    playcount_error error;

    if (accesslog_parse(text, n, r->scratch, &line)) {
        r->unreadable++;
        return EXIT_DONE;
    }
    if (!accesslog_status_in(r->a->status, line.status) ||
        !accesslog_method_in(r->a->method, line.method, line.method_n) ||
        !find_id(r, &line, id)) {
        return EXIT_DONE;
    }
    if (playcount_pack_add(pack, id, 1, NULL, &error) < 0) {
        if (error.status != PLAYCOUNT_E_USAGE) {
            return say_error(&error);
        }
        r->unusable++; /* no integer, and modulo */
        return EXIT_DONE;
    }
    ++*plays;
    return EXIT_DONE;
}

static exit_status parse(void *context, const char *text, size_t n, uint64_t offset,
                         playcount_pack *pack, uint64_t *things, uint64_t *plays)
{
    const char *end = text + n;
    exit_status status = EXIT_DONE;

    (void)offset;
    while (text < end && status == EXIT_DONE) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        const char *stop = newline ? newline : end;
        ++*things;
        status = take_line(context, text, (size_t)(stop - text), pack, plays);
        text = stop + 1;
    }
    return status;
}

static exit_status compile(replaying *r)
{
    const arguments *a = r->a;
    uint32_t groups = 0;
    PCRE2_SIZE where;
    int code;

    if (!a->match) {
        return say_usage("replay needs --match=REGEX, whose first group is the id: "
                         "--match='^/play/([0-9]+)$'");
    }
    if (!accesslog_statuses_valid(a->status)) {
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
    r->scratch = malloc(CHUNK);
    if (!r->groups || !r->scratch) {
        say("no memory");
        return EXIT_FILE;
    }
    return EXIT_DONE;
}

static exit_status report(const run_plan *plan)
{
    const replaying *r = plan->context;

    if (r->a->json) {
        printf("{\"lines\":%" PRIu64 ",\"plays\":%" PRIu64
               ",\"unreadable\":%" PRIu64 ",\"unusable\":%" PRIu64
               ",\"carried_on\":%s}\n",
               plan->things, plan->plays, r->unreadable, r->unusable + r->failed,
               plan->carried_on ? "true" : "false");
    }
    else if (!r->a->quiet) {
        printf("%" PRIu64 " plays in %" PRIu64 " lines were counted\n", plan->plays,
               plan->things);
    }
    if (r->unreadable) {
        say("%" PRIu64 " lines are not in the log format", r->unreadable);
    }
    if (r->unusable + r->failed) {
        say("%" PRIu64 " requests match but have no valid id",
            r->unusable + r->failed);
    }
    return finish_output(EXIT_DONE);
}

exit_status command_replay(const arguments *a)
{
    replaying r = {.a = a};
    run_plan plan = {.a = a,
                     .kind = "replay",
                     .noun = "lines",
                     .separators = "\n",
                     .chunk = CHUNK,
                     .parse = parse,
                     .report = report,
                     .context = &r};

    exit_status status = compile(&r);
    if (status == EXIT_DONE) {
        status = run_file(&plan);
    }
    pcre2_match_data_free(r.groups);
    pcre2_code_free(r.pattern);
    free(r.scratch);
    return status;
}

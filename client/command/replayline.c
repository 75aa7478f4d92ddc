/* Lines that are plays. See replayline.h. */
#include <stdlib.h>
#include <string.h>

#include "client/command/replayline.h"
#include "client/command/songmatch.h"
#include "client/command/statefile.h"

struct replay_rules {
    const arguments *a;
    logformat *format;
    const char *statuses, *methods; /* NULL: any */
    songmatch *match;
    replay_misses misses;
};

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
         !accesslog_method_in(r->methods, line.method, line.method_n))) {
        return EXIT_DONE;
    }
    int found = songmatch_find(r->match, &line, id);
    if (found <= 0) {
        r->misses.unusable += found < 0;
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

static exit_status check_arguments(replay_rules *r)
{
    const arguments *a = r->a;

    if (!a->match) {
        return say_usage("replay needs --match=REGEX, whose first group is the id: "
                         "--match='^/play/([0-9]+)$'");
    }
    if (a->status && !accesslog_statuses_valid(a->status)) {
        return say_usage("--status=%s: it must be a list such as 2xx,304",
                         a->status);
    }
    return songmatch_new(&r->match, a->match);
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
    exit_status status = check_arguments(r);
    return status == EXIT_DONE ? choose_format(r) : status;
}

void replay_rules_free(replay_rules *r)
{
    if (r) {
        logformat_free(r->format);
        songmatch_free(r->match);
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

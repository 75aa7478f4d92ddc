/* Deliveries of media in an access log. See medialine.h; mediafile.c measures
 * files. */
#include <stdlib.h>
#include <string.h>

#include "client/command/logformat.h"
#include "client/command/mediafacts.h"
#include "client/command/mediafile.h"
#include "client/command/medialine.h"
#include "client/command/songmatch.h"
#include "client/command/statefile.h"
#include "media/rules/verdict.h"

struct medialine {
    const arguments *a;
    logformat *format;
    songmatch *match; /* NULL: none */
    mediafile *files;
    playcount_lists lists;
    bool has_lists;
    accesslog_line line;
};

/* --- what a line says --- */

static const char *value_of(const medialine *m, accesslog_value v, size_t *n)
{
    *n = m->line.value[v].n;
    return m->line.value[v].text;
}

static int song_of(medialine *m, char id[PLAYCOUNT_ID_ENCODED])
{
    size_t n;
    const char *song = value_of(m, ACCESSLOG_SONG, &n);

    if (m->match) {
        return songmatch_find(m->match, &m->line, id);
    }
    if (!song || strcmp(song, "-") == 0) {
        return mediafacts_path_song(&m->line, id);
    }
    if (n >= PLAYCOUNT_ID_ENCODED || strlen(song) != n) {
        return -1;
    }
    memcpy(id, song, n + 1);
    return playcount_id_fault(id) ? -1 : 1;
}

/* --- is it media, and does it count? --- */

/* What the lists, and without a verdict in the log all rules, say. */
static bool is_refused(const medialine *m, const media_delivery *out)
{
    size_t n;
    const char *agent = value_of(m, ACCESSLOG_AGENT, &n), *reason;
    playcount_delivery d = {.is_get = 1, .status = 200, .address = &out->address};

    d.agent = agent && strcmp(agent, "-") != 0 ? agent : NULL;
    d.agent_n = d.agent ? n : 0;
    if (!m->line.value[ACCESSLOG_VERDICT].text) {
        d.is_get = !m->line.method ||
                   (m->line.method_n == 3 && memcmp(m->line.method, "GET", 3) == 0);
        d.status = m->line.status ? m->line.status : 200;
        d.encoded = mediafacts_text(&m->line, ACCESSLOG_ENCODING) != NULL;
        d.range = mediafacts_text(&m->line, ACCESSLOG_RANGE);
        d.purpose = mediafacts_text(&m->line, ACCESSLOG_PURPOSE);
    }
    else if (!m->has_lists) {
        return false;
    }
    return playcount_media_refuse(&d, &m->lists, &reason) != PLAYCOUNT_VERDICT_OPEN;
}

/* ADDS: it may count. */
static media_outcome judge(const medialine *m, media_delivery *out)
{
    size_t n;
    const char *text = value_of(m, ACCESSLOG_VERDICT, &n);
    int verdict = text ? playcount_verdict_of(text, n) : PLAYCOUNT_VERDICT_OPEN;

    if (verdict < 0) {
        return MEDIALINE_UNREADABLE;
    }
    if (verdict == PLAYCOUNT_VERDICT_NONE ||
        (!text && !m->match && !mediafacts_is_media(&m->line))) {
        return MEDIALINE_OTHER;
    }
    out->counted =
        verdict == PLAYCOUNT_VERDICT_PLAYED || verdict == PLAYCOUNT_VERDICT_AGAIN;
    return playcount_verdict_adds((playcount_verdict_e)verdict) &&
                   !is_refused(m, out)
               ? MEDIALINE_ADDS
               : MEDIALINE_REFUSED;
}

/* --- what it brought --- */

/* From the item %^Px. */
static media_outcome logged_intervals(const char *text, media_delivery *out)
{
    int more = 1;

    while (out->n < MEDIALINE_INTERVALS &&
           (more = playcount_intervals_read(&text, &out->got[out->n])) > 0) {
        out->n++;
    }
    return more < 0 ? MEDIALINE_UNREADABLE : MEDIALINE_ADDS;
}

/* Give the ranges in order what went out, and take from the last what did not. */
static void hand_out(media_delivery *out, uint64_t bytes)
{
    for (size_t i = 0; i < out->n; i++) {
        playcount_interval *got = &out->got[i];
        uint64_t n = got->end - got->begin;

        n = n < bytes ? n : bytes;
        got->end = got->begin + n;
        bytes -= n;
    }
}

/* From the bytes that went out, and where they stood in the file. */
static media_outcome found_intervals(const medialine *m, uint64_t size,
                                     media_delivery *out)
{
    const char *range = mediafacts_text(&m->line, ACCESSLOG_RANGE);
    const char *content_range = mediafacts_text(&m->line, ACCESSLOG_CONTENT_RANGE);
    uint64_t body = 0, sent, whole;
    bool has_body = mediafacts_number(&m->line, ACCESSLOG_BODY, &body);

    if (mediafacts_number(&m->line, ACCESSLOG_OUT, &sent)) {
        body = has_body && body < sent ? body : sent;
    }
    out->got[0] = (playcount_interval){0, size};
    out->n = 1;
    if (m->line.status == 206 && content_range) {
        if (!playcount_content_range_read(content_range, &out->got[0], &whole)) {
            return MEDIALINE_UNUSABLE;
        }
    }
    else if (m->line.status == 206 && range) {
        int n = playcount_range_read(range, size, out->got, MEDIALINE_INTERVALS);
        if (n <= 0 || n > MEDIALINE_INTERVALS) {
            return MEDIALINE_UNUSABLE;
        }
        out->n = (size_t)n;
    }
    hand_out(out, body);
    return MEDIALINE_ADDS;
}

/* Which bytes, and how many are enough. */
static media_outcome measure(medialine *m, media_delivery *out)
{
    const char *intervals = m->line.value[ACCESSLOG_INTERVALS].text;
    playcount_measured measured = {.size = UINT64_MAX / 2, .end = UINT64_MAX / 2};

    out->n = 0;
    if (logformat_has(m->format, ACCESSLOG_THRESHOLD)) {
        if (!mediafacts_number(&m->line, ACCESSLOG_THRESHOLD, &out->need) ||
            !out->need) {
            return MEDIALINE_UNMEASURED;
        }
    }
    else {
        if (!mediafile_measure(m->files, &m->line, &measured)) {
            return MEDIALINE_UNMEASURED;
        }
        out->need = measured.need;
    }
    if (intervals) {
        return logged_intervals(intervals, out);
    }
    media_outcome outcome = found_intervals(m, measured.size, out);
    for (size_t i = 0; i < out->n; i++) {
        playcount_measured_clip(&measured, &out->got[i].begin, &out->got[i].end);
    }
    return outcome;
}

media_outcome medialine_read(medialine *m, const char *text, size_t n,
                             media_delivery *out)
{
    if (logformat_parse(m->format, text, n, &m->line)) {
        return MEDIALINE_UNREADABLE;
    }
    if (!mediafacts_start(&m->line, &out->start) ||
        !mediafacts_address(&m->line, &out->address)) {
        return MEDIALINE_UNUSABLE;
    }
    media_outcome outcome = judge(m, out);
    if (outcome != MEDIALINE_ADDS) {
        return outcome;
    }
    int found = song_of(m, out->song);
    if (found <= 0) {
        return found < 0 ? MEDIALINE_UNUSABLE : MEDIALINE_OTHER;
    }
    out->agent = value_of(m, ACCESSLOG_AGENT, &out->agent_n);
    return measure(m, out);
}

/* --- the arguments --- */

static exit_status load_lists(medialine *m)
{
    char wrong[400] = "no memory, or no random numbers";
    const arguments *a = m->a;

    m->has_lists = a->lists_n > 0;
    m->lists.agents = playcount_agents_new();
    m->lists.networks = playcount_networks_new();
    int failed = !m->lists.agents || !m->lists.networks;
    for (size_t i = 0; i < a->lists_n && !failed; i++) {
        const list_argument *l = &a->lists[i];
        failed = l->addresses
                     ? playcount_networks_load(m->lists.networks, l->path, l->allow,
                                               wrong, sizeof(wrong))
                     : playcount_agents_load(m->lists.agents, l->path, l->allow,
                                             wrong, sizeof(wrong));
    }
    if (failed) {
        say("%s", wrong);
        return EXIT_FILE;
    }
    return EXIT_DONE;
}

/* What the rules cannot do without. */
static exit_status check_format(const medialine *m)
{
    const logformat *f = m->format;

    if (!logformat_has(f, ACCESSLOG_ADDRESS) && !logformat_has(f, ACCESSLOG_HOST)) {
        return say_usage("--media: the format does not have the address (%%a)");
    }
    if (!logformat_has(f, ACCESSLOG_TIME) &&
        !logformat_has(f, ACCESSLOG_TIME_SEC) &&
        !logformat_has(f, ACCESSLOG_TIME_MSEC) &&
        !logformat_has(f, ACCESSLOG_TIME_USEC)) {
        return say_usage("--media: the format does not have the time (%%t)");
    }
    if (!logformat_has(f, ACCESSLOG_AGENT)) {
        return say_usage(
            "--media: the format does not have the User-Agent (%%{User-Agent}i)");
    }
    if (!logformat_has(f, ACCESSLOG_INTERVALS) &&
        !logformat_has(f, ACCESSLOG_BODY) && !logformat_has(f, ACCESSLOG_OUT)) {
        return say_usage(
            "--media: the format has neither the intervals (%%^Px) nor "
            "the bytes sent (%%B, %%O)");
    }
    if (!logformat_has(f, ACCESSLOG_THRESHOLD) && !m->a->root && !m->a->bitrate) {
        return say_usage(
            "--media: the format does not have the threshold (%%^Pt); "
            "name the files with --root=DIRECTORY, or say --bitrate=KBITS");
    }
    return EXIT_DONE;
}

static exit_status choose_format(medialine *m)
{
    char wrong[LOGFORMAT_WRONG];
    const char *format = m->a->format ? m->a->format : "media";

    if (strncmp(format, "json", 4) == 0 && (!format[4] || format[4] == ':')) {
        return say_usage("--media does not read JSON lines");
    }
    m->format = logformat_new(format, wrong);
    if (!m->format) {
        return say_usage("--format=%s: %s", format, wrong);
    }
    return check_format(m);
}

exit_status medialine_new(medialine **out, const arguments *a)
{
    medialine *m = calloc(1, sizeof(*m));

    *out = m;
    if (!m) {
        say("no memory");
        return EXIT_FILE;
    }
    m->a = a;
    exit_status status = choose_format(m);
    if (status == EXIT_DONE && a->match) {
        status = songmatch_new(&m->match, a->match);
    }
    if (status == EXIT_DONE) {
        status = mediafile_new(&m->files, a);
    }
    return status == EXIT_DONE ? load_lists(m) : status;
}

void medialine_free(medialine *m)
{
    if (m) {
        logformat_free(m->format);
        songmatch_free(m->match);
        mediafile_free(m->files);
        playcount_agents_free(m->lists.agents);
        playcount_networks_free(m->lists.networks);
        free(m);
    }
}

uint64_t medialine_hash(const arguments *a)
{
    const char *const texts[] = {a->match, a->format,  a->window,
                                 a->root,  a->bitrate, a->missing ? "missing" : ""};
    uint64_t hash = statefile_hash(STATEFILE_HASH, "media", 6);

    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        const char *text = texts[i] ? texts[i] : "";
        hash = statefile_hash(hash, text, strlen(text) + 1);
    }
    return hash;
}

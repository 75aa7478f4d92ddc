/* A play counts as soon as enough was delivered, not when the response ends: a
 * listener who streams an hour would be counted an hour later, or never if the
 * child is killed meanwhile.
 *
 *     mark   FIRST           what is missing is written       the end
 *     |-head-|------------------==== need ====|-- held --|-------|
 *        1st look                       2nd look    3rd look
 *                                 the kernel is asked    all of it was delivered
 *
 * The connection calls when so much was written (server/delivered.h). The headers
 * tell what the response is then, and the tables what its listener has besides. As
 * long as what was written is not enough even if all of it arrived, a look costs
 * nothing but itself, and says after how many more bytes to look again. Then the
 * kernel is asked how much it still holds; if that is missing, there is another
 * look when as much more was written, and something on top, twice as much each
 * time, as the kernel's buffer grows. So looks are few, LOOKS_MOST of them.
 *
 * A look changes nothing: what was delivered goes into the tables only with the
 * play or at the end. What several ranges, segments of HLS, HTTP/2 or the whole of
 * a file make enough is known when the response ends: delivery.c. So is what the
 * tables or the zone have no room for; it is judged again there. What goes out
 * after the play changes nothing when the request is logged: the listener is
 * counted, the verdict and its counter stand.
 */

#include "media/private.h"

#include "http_log.h"

#include "server/delivered.h"
#include "server/request.h"

APLOG_USE_MODULE(playcount);

#define LOOKS_MOST 8
#define FIRST 65536  /* bytes of the response */
#define ON_TOP 16384 /* of what is missing, at the first look */
#define NEVER (-1)

/* Which part of the file is in the first `body` bytes of this response; of how much
 * of it counts, `measured` is told if it did not know. 0: that cannot be said. */
static int part_of(request_rec *last, const playcount_media_dir *conf,
                   const playcount_media_answer *answer, apr_off_t body,
                   playcount_measured *measured, playcount_interval *part)
{
    playcount_media_parts parts;
    uint64_t known = measured->need ? measured->size : UINT64_MAX;

    if (playcount_media_parts_of(last, answer, body, known, &parts) ||
        parts.n != 1) {
        return 0;
    }
    if (!measured->need || measured->size != parts.size) {
        playcount_media_measure_size(conf, parts.size, measured);
    }
    *part = parts.interval[0];
    return 1;
}

/* What the listener still needs with the first `body` bytes of this response. */
static uint64_t missing_with(request_rec *last, const playcount_media_dir *conf,
                             const playcount_media_answer *answer,
                             playcount_measured measured, apr_off_t body,
                             const playcount_media_got *whose)
{
    playcount_media_got got = *whose;
    playcount_interval part;
    uint64_t before, missing;

    if (!part_of(last, conf, answer, body, &measured, &part)) {
        return UINT64_MAX;
    }
    before = part.end < measured.begin ? measured.begin - part.end : 0;
    playcount_measured_clip(&measured, &part.begin, &part.end);
    got.need = measured.need;
    got.got = &part;
    got.n = part.begin < part.end;
    missing = playcount_media_missing(playcount_media_tables, &got);
    return missing && missing < UINT64_MAX ? missing + before : missing;
}

/* After so much of the response: how many bytes more make it enough. 0: *body are;
 * NEVER: none. */
static apr_off_t missing_now(request_rec *first, request_rec *last,
                             const playcount_media_dir *conf,
                             const playcount_media_request *m, apr_off_t *body)
{
    playcount_media_answer answer;
    playcount_address address;
    playcount_media_got whose;
    uint64_t missing;

    playcount_media_read_answer(last, &answer);
    if ((last->status == HTTP_PARTIAL_CONTENT && !answer.range) ||
        playcount_media_may_be_segment(last) ||
        !playcount_media_may_count(first, last, last->status, conf, &address,
                                   &whose) ||
        (!m->looks &&
         missing_with(last, conf, &answer, m->measured, INT64_MAX, &whose))) {
        return NEVER;
    }
    *body = playcount_delivered_written(last, m->mark);
    missing = missing_with(last, conf, &answer, m->measured, *body, &whose);
    if (!missing) {
        *body = playcount_delivered_so_far(last, m->mark);
        missing = missing_with(last, conf, &answer, m->measured, *body, &whose);
    }
    return missing <= INT64_MAX ? (apr_off_t)missing : NEVER;
}

static void play(request_rec *first, request_rec *last,
                 const playcount_media_dir *conf, playcount_media_request *m,
                 apr_off_t body)
{
    playcount_media_request now = *m;
    const char *song = NULL, *why = NULL;

    now.under_way = 1;
    now.body = body;
    if (playcount_media_judge(first, last, conf, &now, &song, &why) !=
        PLAYCOUNT_VERDICT_PLAYED) {
        return;
    }
    m->verdict = PLAYCOUNT_VERDICT_PLAYED;
    m->song = song;
    m->later = 1;
    playcount_media_count(playcount_media_tables, PLAYCOUNT_VERDICT_PLAYED);
    playcount_delivered_end_short(first);
    ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, first,
                  "media: played, song %s, %" APR_UINT64_T_FMT
                  " needed, after %" APR_OFF_T_FMT " bytes of the response",
                  song, now.need, body);
}

/* So much was written that it may be enough. */
static apr_off_t look(request_rec *first)
{
    request_rec *last = playcount_request_last(first);
    const playcount_media_dir *conf = playcount_media_conf_of(last);
    playcount_media_request *m = playcount_media_request_of(first);
    apr_off_t body, missing;

    if (conf->on != 1 || !playcount_media_tables) {
        return 0;
    }
    missing = missing_now(first, last, conf, m, &body);
    if (missing > 0 && m->looks < LOOKS_MOST) {
        return missing + (ON_TOP << m->looks++);
    }
    if (!missing) {
        play(first, last, conf, m, body);
    }
    return 0;
}

void playcount_media_live_begin(request_rec *first, playcount_media_request *m)
{
    const playcount_measured *file = &m->measured;

    if (m->verdict == PLAYCOUNT_VERDICT_NONE &&
        !(file->need && file->need >= file->end - file->begin)) {
        playcount_delivered_watch(first, m->mark, FIRST, look);
    }
}

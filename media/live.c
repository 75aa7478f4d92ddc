/* A play counts as soon as enough of the response was delivered, not when it ends:
 * a listener who streams an hour would be counted an hour later, or never if the
 * child is killed meanwhile.
 *
 *     mark           written >= need                        the end
 *     |---- head ----|---- cover ----|==== need ====|-- held --|=============|
 *                    1st look        2nd            3rd: the kernel is asked,
 *                                                   4th: delivered: PLAYED
 *
 * The connection calls when so much was written (server/delivered.h). What the
 * response is, its headers tell then. As long as what was written is not enough
 * even if all of it arrived, the look costs nothing but itself, and says after how
 * many more bytes to look again. Then the kernel is asked how much it still holds
 * of it; if that is what is missing, there is another look when as much more was
 * written, and something on top, twice as much each time, as the kernel's buffer
 * grows. So looks are few, LOOKS_MOST of them.
 *
 * Only a response that is enough by itself counts so. What other parts, several
 * ranges, segments of HLS, HTTP/2 or the whole of a file make enough is known when
 * the response ends: delivery.c. So is what the tables or the zone have no room
 * for; it is judged again there. When the request is logged, what went out after
 * the play changes nothing: the listener is counted. The verdict and its counter
 * stand.
 */

#include "media/private.h"

#include "http_log.h"

#include "server/delivered.h"
#include "server/request.h"

APLOG_USE_MODULE(playcount);

#define LOOKS_MOST 8
#define UNKNOWN 65536 /* first look, if it is not known how much is enough */
#define ON_TOP 16384  /* of what is missing, at the first look */
#define NEVER (-1)

/* How much of the media is in the first `body` bytes of this response, and how much
 * of the file comes before that: 0: that cannot be said. */
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

static uint64_t media_in(const playcount_measured *measured,
                         playcount_interval part)
{
    playcount_measured_clip(measured, &part.begin, &part.end);
    return part.begin < part.end ? part.end - part.begin : 0;
}

/* After `body` bytes of the response: how many more make it enough. 0: it is;
 * NEVER: none. */
static apr_off_t missing_after(request_rec *last, const playcount_media_dir *conf,
                               const playcount_media_request *m, apr_off_t body)
{
    playcount_measured measured = m->measured;
    playcount_media_answer answer;
    playcount_interval part, whole;
    uint64_t got;

    playcount_media_read_answer(last, &answer);
    if ((last->status == HTTP_PARTIAL_CONTENT && !answer.range) ||
        !part_of(last, conf, &answer, INT64_MAX, &measured, &whole) ||
        !part_of(last, conf, &answer, body, &measured, &part) ||
        media_in(&measured, whole) < measured.need) {
        return NEVER;
    }
    got = media_in(&measured, part);
    if (got >= measured.need) {
        return 0;
    }
    return (apr_off_t)(measured.need - got +
                       (part.end < measured.begin ? measured.begin - part.end : 0));
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
    apr_off_t body = playcount_delivered_written(last, m->mark), missing;

    if (conf->on != 1 || !playcount_media_tables) {
        return 0;
    }
    missing = missing_after(last, conf, m, body);
    if (!missing) {
        body = playcount_delivered_so_far(last, m->mark);
        missing = missing_after(last, conf, m, body);
    }
    if (missing > 0 && m->looks < LOOKS_MOST) {
        return missing + (ON_TOP << m->looks++);
    }
    if (!missing && !playcount_media_may_be_segment(last)) {
        play(first, last, conf, m, body);
    }
    return 0;
}

void playcount_media_live_begin(request_rec *first, playcount_media_request *m)
{
    const playcount_measured *file = &m->measured;

    if (m->verdict != PLAYCOUNT_VERDICT_NONE ||
        (file->need && file->need >= file->end - file->begin)) {
        return;
    }
    playcount_delivered_watch(first, m->mark,
                              file->need ? (apr_off_t)file->need : UNKNOWN, look);
}

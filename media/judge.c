/* The verdict on a delivery, when it is logged or has enough: what was delivered,
 * what that makes of what was known of the listener, and the play into the zone. */

#include "media/private.h"

#include "apr_strings.h"

#include "server/delivered.h"
#include "server/request.h"
#include "server/zones.h"
#include "shm/hot.h"

/* Into the zone; if it does not take the play, the listener is not counted. */
static playcount_verdict_e play(request_rec *last, const char *song,
                                const playcount_media_result *result,
                                const char **why)
{
    playcount_served_zone *zone = playcount_zone_of(last);
    apr_uint64_t count;
    apr_status_t rv =
        zone->unavailable
            ? APR_EGENERAL
            : playcount_zone_add(zone->zone, song, strlen(song), 1, &count);

    if (rv == APR_SUCCESS) {
        playcount_media_done(playcount_media_tables, result);
        return PLAYCOUNT_VERDICT_PLAYED;
    }
    playcount_media_take_back(playcount_media_tables, result);
    *why = rv == APR_ENOSPC ? "the zone is full (PlaycountZone songs=)"
           : rv == APR_TIMEUP
               ? "the zone's lock is held by a process that does not "
                 "go on"
               : "the zone cannot count";
    return PLAYCOUNT_VERDICT_FULL;
}

/* Only what lies in the media counts. */
static void clip(const playcount_measured *measured, playcount_media_parts *parts)
{
    size_t n = 0;

    for (size_t i = 0; i < parts->n; i++) {
        playcount_interval part = parts->interval[i];

        playcount_measured_clip(measured, &part.begin, &part.end);
        if (part.begin < part.end) {
            parts->interval[n++] = part;
        }
    }
    parts->n = n;
}

/* What did the listener get? `segment` is 0 if it is known to be none. NULL, or why
 * it cannot be said. */
static const char *measure(request_rec *first, request_rec *last,
                           const playcount_media_dir *conf,
                           const playcount_media_answer *answer,
                           playcount_media_request *m, int segment,
                           const char **song)
{
    apr_off_t body =
        m->under_way ? m->body : playcount_delivered_body(last, m->mark);
    playcount_media_parts *parts = &m->got;
    const char *why, *presentation = NULL;
    uint64_t known;

    if (m->of == last && !m->measured.need) {
        playcount_media_measure(last, conf, &m->measured);
    }
    known = m->measured.need ? m->measured.size : UINT64_MAX;
    why = playcount_media_parts_of(last, answer, body, known, parts);
    if (why) {
        return why;
    }
    if (segment) {
        segment = playcount_media_segment(first, last, conf->seconds, parts,
                                          &m->need, &presentation);
    }
    if (segment < 0) {
        return "it is a segment of HLS that no playlist on the disk has";
    }
    m->has_got = 1;
    if (segment) {
        *song = conf->song ? *song : presentation;
        return NULL;
    }
    if (!m->measured.need || m->measured.size != parts->size) {
        playcount_media_measure_size(conf, parts->size, &m->measured);
    }
    clip(&m->measured, parts);
    m->need = m->measured.need;
    return NULL;
}

void playcount_media_complete(request_rec *first, playcount_media_request *m)
{
    request_rec *last = playcount_request_last(first);
    playcount_media_answer answer;
    const char *song;

    if (m->later) {
        m->later = 0;
        playcount_media_read_answer(last, &answer);
        measure(first, last, playcount_media_conf_of(last), &answer, m, 0, &song);
    }
}

/* The verdict on the delivery of a song to somebody who may not be counted yet; if
 * the file may be a segment, which song and whose is to be found out still. */
static __attribute__((noinline)) playcount_verdict_e
add(request_rec *first, request_rec *last, const playcount_media_dir *conf,
    const playcount_delivery *facts, const playcount_media_answer *answer,
    playcount_media_request *m, int segment, playcount_media_got *got,
    const char **song, const char **why)
{
    playcount_media_result result;

    if (playcount_media_is_playlist(last)) {
        *why = "it is a playlist";
        return PLAYCOUNT_VERDICT_SKIPPED;
    }
    if ((*why = measure(first, last, conf, answer, m, segment, song)) ||
        (segment &&
         (*why = playcount_media_fill(first, conf, facts, *song, got)))) {
        return PLAYCOUNT_VERDICT_SKIPPED;
    }
    got->need = m->need;
    got->got = m->got.interval;
    got->n = m->got.n;
    if (!got->n) {
        *why = "none of it is media";
        return playcount_media_is_counted(playcount_media_tables, got)
                   ? PLAYCOUNT_VERDICT_AGAIN
                   : PLAYCOUNT_VERDICT_OPEN;
    }
    playcount_media_deliver(playcount_media_tables, got, &result);
    *why = result.why;
    return result.verdict == PLAYCOUNT_VERDICT_PLAYED
               ? play(last, *song, &result, why)
               : result.verdict;
}

int playcount_media_may_count(request_rec *first, request_rec *last, int status,
                              const playcount_media_dir *conf,
                              playcount_address *address, playcount_media_got *got)
{
    playcount_delivery facts;
    const char *why, *song;

    playcount_media_facts(first, last, address, &facts);
    facts.status = status;
    return facts.address &&
           playcount_media_refuse(&facts, &playcount_media_global->lists, &why) ==
               PLAYCOUNT_VERDICT_OPEN &&
           (song = playcount_media_song_of(first, last, conf, &why)) &&
           !playcount_media_fill(first, conf, &facts, song, got);
}

/* The verdict on a delivery that nothing refuses. */
static PLAYCOUNT_HOT playcount_verdict_e
deliver(request_rec *first, request_rec *last, const playcount_media_dir *conf,
        const playcount_delivery *facts, const playcount_media_answer *answer,
        playcount_media_request *m, const char **song, const char **why)
{
    int segment = !playcount_media_is_no_segment(last);
    playcount_media_got got;

    if (!segment &&
        (*why = playcount_media_fill(first, conf, facts, *song, &got))) {
        return PLAYCOUNT_VERDICT_SKIPPED;
    }
    /* A playlist has never counted under its own name. */
    if (!segment && !conf->song &&
        playcount_media_is_counted(playcount_media_tables, &got)) {
        m->later = 1;
        return PLAYCOUNT_VERDICT_AGAIN;
    }
    return add(first, last, conf, facts, answer, m, segment, &got, song, why);
}

/* Has httpd sent more than a probe asks for? Of a file that it sends itself, one
 * range is at least as long as what came of it. */
static inline int is_longer(const request_rec *last,
                            const playcount_media_request *m, const char *range)
{
    return range && m->of == last && last->bytes_sent > 2 &&
           !ap_strchr_c(range, ',');
}

PLAYCOUNT_HOT playcount_verdict_e playcount_media_judge(
    request_rec *first, request_rec *last, const playcount_media_dir *conf,
    playcount_media_request *m, const char **song, const char **why)
{
    playcount_address address;
    playcount_delivery facts;
    playcount_media_answer answer;
    playcount_verdict_e refusal;

    playcount_media_facts(first, last, &address, &facts);
    playcount_media_read_answer(last, &answer);
    facts.status = last->status;
    facts.encoded = answer.encoding != NULL;
    facts.no_probe = is_longer(last, m, facts.range);
    refusal = playcount_media_refuse(&facts, &playcount_media_global->lists, why);
    if (refusal != PLAYCOUNT_VERDICT_OPEN) {
        return refusal;
    }
    *why = NULL;
    if (!facts.address) {
        *why = "the client has no IP address";
        return PLAYCOUNT_VERDICT_SKIPPED;
    }
    *song = playcount_media_song_of(first, last, conf, why);
    return *song ? deliver(first, last, conf, &facts, &answer, m, song, why)
                 : PLAYCOUNT_VERDICT_SKIPPED;
}

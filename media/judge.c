/* The verdict on a delivery when it is logged: what was delivered, what that makes
 * of what was known of the listener, and the play into the zone. */

#include "media/private.h"

#include "apr_strings.h"

#include "server/delivered.h"
#include "server/zones.h"

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

/* A delivery that nothing refuses: what did the listener get? NULL, or why it
 * cannot be said. */
static const char *measure(request_rec *first, request_rec *last,
                           const playcount_media_dir *conf,
                           playcount_media_request *m, const char **song)
{
    apr_off_t body = playcount_delivered_body(last, m->mark);
    uint64_t known = m->measured.need ? m->measured.size : UINT64_MAX;
    playcount_media_parts *parts = &m->got;
    const char *why = playcount_media_parts_of(last, body, known, parts);
    const char *presentation = NULL;
    uint64_t file;
    int segment;

    if (why) {
        return why;
    }
    file = m->file && m->of == last ? m->file : playcount_media_file_number(last);
    segment = playcount_media_segment(first, last, file, conf->seconds, parts,
                                      &m->need, &presentation);
    if (segment < 0) {
        return "it is a segment of HLS that no playlist on the disk has";
    }
    if (segment) {
        *song = conf->song ? *song : presentation;
        m->has_got = 1;
        return playcount_media_id_fault(first, *song);
    }
    if (!m->measured.need || m->measured.size != parts->size) {
        playcount_media_measure_size(conf, parts->size, &m->measured);
    }
    clip(&m->measured, parts);
    m->need = m->measured.need;
    m->has_got = 1;
    return NULL;
}

playcount_verdict_e playcount_media_judge(request_rec *first, request_rec *last,
                                          const playcount_media_dir *conf,
                                          playcount_media_request *m,
                                          const char **song, const char **why)
{
    playcount_address address;
    playcount_delivery facts;
    playcount_media_result result;
    playcount_media_got got;
    playcount_verdict_e refusal;

    playcount_media_facts(first, last, &address, &facts);
    facts.status = last->status;
    if (facts.status == HTTP_PARTIAL_CONTENT) {
        facts.range = apr_table_get(first->headers_in, "Range");
    }
    facts.encoded = last->content_encoding ||
                    apr_table_get(last->headers_out, "Content-Encoding");
    refusal = playcount_media_refuse(&facts, &playcount_media_global->lists, why);
    if (refusal != PLAYCOUNT_VERDICT_OPEN) {
        return refusal;
    }
    if (!facts.address) {
        *why = "the client has no IP address";
        return PLAYCOUNT_VERDICT_SKIPPED;
    }
    if (playcount_media_is_playlist(last)) {
        *why = "it is a playlist";
        return PLAYCOUNT_VERDICT_SKIPPED;
    }
    if (!(*song = playcount_media_song_of(first, last, conf, why)) ||
        (*why = measure(first, last, conf, m, song))) {
        return PLAYCOUNT_VERDICT_SKIPPED;
    }
    playcount_media_fill(first, conf, &facts, *song, &got);
    got.need = m->need;
    got.got = m->got.interval;
    got.n = m->got.n;
    if (!got.n) {
        *why = "none of it is media";
        return playcount_media_is_counted(playcount_media_tables, &got)
                   ? PLAYCOUNT_VERDICT_AGAIN
                   : PLAYCOUNT_VERDICT_OPEN;
    }
    playcount_media_deliver(playcount_media_tables, &got, &result);
    *why = result.why;
    return result.verdict == PLAYCOUNT_VERDICT_PLAYED
               ? play(last, *song, &result, why)
               : result.verdict;
}

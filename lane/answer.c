/* One request of a known kind: found, and answered. */

#include "lane/lane.h"

playcount_lane_match_e playcount_lane_find(playcount_lane_connection *k,
                                           const char *bytes, apr_size_t n,
                                           playcount_lane_kind **kind,
                                           playcount_lane_request *request)
{
    playcount_lane_match_e best = PLAYCOUNT_LANE_OTHER;

    /* The last one first: clients ask the same again. */
    for (int i = 0; i < k->n_kinds; i++) {
        int place = (k->last_kind + i) % k->n_kinds;
        playcount_lane_match_e match =
            playcount_lane_match(&k->kinds[place]->pattern, bytes, n, request);

        if (match == PLAYCOUNT_LANE_KNOWN) {
            k->last_kind = place;
            *kind = k->kinds[place];
            return match;
        }
        best = match > best ? match : best;
    }
    return best;
}

int playcount_lane_is_left(const playcount_lane_connection *k,
                           const playcount_lane_kind *kind, int asked)
{
    return !kind->keep_alive_max || k->c->keepalives + asked < kind->keep_alive_max;
}

apr_size_t playcount_lane_answer(playcount_lane_connection *k,
                                 playcount_lane_ask *a, const char *date, char *at)
{
    const playcount_lane_kind *kind = a->kind;
    const playcount_lane_request *q = &a->request;
    uint64_t count;

    if (!kind->adds) {
        count = playcount_zone_get_hashed(kind->zone, q->id, q->id_length, a->hash);
    }
    else if (playcount_zone_add_at_once(kind->zone, q->id, q->id_length, a->hash,
                                        q->by, &count) != APR_SUCCESS) {
        return 0;
    }
    if (playcount_zone_failed(kind->zone)) {
        return 0;
    }
    k->keep_alive = kind->keep_alive;
    k->timeout = kind->timeout;
    return playcount_lane_reply_write(
        &kind->reply, at, date,
        (unsigned)(kind->keep_alive_max - k->c->keepalives++), q->id, q->id_length,
        count, &a->body);
}

/* The listener of a connection's last request: players fetch a file in parts, one
 * after the other, and what a User-Agent and an address are is found out once. A
 * stream of HTTP/2 has a connection of its own; there the two halves of a request
 * have the same listener.
 *
 * Nothing of the listener is kept but hashes, in the line of the connection's
 * record that each response touches anyway: with many connections each further line
 * of theirs is in no cache when it is wanted. They are 64 bits, under a random key
 * of the process, so others are not taken for the same.
 */

#include "media/private.h"

#include "apr_strings.h"

#include "server/connection.h"
#include "server/text.h"
#include "shm/hot.h"

#define JUDGEMENT UINT64_C(7) /* the bits of `agent` that have it, and one */

static __attribute__((noinline)) playcount_agent_e
begin_agent(playcount_connection *k, uint64_t hash, const char *agent, size_t n)
{
    playcount_agent_e judgement = playcount_agents_judge_hashed(
        playcount_media_global->lists.agents, hash, agent, n);

    if (k) {
        k->agent = (hash & ~JUDGEMENT) | ((uint64_t)judgement + 1);
    }
    return judgement;
}

PLAYCOUNT_HOT playcount_agent_e playcount_media_judge_agent(conn_rec *c,
                                                            const char *agent,
                                                            size_t n)
{
    playcount_connection *k = playcount_connection_of(c);
    uint64_t hash;

    if (!n) {
        return PLAYCOUNT_AGENT_EMPTY;
    }
    hash = playcount_agents_hash(playcount_media_global->lists.agents, agent, n);
    if (k && (k->agent & JUDGEMENT) && !((k->agent ^ hash) & ~JUDGEMENT)) {
        return (playcount_agent_e)((k->agent & JUDGEMENT) - 1);
    }
    return begin_agent(k, hash, agent, n);
}

/* Of song, address and day, and the User-Agent that has just been judged. */
static inline uint64_t hash_of(const playcount_connection *k,
                               const playcount_media_got *got)
{
    uint64_t hash = playcount_agents_hash(playcount_media_global->lists.agents,
                                          got->song, got->song_n);
    uint64_t address[2];

    memcpy(address, got->address, sizeof(address));
    hash += (uint64_t)playcount_window_day(got->start);
    return playcount_agents_mix(hash ^ address[0], k->agent ^ address[1]);
}

/* Another song, or listener, than that of the connection's last delivery. */
static __attribute__((noinline)) const char *
begin_song(request_rec *first, playcount_connection *k, playcount_media_got *got)
{
    const char *wrong = playcount_id_error(got->song, got->song_n);

    if (wrong) {
        return apr_pstrcat(first->pool, "its id ", wrong, NULL);
    }
    if (k) {
        k->listener = hash_of(k, got);
        k->numbers[0] = k->numbers[1] = 0;
        got->numbers = k->numbers;
    }
    return NULL;
}

PLAYCOUNT_HOT const char *playcount_media_fill(request_rec *first,
                                               const playcount_media_dir *conf,
                                               const playcount_delivery *facts,
                                               const char *song,
                                               playcount_media_got *got)
{
    playcount_connection *k = playcount_connection_of(first->connection);

    got->window = conf->window;
    got->start = apr_time_sec(first->request_time);
    got->song = song;
    got->song_n = strlen(song);
    got->address = facts->address;
    got->agent = facts->agent;
    got->agent_n = facts->agent_n;
    got->need = 0;
    got->got = NULL;
    got->n = 0;
    got->numbers = NULL;
    if (!k || k->listener != hash_of(k, got)) {
        return begin_song(first, k, got);
    }
    got->numbers = k->numbers;
    return NULL;
}

/* The listener of a connection's last request: players fetch a file in parts, one
 * after the other, and what a User-Agent and an address are is found out once. A
 * stream of HTTP/2 has a connection of its own; there the two halves of a request
 * have the same listener. */

#include "media/private.h"

#include "server/connection.h"
#include "shm/hot.h"

#define AGENT_MOST 512
#define SONG_MOST 255

/* What is longer is not remembered. */
typedef struct {
    size_t agent_n, song_n; /* 0: none; a song only with a User-Agent */
    playcount_agent_e judgement;
    playcount_address address;
    playcount_media_numbers numbers;
    char text[AGENT_MOST + SONG_MOST]; /* the User-Agent, and then the song */
} listener;

static PLAYCOUNT_COLD listener *begin_connection(conn_rec *c,
                                                 playcount_connection *k)
{
    listener *l = apr_palloc(c->pool, sizeof(*l));

    l->agent_n = l->song_n = 0;
    return k->media = l;
}

static inline listener *last_of(conn_rec *c)
{
    playcount_connection *k = playcount_connection_of(c);

    return !k ? NULL : k->media ? k->media : begin_connection(c, k);
}

static __attribute__((noinline)) playcount_agent_e
begin_agent(listener *l, const char *agent, size_t n)
{
    playcount_agents *agents = playcount_media_global->lists.agents;
    playcount_agent_e judgement = agents ? playcount_agents_judge(agents, agent, n)
                                         : playcount_agent_judge(agent, n);

    if (l) {
        l->agent_n = n <= AGENT_MOST ? n : 0;
        l->song_n = 0;
        l->judgement = judgement;
        memcpy(l->text, agent ? agent : "", l->agent_n);
    }
    return judgement;
}

PLAYCOUNT_HOT playcount_agent_e playcount_media_judge_agent(conn_rec *c,
                                                            const char *agent,
                                                            size_t n)
{
    listener *l = last_of(c);

    return l && n && l->agent_n == n && !memcmp(l->text, agent, n)
               ? l->judgement
               : begin_agent(l, agent, n);
}

/* The request's User-Agent has just been judged, so it is the one that is known. */
PLAYCOUNT_HOT playcount_media_numbers *
playcount_media_last_numbers(conn_rec *c, const playcount_media_got *got)
{
    listener *l = last_of(c);

    return l && l->song_n && l->song_n == got->song_n &&
                   !memcmp(l->text + l->agent_n, got->song, got->song_n) &&
                   !memcmp(&l->address, got->address, sizeof(l->address))
               ? &l->numbers
               : NULL;
}

playcount_media_numbers *playcount_media_new_numbers(conn_rec *c,
                                                     const playcount_media_got *got)
{
    listener *l = last_of(c);

    if (!l || !l->agent_n || got->song_n > SONG_MOST) {
        return NULL;
    }
    l->song_n = got->song_n;
    memcpy(l->text + l->agent_n, got->song, got->song_n);
    l->address = *got->address;
    memset(&l->numbers, 0, sizeof(l->numbers));
    return &l->numbers;
}

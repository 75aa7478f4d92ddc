/* Who asked for what: the facts of a request that need no response. */

#include "media/private.h"

#include <strings.h>

#include "apr_strings.h"

#include "server/text.h"

static int has_skip(const request_rec *r)
{
    return apr_table_get(r->subprocess_env, "playcount-skip") != NULL;
}

/* The headers that matter, in one go. Sec-Purpose says why it is fetched; older
 * browsers have other headers for it. */
static void read_headers(const request_rec *r, playcount_delivery *facts)
{
    const apr_array_header_t *headers = apr_table_elts(r->headers_in);
    const apr_table_entry_t *e = (const apr_table_entry_t *)headers->elts;

    for (int i = 0; i < headers->nelts; i++) {
        const char *name = e[i].key;

        switch (*name | 0x20) {
        case 'u':
            if (!facts->agent && !strcasecmp(name, "User-Agent")) {
                facts->agent = e[i].val;
            }
            break;
        case 's':
        case 'p':
        case 'x':
            if (!facts->purpose &&
                (!strcasecmp(name, "Sec-Purpose") || !strcasecmp(name, "Purpose") ||
                 !strcasecmp(name, "X-Moz"))) {
                facts->purpose = e[i].val;
            }
            break;
        default:
            break;
        }
    }
}

void playcount_media_facts(request_rec *first, request_rec *last,
                           playcount_address *address, playcount_delivery *facts)
{
    const apr_sockaddr_t *from = first->useragent_addr;

    memset(facts, 0, sizeof(*facts));
    facts->is_get = first->method_number == M_GET && !first->header_only;
    facts->unwanted = has_skip(first) || (last != first && has_skip(last));
    read_headers(first, facts);
    facts->agent_n = facts->agent ? strlen(facts->agent) : 0;
    facts->judged = 1;
    facts->judgement = playcount_media_judge_agent(first->connection, facts->agent,
                                                   facts->agent_n);
    if (from && from->ipaddr_ptr && from->ipaddr_len) {
        playcount_address_set(address, from->ipaddr_ptr, (size_t)from->ipaddr_len);
        facts->address = address;
    }
}

const char *playcount_media_id_fault(const request_rec *r, const char *song)
{
    const char *wrong = playcount_id_error(song, strlen(song));

    return wrong ? apr_pstrcat(r->pool, "its id ", wrong, NULL) : NULL;
}

const char *playcount_media_song_of(request_rec *first, request_rec *last,
                                    const playcount_media_dir *conf,
                                    const char **why)
{
    const char *song = first->uri, *error = NULL;

    if (conf->song) {
        song = ap_expr_str_exec(last, conf->song, &error);
        if (error || !song || !*song) {
            *why = error ? error : "PlaycountMediaSong gives nothing for it";
            return NULL;
        }
    }
    *why = playcount_media_id_fault(first, song);
    return *why ? NULL : song;
}

void playcount_media_fill(request_rec *first, const playcount_media_dir *conf,
                          const playcount_delivery *facts, const char *song,
                          playcount_media_got *got)
{
    memset(got, 0, sizeof(*got));
    got->window = conf->window;
    got->start = apr_time_sec(first->request_time);
    got->song = song;
    got->song_n = strlen(song);
    got->address = facts->address;
    got->agent = facts->agent;
    got->agent_n = facts->agent_n;
    got->numbers = playcount_media_numbers_of(first->connection, got);
}

/* Who asked for what: the facts of a request that need no response. */

#include "media/private.h"

#include "apr_strings.h"

#include "server/text.h"

static int has_skip(const request_rec *r)
{
    return apr_table_get(r->subprocess_env, "playcount-skip") != NULL;
}

/* Why it is fetched; older browsers have other headers for it. */
static const char *purpose_of(const request_rec *r)
{
    static const char *const names[] = {"Sec-Purpose", "Purpose", "X-Moz"};
    const char *purpose = NULL;

    for (size_t i = 0; !purpose && i < sizeof(names) / sizeof(names[0]); i++) {
        purpose = apr_table_get(r->headers_in, names[i]);
    }
    return purpose;
}

void playcount_media_facts(request_rec *first, request_rec *last,
                           playcount_address *address, playcount_delivery *facts)
{
    const apr_sockaddr_t *from = first->useragent_addr;

    memset(facts, 0, sizeof(*facts));
    facts->is_get = first->method_number == M_GET && !first->header_only;
    facts->unwanted = has_skip(first) || (last != first && has_skip(last));
    facts->range = apr_table_get(first->headers_in, "Range");
    facts->purpose = purpose_of(first);
    facts->agent = apr_table_get(first->headers_in, "User-Agent");
    facts->agent_n = facts->agent ? strlen(facts->agent) : 0;
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
                          playcount_media_request *m,
                          const playcount_delivery *facts, const char *song,
                          playcount_media_got *got)
{
    if (!m->asked || strcmp(m->asked, song)) {
        m->asked = song;
        memset(&m->numbers, 0, sizeof(m->numbers));
    }
    memset(got, 0, sizeof(*got));
    got->window = conf->window;
    got->start = apr_time_sec(first->request_time);
    got->song = song;
    got->song_n = strlen(song);
    got->address = facts->address;
    got->agent = facts->agent;
    got->agent_n = facts->agent_n;
    got->numbers = &m->numbers;
}

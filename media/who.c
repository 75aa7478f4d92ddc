/* Who asked for what: the facts of a request that need no response. */

#include "media/private.h"

#include "apr_strings.h"

#include "server/text.h"
#include "shm/hot.h"

static int has_skip(const request_rec *r)
{
    return !apr_is_empty_table(r->subprocess_env) &&
           apr_table_get(r->subprocess_env, "playcount-skip");
}

/* Letters small. */
static inline uint64_t eight(const char *text)
{
    uint64_t word;

    memcpy(&word, text, sizeof(word));
    return word | 0x2020202020202020;
}

static inline uint32_t four(const char *text)
{
    uint32_t word;

    memcpy(&word, text, sizeof(word));
    return word | 0x20202020;
}

/* Is a name of 4 to 16 bytes the one whose letters are small? Word by word. */
static PLAYCOUNT_HOT __attribute__((noinline)) int
same(const char *name, const char *wanted, size_t n)
{
    return n < 8 ? four(name) == four(wanted) &&
                       four(name + n - 4) == four(wanted + n - 4)
                 : eight(name) == eight(wanted) &&
                       eight(name + n - 8) == eight(wanted + n - 8);
}

/* The value of the first header of a name, if this is it, with n bytes. */
static inline void take(const char **to, const apr_table_entry_t *header, size_t n,
                        const char *wanted)
{
    if (n == strlen(wanted) && same(header->key, wanted, n) && !*to) {
        *to = header->val;
    }
}

/* With which of them the names begin that are asked for in a request. */
#define LETTER(letter) (UINT32_C(1) << ((letter) - 'a'))
#define LETTERS                                                                    \
    (LETTER('u') | LETTER('r') | LETTER('s') | LETTER('p') | LETTER('x'))

/* The request's headers that matter, in one go. Sec-Purpose says why it is fetched;
 * older browsers have other headers for it. */
static void read_headers(const request_rec *r, playcount_delivery *facts)
{
    const apr_array_header_t *headers = apr_table_elts(r->headers_in);
    const apr_table_entry_t *e = (const apr_table_entry_t *)headers->elts;

    for (const apr_table_entry_t *end = e + headers->nelts; e < end; e++) {
        unsigned letter = (unsigned char)((*e->key | 0x20) - 'a');
        size_t n;

        if (letter > 'z' - 'a' || !(LETTERS >> letter & 1)) {
            continue;
        }
        n = strlen(e->key);
        take(&facts->agent, e, n, "user-agent");
        take(&facts->range, e, n, "range");
        take(&facts->purpose, e, n, "sec-purpose");
        take(&facts->purpose, e, n, "purpose");
        take(&facts->purpose, e, n, "x-moz");
    }
}

PLAYCOUNT_HOT void playcount_media_read_answer(const request_rec *r,
                                               playcount_media_answer *answer)
{
    const apr_array_header_t *headers = apr_table_elts(r->headers_out);
    const apr_table_entry_t *e = (const apr_table_entry_t *)headers->elts;

    answer->encoding = r->content_encoding;
    answer->length = answer->range = NULL;
    for (const apr_table_entry_t *end = e + headers->nelts; e < end; e++) {
        size_t n;

        if ((*e->key | 0x20) != 'c') {
            continue;
        }
        n = strlen(e->key);
        take(&answer->length, e, n, "content-length");
        take(&answer->range, e, n, "content-range");
        take(&answer->encoding, e, n, "content-encoding");
    }
}

PLAYCOUNT_HOT void playcount_media_facts(request_rec *first, request_rec *last,
                                         playcount_address *address,
                                         playcount_delivery *facts)
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

PLAYCOUNT_HOT const char *playcount_media_song_of(request_rec *first,
                                                  request_rec *last,
                                                  const playcount_media_dir *conf,
                                                  const char **why)
{
    const char *song, *error = NULL;

    if (!conf->song) {
        return first->uri;
    }
    song = ap_expr_str_exec(last, conf->song, &error);
    if (error || !song || !*song) {
        *why = error ? error : "PlaycountMediaSong gives nothing for it";
        return NULL;
    }
    return song;
}

/* Another song, or listener, than that of the connection's last delivery. */
static __attribute__((noinline)) const char *begin_song(request_rec *first,
                                                        playcount_media_got *got)
{
    const char *wrong = playcount_id_error(got->song, got->song_n);

    if (wrong) {
        return apr_pstrcat(first->pool, "its id ", wrong, NULL);
    }
    got->numbers = playcount_media_new_numbers(first->connection, got);
    return NULL;
}

PLAYCOUNT_HOT const char *playcount_media_fill(request_rec *first,
                                               const playcount_media_dir *conf,
                                               const playcount_delivery *facts,
                                               const char *song,
                                               playcount_media_got *got)
{
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
    got->numbers = playcount_media_last_numbers(first->connection, got);
    return got->numbers ? NULL : begin_song(first, got);
}

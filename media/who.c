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

/* Is the name of n bytes this one, of 4 to 16 bytes, whose letters are small? Many
 * are asked about for each request: word by word. */
static inline int is(const char *name, size_t n, const char *wanted)
{
    size_t length = strlen(wanted);

    return n == length &&
           (length < 8
                ? four(name) == four(wanted) &&
                      four(name + length - 4) == four(wanted + length - 4)
                : eight(name) == eight(wanted) &&
                      eight(name + length - 8) == eight(wanted + length - 8));
}

/* The value of the first header of a name. */
static inline void take(const char **to, const apr_table_entry_t *header, size_t n,
                        const char *wanted)
{
    if (is(header->key, n, wanted) && !*to) {
        *to = header->val;
    }
}

/* The request's headers that matter, in one go. Sec-Purpose says why it is fetched;
 * older browsers have other headers for it. */
static void read_headers(const request_rec *r, playcount_delivery *facts)
{
    const apr_array_header_t *headers = apr_table_elts(r->headers_in);
    const apr_table_entry_t *e = (const apr_table_entry_t *)headers->elts;

    for (const apr_table_entry_t *end = e + headers->nelts; e < end; e++) {
        switch (*e->key | 0x20) {
        case 'u':
            take(&facts->agent, e, strlen(e->key), "user-agent");
            break;
        case 'r':
            take(&facts->range, e, strlen(e->key), "range");
            break;
        case 's':
            take(&facts->purpose, e, strlen(e->key), "sec-purpose");
            break;
        case 'p':
            take(&facts->purpose, e, strlen(e->key), "purpose");
            break;
        case 'x':
            take(&facts->purpose, e, strlen(e->key), "x-moz");
            break;
        default:
            break;
        }
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

PLAYCOUNT_HOT const char *playcount_media_fill(request_rec *first,
                                               const playcount_media_dir *conf,
                                               const playcount_delivery *facts,
                                               const char *song,
                                               playcount_media_got *got)
{
    const char *wrong;

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
    if (got->numbers) {
        return NULL;
    }
    wrong = playcount_id_error(song, got->song_n);
    if (wrong) {
        return apr_pstrcat(first->pool, "its id ", wrong, NULL);
    }
    got->numbers = playcount_media_new_numbers(first->connection, got);
    return NULL;
}

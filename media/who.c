/* Who asked for what: the facts of a request that need no response. */

#include "media/private.h"

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
static inline int same(const char *name, const char *wanted, size_t n)
{
    return n < 8 ? four(name) == four(wanted) &&
                       four(name + n - 4) == four(wanted + n - 4)
                 : eight(name) == eight(wanted) &&
                       eight(name + n - 8) == eight(wanted + n - 8);
}

/* A header that matters. */
typedef struct {
    char name[17]; /* letters small */
    uint8_t n;     /* bytes of it; 0: the list ends */
    uint8_t value; /* where its value goes */
} header;

#define HEADER(name, value)                                                        \
    {                                                                              \
        name, sizeof(name) - 1, value                                              \
    }

/* With which letters the names of a list begin. */
#define LETTER(letter) (UINT32_C(1) << ((letter) - 'a'))

/* Sec-Purpose says why it is fetched; older browsers have other headers for it. */
enum { AGENT, RANGE, PURPOSE, ASKED_VALUES };
static const header asked[] = {
    HEADER("user-agent", AGENT),    HEADER("range", RANGE),
    HEADER("sec-purpose", PURPOSE), HEADER("purpose", PURPOSE),
    HEADER("x-moz", PURPOSE),       {"", 0, 0},
};
#define ASKED (LETTER('u') | LETTER('r') | LETTER('s') | LETTER('p') | LETTER('x'))

enum { LENGTH, CONTENT_RANGE, ENCODING, ANSWERED_VALUES };
static const header answered[] = {
    HEADER("content-length", LENGTH),
    HEADER("content-range", CONTENT_RANGE),
    HEADER("content-encoding", ENCODING),
    {"", 0, 0},
};
#define ANSWERED LETTER('c')

/* The values of the headers in a list, in one go; of several with one name, and of
 * names with one place, the first. One function for what was asked and what was
 * answered: its code is there when it is needed again. */
static PLAYCOUNT_HOT __attribute__((noinline)) void
read_headers(const apr_table_t *table, uint32_t letters, const header *list,
             const char *value[])
{
    const apr_array_header_t *headers = apr_table_elts(table);
    const apr_table_entry_t *e = (const apr_table_entry_t *)headers->elts;

    for (const apr_table_entry_t *end = e + headers->nelts; e < end; e++) {
        unsigned letter = (unsigned char)((*e->key | 0x20) - 'a');
        size_t n;

        if (letter > 'z' - 'a' || !(letters >> letter & 1)) {
            continue;
        }
        n = strlen(e->key);
        for (const header *h = list; h->n; h++) {
            if (h->n == n && !value[h->value] && same(e->key, h->name, n)) {
                value[h->value] = e->val;
                break;
            }
        }
    }
}

PLAYCOUNT_HOT void playcount_media_read_answer(const request_rec *r,
                                               playcount_media_answer *answer)
{
    const char *value[ANSWERED_VALUES] = {[ENCODING] = r->content_encoding};

    read_headers(r->headers_out, ANSWERED, answered, value);
    answer->length = value[LENGTH];
    answer->range = value[CONTENT_RANGE];
    answer->encoding = value[ENCODING];
}

PLAYCOUNT_HOT void playcount_media_facts(request_rec *first, request_rec *last,
                                         playcount_address *address,
                                         playcount_delivery *facts)
{
    const apr_sockaddr_t *from = first->useragent_addr;
    const char *value[ASKED_VALUES] = {NULL};
    size_t n;

    read_headers(first->headers_in, ASKED, asked, value);
    n = value[AGENT] ? strlen(value[AGENT]) : 0;
    *facts = (playcount_delivery){
        .is_get = first->method_number == M_GET && !first->header_only,
        .unwanted = has_skip(first) || (last != first && has_skip(last)),
        .range = value[RANGE],
        .purpose = value[PURPOSE],
        .agent = value[AGENT],
        .agent_n = n,
        .judged = 1,
        .judgement =
            playcount_media_judge_agent(first->connection, value[AGENT], n),
    };
    if (from && from->ipaddr_ptr && from->ipaddr_len) {
        playcount_address_set(address, from->ipaddr_ptr, (size_t)from->ipaddr_len);
        facts->address = address;
    }
}

const char *playcount_media_song_by_expr(request_rec *last,
                                         const playcount_media_dir *conf,
                                         const char **why)
{
    const char *error = NULL, *song = ap_expr_str_exec(last, conf->song, &error);

    if (error || !song || !*song) {
        *why = error ? error : "PlaycountMediaSong gives nothing for it";
        return NULL;
    }
    return song;
}

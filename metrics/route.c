/* Which route a request belongs to. */

#include "metrics/metrics.h"
#include "shm/hot.h"

#include <stdatomic.h>

#include "http_core.h"
#include "http_log.h"
#include "apr_hash.h"
#include "apr_strings.h"

APLOG_USE_MODULE(playcount);

/* mod_rewrite's handler for rules in a directory: an internal redirect. */
#define REDIRECT_HANDLER "redirect-handler"

static const char of_files[] = "static";

/* Routes that this process has found, by what they were found from: comparing that
 * is cheaper than cleaning and hashing a label. First come, first kept: what is in
 * a place stays, so that whoever reads it needs no lock and finds it in the cache.
 * What finds another one in its place is looked up each time. */
typedef struct {
    _Atomic int state;
    unsigned number;
    int passing;            /* by the handler */
    const void *source;     /* a constant label itself; or one of these: */
#define OF_EXPRESSION NULL  /* the text is its value */
#define OF_HANDLER of_files /* the text is r->handler, "" if there is none */
    const server_rec *host; /* that its name has in front, or NULL */
    size_t length;
    char text[PLAYCOUNT_LABEL_MAX];
} known;

enum { FREE, BEING_WRITTEN, WRITTEN };

#define PLACES 256

static known of_process[PLACES];

static void forget_all(void)
{
    for (int i = 0; i < PLACES; i++) {
        atomic_store_explicit(&of_process[i].state, FREE, memory_order_relaxed);
    }
}

/* What a place is about, on its way there. */
typedef struct {
    const void *source;
    const char *text;
    size_t length;
    const server_rec *host;
} wanted;

static inline known *place_of(const wanted *w)
{
    unsigned hash = (unsigned)((uintptr_t)w->host >> 4);

    if (w->length) {
        hash = 31 * hash + (unsigned char)w->text[0];
        hash = 31 * hash + (unsigned char)w->text[w->length / 2];
        hash = 31 * hash + (unsigned char)w->text[w->length - 1];
    }
    else {
        hash += (unsigned)((uintptr_t)w->source >> 3);
    }
    return &of_process[hash % PLACES];
}

static inline int is_there(const known *k, const wanted *w)
{
    /* Acquire: the rest is there when the state says so. */
    return atomic_load_explicit(&k->state, memory_order_acquire) == WRITTEN &&
           k->source == w->source && k->host == w->host && k->length == w->length &&
           (!w->length || !memcmp(k->text, w->text, w->length));
}

static void keep(known *k, const wanted *w, unsigned number, int passing)
{
    int state = FREE;

    if (w->length <= sizeof(k->text) &&
        atomic_compare_exchange_strong_explicit(&k->state, &state, BEING_WRITTEN,
                                                memory_order_relaxed,
                                                memory_order_relaxed)) {
        memcpy(k->text, w->text, w->length);
        k->length = w->length;
        k->source = w->source;
        k->host = w->host;
        k->number = number;
        k->passing = passing;
        atomic_store_explicit(&k->state, WRITTEN, memory_order_release);
    }
}

/* Whether a route that no PlaycountRoute names has the virtual host in its name. */
static int hosts_in_names;

/* The virtual hosts' different names. */
static int count_hosts(server_rec *s, apr_pool_t *p)
{
    apr_hash_t *names = apr_hash_make(p);

    for (; s; s = s->next) {
        if (s->server_hostname) {
            apr_hash_set(names, s->server_hostname, APR_HASH_KEY_STRING, s);
        }
    }
    return (int)apr_hash_count(names);
}

void playcount_route_begin(server_rec *s, apr_pool_t *ptemp)
{
    int hosts = count_hosts(s, ptemp);

    forget_all();
    hosts_in_names = hosts > 1 && hosts <= playcount_metrics_global->routes / 2;
    if (hosts > 1 && !hosts_in_names) {
        ap_log_error(
            APLOG_MARK, APLOG_NOTICE, 0, s,
            "metrics: of %d virtual hosts the names are not in the routes; "
            "PlaycountRoutes %d would have room for them",
            hosts, 2 * hosts);
    }
    playcount_known_routes(s, hosts_in_names, ptemp);
}

static const char *evaluated(request_rec *r, const ap_expr_info_t *expr)
{
    const char *error = NULL;
    const char *label = ap_expr_str_exec(r, expr, &error);

    if (error) {
        ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, r, "PlaycountRoute: %s", error);
        return NULL;
    }
    return label;
}

static int is_name_of(const server_rec *s, const char *name)
{
    if (s->server_hostname && !ap_cstr_casecmp(name, s->server_hostname)) {
        return 1;
    }
    for (int i = 0; s->names && i < s->names->nelts; i++) {
        const char *alias = APR_ARRAY_IDX(s->names, i, const char *);

        if (alias && !ap_cstr_casecmp(name, alias)) {
            return 1;
        }
    }
    return 0;
}

/* The header in one spelling: as httpd knows the host, with its own port or none.
 */
static int is_plain(const request_rec *r, const char *header)
{
    size_t length = r->hostname ? strlen(r->hostname) : 0;

    return length && !strncmp(header, r->hostname, length) &&
           (!header[length] ||
            (header[length] == ':' &&
             !strcmp(header + length + 1,
                     apr_itoa(r->pool, r->connection->local_addr->port))));
}

/* A host name is what the client says. If each one made a route, whoever sends many
 * would use up all of them for good: only the names that the configuration gives to
 * the virtual host do. Not what a ServerAlias with * matches: these are any number.
 */
static int is_own_host(request_rec *r, int hosts)
{
    const char *header = apr_table_get(r->headers_in, "Host");

    if (hosts & PLAYCOUNT_SERVER_NAME &&
        !is_name_of(r->server, ap_get_server_name(r))) {
        return 0;
    }
    return !(hosts & PLAYCOUNT_HOST_HEADER) || !header || !*header ||
           (is_plain(r, header) && is_name_of(r->server, r->hostname));
}

const char *playcount_route_name(apr_pool_t *p, unsigned route)
{
    char name[PLAYCOUNT_LABEL_MAX + 1];

    return playcount_routes_name(playcount_metrics_segment->routes, route, name)
               ? apr_pstrdup(p, name)
               : "?";
}

static unsigned look_up(request_rec *r, const char *label, const server_rec *host)
{
    const char *full =
        host ? apr_pstrcat(r->pool, host->server_hostname, "/", label, NULL)
             : label;
    char name[PLAYCOUNT_LABEL_MAX + 1];
    int first_refusal;
    unsigned number =
        playcount_routes_find(playcount_metrics_segment->routes, name,
                              playcount_label_clean(name, full), &first_refusal);

    if (first_refusal) {
        ap_log_rerror(
            APLOG_MARK, APLOG_WARNING, 0, r,
            "%d routes are in use, and the label \"%s\" is one more: it "
            "and all further new ones are counted as the route \"other\". "
            "Raise PlaycountRoutes, or have PlaycountRoute give fewer labels",
            playcount_metrics_global->routes, name);
    }
    return number;
}

/* A label, unless it is empty. */
static __attribute__((noinline)) void
evaluate(request_rec *r, const playcount_metrics_dir *conf, wanted *w)
{
    const char *label = evaluated(r, conf->expr);

    if (label && *label) {
        w->source = OF_EXPRESSION;
        w->text = conf->hosts && !is_own_host(r, conf->hosts) ? "other" : label;
        w->host = NULL;
    }
}

/* Of a request whose directory has no constant label. */
static inline void find_source(request_rec *r, const playcount_metrics_dir *conf,
                               wanted *w)
{
    w->source = OF_HANDLER;
    w->text = r->handler ? r->handler : "";
    w->host = hosts_in_names ? r->server : NULL;
    if (PLAYCOUNT_SELDOM(conf->expr != NULL)) {
        evaluate(r, conf, w);
    }
    w->length = strlen(w->text);
}

static const char *label_of(const wanted *w)
{
    if (w->source == OF_EXPRESSION) {
        return w->text;
    }
    if (w->source != OF_HANDLER) {
        return w->source;
    }
    return !w->length || !strcmp(w->text, "default-handler") ? of_files : w->text;
}

static int is_passing(const char *handler)
{
    return handler && !strcmp(handler, REDIRECT_HANDLER);
}

static PLAYCOUNT_COLD unsigned find_and_keep(request_rec *r, known *k,
                                             const wanted *w, int *passing)
{
    unsigned number = look_up(r, label_of(w), w->host);

    *passing = w->source == OF_HANDLER && is_passing(w->text);
    /* "other" is not kept: each request that is refused is counted. */
    if (number != playcount_metrics_segment->count - 1) {
        keep(k, w, number, *passing);
    }
    return number;
}

PLAYCOUNT_HOT unsigned playcount_route_find(request_rec *r,
                                            const playcount_metrics_dir *conf,
                                            int *passing)
{
    wanted w = {.source = conf->label};
    unsigned number;
    known *k;

    if (!conf->label || !*conf->label) {
        find_source(r, conf, &w);
    }
    k = place_of(&w);
    if (PLAYCOUNT_SELDOM(!is_there(k, &w))) {
        number = find_and_keep(r, k, &w, passing);
    }
    else {
        number = k->number;
        *passing = k->passing;
    }
    if (PLAYCOUNT_SELDOM(w.source == OF_EXPRESSION)) {
        *passing = is_passing(r->handler);
    }
    return number;
}

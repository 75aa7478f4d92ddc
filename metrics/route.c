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

static const char *derived(const request_rec *r)
{
    if (!r->handler || !*r->handler || !strcmp(r->handler, "default-handler")) {
        return of_files;
    }
    return r->handler;
}

/* Routes that this process has found, by their labels as they came: comparing one
 * is cheaper than cleaning and hashing it. First come, first kept: what is in a
 * place stays, so that whoever reads it needs no lock and finds it in the cache. A
 * label whose place has another one is looked up each time. */
typedef struct {
    _Atomic int state;
    unsigned number;
    const server_rec *host; /* that its name has in front, or NULL */
    const char *constant;   /* the label itself, if it stays; or NULL, and */
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
    const char *label;
    int stays;
    size_t length; /* of one that does not stay */
    const server_rec *host;
} wanted;

static inline known *place_of(const wanted *w)
{
    unsigned hash = (unsigned)((uintptr_t)w->host >> 4);

    if (w->stays) {
        hash += (unsigned)((uintptr_t)w->label >> 3);
    }
    else if (w->length) {
        hash = 31 * hash + (unsigned char)w->label[0];
        hash = 31 * hash + (unsigned char)w->label[w->length / 2];
        hash = 31 * hash + (unsigned char)w->label[w->length - 1];
    }
    return &of_process[hash % PLACES];
}

static inline int is_there(const known *k, const wanted *w)
{
    /* Acquire: the rest is there when the state says so. */
    if (atomic_load_explicit(&k->state, memory_order_acquire) != WRITTEN ||
        k->host != w->host) {
        return 0;
    }
    return w->stays ? k->constant == w->label
                    : !k->constant && k->length == w->length &&
                          !memcmp(k->text, w->label, w->length);
}

static PLAYCOUNT_COLD void keep(known *k, const wanted *w, unsigned number)
{
    int state = FREE;

    if (w->length <= sizeof(k->text) &&
        atomic_compare_exchange_strong_explicit(&k->state, &state, BEING_WRITTEN,
                                                memory_order_relaxed,
                                                memory_order_relaxed)) {
        memcpy(k->text, w->label, w->length);
        k->length = w->length;
        k->constant = w->stays ? w->label : NULL;
        k->host = w->host;
        k->number = number;
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

static PLAYCOUNT_COLD unsigned look_up(request_rec *r, const char *label,
                                       const server_rec *host)
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

/* Of a request whose directory has no constant label. */
static __attribute__((noinline)) void
find_label(request_rec *r, const playcount_metrics_dir *conf, wanted *w)
{
    if (conf->expr) {
        w->label = evaluated(r, conf->expr);
        if (w->label && *w->label && conf->hosts && !is_own_host(r, conf->hosts)) {
            w->label = "other";
        }
    }
    if (!w->label || !*w->label) {
        w->label = derived(r);
        w->host = hosts_in_names ? r->server : NULL;
    }
    w->stays = w->label == of_files;
    w->length = w->stays ? 0 : strlen(w->label);
}

static PLAYCOUNT_COLD unsigned find_and_keep(request_rec *r, known *k,
                                             const wanted *w)
{
    unsigned number = look_up(r, w->label, w->host);

    /* "other" is not kept: each request that is refused is counted. */
    if (number != playcount_metrics_segment->count - 1) {
        keep(k, w, number);
    }
    return number;
}

PLAYCOUNT_HOT unsigned playcount_route_find(request_rec *r,
                                            const playcount_metrics_dir *conf,
                                            int *passing)
{
    wanted w = {.label = conf->label, .stays = 1};
    known *k;

    *passing = 0;
    if (!w.label || !*w.label) {
        find_label(r, conf, &w);
        *passing =
            !conf->label && r->handler && !strcmp(r->handler, REDIRECT_HANDLER);
    }
    k = place_of(&w);
    return PLAYCOUNT_SELDOM(!is_there(k, &w)) ? find_and_keep(r, k, &w) : k->number;
}

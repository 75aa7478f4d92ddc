/* Which route a request belongs to. */

#include "metrics/metrics.h"

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

/* The route that this thread found last: most requests have the same label as
 * the one before, and comparing it is cheaper than cleaning and hashing it. */
typedef struct {
    const char *constant;   /* the label, if it is one that stays; or NULL */
    const server_rec *host; /* that its name has in front, or NULL */
    unsigned number;
    char label[PLAYCOUNT_LABEL_MAX + 1]; /* as it came; "" for none yet */
} found;

/* Where it is takes a call to find out: once is enough. */
static __attribute__((noinline)) found *last(void)
{
    static _Thread_local found of_thread;

    return &of_thread;
}

static void remember(found *f, const char *label, int stays, const server_rec *host,
                     unsigned number)
{
    size_t length = strlen(label);

    if (length < sizeof(f->label)) {
        memcpy(f->label, label, length + 1);
        f->constant = stays ? label : NULL;
        f->host = host;
        f->number = number;
    }
}

const char *playcount_route_name(apr_pool_t *p, unsigned route)
{
    char name[PLAYCOUNT_LABEL_MAX + 1];

    return playcount_routes_name(playcount_metrics_segment->routes, route, name)
               ? apr_pstrdup(p, name)
               : "?";
}

static __attribute__((noinline)) unsigned look_up(request_rec *r, const char *label,
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

unsigned playcount_route_find(request_rec *r, const playcount_metrics_dir *conf,
                              int *passing)
{
    found *f = last();
    const char *label = conf->label;
    const server_rec *host = NULL;
    unsigned number;

    if (!label && conf->expr) {
        label = evaluated(r, conf->expr);
        if (label && *label && conf->hosts && !is_own_host(r, conf->hosts)) {
            label = "other";
        }
    }
    if (!label || !*label) {
        label = derived(r);
        host = hosts_in_names ? r->server : NULL;
    }
    *passing = !conf->label && r->handler && !strcmp(r->handler, REDIRECT_HANDLER);
    if (host == f->host && (label == f->constant || !strcmp(label, f->label))) {
        return f->number;
    }
    number = look_up(r, label, host);
    /* "other" is not remembered: each request that is refused is counted. */
    if (number != playcount_metrics_segment->count - 1) {
        remember(f, label, label == conf->label || label == of_files, host, number);
    }
    return number;
}

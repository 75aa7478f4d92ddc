/* Which route a request belongs to. */

#include "metrics/metrics.h"

#include "http_log.h"
#include "apr_strings.h"

APLOG_USE_MODULE(playcount);

/* mod_rewrite's handler for rules in a directory: an internal redirect. */
#define REDIRECT_HANDLER "redirect-handler"

static const char *derived(const request_rec *r)
{
    if (!r->handler || !*r->handler || !strcmp(r->handler, "default-handler")) {
        return "static";
    }
    return r->handler;
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

/* The route that this thread found last: most requests have the same label as
 * the one before, and comparing it is cheaper than cleaning and hashing it. */
static _Thread_local struct {
    char label[PLAYCOUNT_LABEL_MAX + 1]; /* as it came; "" for none yet */
    unsigned number;
} last;

static void remember(const char *label, unsigned number)
{
    size_t length = strlen(label);

    if (length < sizeof(last.label)) {
        memcpy(last.label, label, length + 1);
        last.number = number;
    }
}

const char *playcount_route_name(apr_pool_t *p, unsigned route)
{
    char name[PLAYCOUNT_LABEL_MAX + 1];

    return playcount_routes_name(playcount_metrics_segment->routes, route, name)
               ? apr_pstrdup(p, name)
               : "?";
}

unsigned playcount_route_find(request_rec *r, int *passing)
{
    const playcount_metrics_dir *conf =
        playcount_dir_conf(r->per_dir_config, PLAYCOUNT_ROOM_METRICS);
    const char *label = conf->label;
    char name[PLAYCOUNT_LABEL_MAX + 1];
    unsigned number;
    int first_refusal;

    if (!label && conf->expr) {
        label = evaluated(r, conf->expr);
    }
    if (!label || !*label) {
        label = derived(r);
    }
    *passing = !conf->label && r->handler && !strcmp(r->handler, REDIRECT_HANDLER);
    if (!strcmp(label, last.label)) {
        return last.number;
    }
    number =
        playcount_routes_find(playcount_metrics_segment->routes, name,
                              playcount_label_clean(name, label), &first_refusal);
    if (first_refusal) {
        ap_log_rerror(
            APLOG_MARK, APLOG_WARNING, 0, r,
            "%d routes are in use, and the label \"%s\" is one more: it "
            "and all further new ones are counted as the route \"other\". "
            "Raise PlaycountRoutes, or have PlaycountRoute give fewer labels",
            playcount_metrics_global->routes, name);
    }
    if (number == playcount_metrics_segment->count - 1) {
        return number; /* each one that is refused is counted */
    }
    remember(label, number);
    return number;
}

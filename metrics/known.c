/* Routes that the configuration names, registered at the start: there before their
 * first request: a counter that begins with its first event is not seen to increase
 * by it.
 *
 * Besides the labels of PlaycountRoute these are the routes that are derived where
 * there is none: "static", and the handlers that a SetHandler names. Its argument
 * is an expression, whose text httpd does not keep; it stands in the tree of
 * directives, at the place that the expression knows. Handlers that modules choose
 * by themselves, as mod_proxy and mod_mime do, are not known.
 */

#include "metrics/metrics.h"

#include "http_core.h"
#include "apr_strings.h"

extern module AP_MODULE_DECLARE_DATA playcount_module;

/* Derived ones leave so much for what comes: one half. */
static int has_room(void)
{
    const playcount_routes *routes = playcount_metrics_segment->routes;

    return playcount_routes_used(routes) < routes->slots / 2;
}

static void enter(const char *label)
{
    char name[PLAYCOUNT_LABEL_MAX + 1];
    int unused;

    playcount_routes_find(playcount_metrics_segment->routes, name,
                          playcount_label_clean(name, label), &unused);
}

/* The argument of the SetHandler that stands there. */
static const char *text_of(const ap_directive_t *d, const ap_expr_info_t *expr,
                           apr_pool_t *p)
{
    const char *found = NULL;

    for (; d && !found; d = d->next) {
        const char *args = d->args;

        if (d->line_num == (int)expr->line_number && d->filename &&
            expr->filename && !strcmp(d->filename, expr->filename) &&
            !ap_cstr_casecmp(d->directive, "SetHandler")) {
            return ap_getword_conf(p, &args);
        }
        found = text_of(d->first_child, expr, p);
    }
    return found;
}

/* The route of requests that such a section decides about, NULL if that is not
 * known, or if they are not measured or have a label. */
static const char *derived(const playcount_metrics_dir *conf,
                           const core_dir_config *core, apr_pool_t *p)
{
    const char *handler;

    if (!conf->on || conf->label || conf->expr) {
        return NULL;
    }
    if (!core->expr_handler) {
        return core->handler;
    }
    handler = text_of(ap_conftree, core->expr_handler, p);
    return handler && *handler && !ap_strchr_c(handler, '%') &&
                   ap_cstr_casecmp(handler, "none") &&
                   strcmp(handler, "default-handler")
               ? handler
               : NULL;
}

static void enter_derived(const server_rec *s, int hosts_in_names,
                          const char *label, apr_pool_t *p)
{
    if (label && has_room()) {
        enter(hosts_in_names ? apr_pstrcat(p, s->server_hostname, "/", label, NULL)
                             : label);
    }
}

/* What a section and those of files in it decide about; `outer` holds around it. */
static void enter_section(const server_rec *s, int hosts_in_names,
                          ap_conf_vector_t *section,
                          const playcount_metrics_dir *outer, apr_pool_t *p)
{
    const core_dir_config *core = ap_get_core_module_config(section);
    const playcount_metrics_dir *conf = outer;

    /* A section without a directive of ours has no part of ours. */
    if (ap_get_module_config(section, &playcount_module)) {
        playcount_metrics_dir *own =
            playcount_dir_conf(section, PLAYCOUNT_ROOM_METRICS);

        conf = playcount_metrics_merge_dir(p, (void *)outer, own);
    }
    enter_derived(s, hosts_in_names, derived(conf, core, p), p);
    for (int i = 0; core->sec_file && i < core->sec_file->nelts; i++) {
        enter_section(s, hosts_in_names,
                      APR_ARRAY_IDX(core->sec_file, i, ap_conf_vector_t *), conf,
                      p);
    }
}

static void enter_sections(const server_rec *s, int hosts_in_names,
                           const apr_array_header_t *sections, apr_pool_t *p)
{
    const playcount_metrics_dir *whole =
        playcount_dir_conf(s->lookup_defaults, PLAYCOUNT_ROOM_METRICS);

    for (int i = 0; i < sections->nelts; i++) {
        enter_section(s, hosts_in_names,
                      APR_ARRAY_IDX(sections, i, ap_conf_vector_t *), whole, p);
    }
}

void playcount_known_routes(server_rec *s, int hosts_in_names, apr_pool_t *ptemp)
{
    static const playcount_metrics_dir none = {.on = -1, .slow = -1};
    const playcount_routes *routes = playcount_metrics_segment->routes;

    for (int i = 0; i < playcount_metrics_labels->nelts &&
                    playcount_routes_used(routes) < routes->slots;
         i++) {
        enter(APR_ARRAY_IDX(playcount_metrics_labels, i, const char *));
    }
    for (; s; s = s->next) {
        const core_server_config *core =
            ap_get_core_module_config(s->module_config);
        const playcount_metrics_dir *conf =
            playcount_dir_conf(s->lookup_defaults, PLAYCOUNT_ROOM_METRICS);

        if (conf->on && !conf->label && !conf->expr) {
            enter_derived(s, hosts_in_names, "static", ptemp);
        }
        enter_section(s, hosts_in_names, s->lookup_defaults, &none, ptemp);
        enter_sections(s, hosts_in_names, core->sec_url, ptemp);
        enter_sections(s, hosts_in_names, core->sec_dir, ptemp);
    }
}

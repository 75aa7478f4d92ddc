/* The root of a URL: see root.h. */

#include "server/root.h"

#include "ap_expr.h"
#include "http_config.h"
#include "http_core.h"

/* The bytes of the URI that this section matches, or -1; as httpd's walk over
 * the locations does it. */
static int match(const core_dir_config *section, const char *uri)
{
    apr_size_t length;

    if (section->r) {
        ap_regmatch_t m[1];

        return ap_regexec(section->r, uri, 1, m, 0) == 0 ? m[0].rm_eo : -1;
    }
    length = strlen(section->d);
    if (section->d_is_fnmatch || strncmp(section->d, uri, length) ||
        (length && section->d[length - 1] != '/' && uri[length] &&
         uri[length] != '/')) {
        return -1;
    }
    return (int)length;
}

/* The handler that this section sets, NULL if none. SetHandler's argument is an
 * expression, usually a constant one. */
static const char *handler_of(const core_dir_config *section, request_rec *r)
{
    const char *error = NULL;

    return section->expr_handler
               ? ap_expr_str_exec(r, section->expr_handler, &error)
               : section->handler;
}

static const char *const handlers[] = {PLAYCOUNT_HANDLER,
                                       PLAYCOUNT_METRICS_HANDLER};

/* Its place in the table; -1: it is not ours. */
static int which(const char *handler)
{
    for (int i = 0; handler && i < 2; i++) {
        if (!strcmp(handler, handlers[i])) {
            return i;
        }
    }
    return -1;
}

/* The last section that matches and names a handler decides whether the URL is
 * ours; the longest that names the same one, what the root is. */
const char *playcount_root_find(request_rec *r, apr_size_t *length)
{
    core_server_config *core = ap_get_core_module_config(r->server->module_config);
    ap_conf_vector_t **sections = (ap_conf_vector_t **)core->sec_url->elts;
    int roots[2] = {0, 0}, ours = -1, root;

    for (int i = 0; r->uri && i < core->sec_url->nelts; i++) {
        core_dir_config *section = ap_get_core_module_config(sections[i]);
        int matched =
            section->expr_handler || section->handler ? match(section, r->uri) : -1;
        const char *handler = matched >= 0 ? handler_of(section, r) : NULL;

        if (handler && (ours = which(handler)) >= 0 && matched > roots[ours]) {
            roots[ours] = matched;
        }
    }
    root = ours < 0 ? 0 : roots[ours];
    while (root && r->uri[root - 1] == '/') {
        root--;
    }
    *length = (apr_size_t)root;
    return ours < 0 ? NULL : handlers[ours];
}

static int any_names_ours(const apr_array_header_t *sections, request_rec *r);

/* A section for files or an <If>, in this one. */
static int has_inner(const ap_conf_vector_t *section, request_rec *r)
{
    const core_dir_config *core = ap_get_core_module_config(section);

    return core &&
           (any_names_ours(core->sec_file, r) || any_names_ours(core->sec_if, r));
}

static int names_ours(const ap_conf_vector_t *section, request_rec *r)
{
    const core_dir_config *core = ap_get_core_module_config(section);

    return (core && which(handler_of(core, r)) >= 0) || has_inner(section, r);
}

static int any_names_ours(const apr_array_header_t *sections, request_rec *r)
{
    for (int i = 0; sections && i < sections->nelts; i++) {
        if (names_ours(APR_ARRAY_IDX(sections, i, ap_conf_vector_t *), r)) {
            return 1;
        }
    }
    return 0;
}

int playcount_root_is_configured(request_rec *r)
{
    const core_server_config *core =
        ap_get_core_module_config(r->server->module_config);
    const char *handler;
    apr_size_t length;

    handler = playcount_root_find(r, &length);
    if ((handler && !strcmp(handler, r->handler)) ||
        names_ours(r->server->lookup_defaults, r) ||
        any_names_ours(core->sec_dir, r)) {
        return 1;
    }
    for (int i = 0; i < core->sec_url->nelts; i++) {
        if (has_inner(APR_ARRAY_IDX(core->sec_url, i, ap_conf_vector_t *), r)) {
            return 1;
        }
    }
    return 0;
}

/* Where in a location a request is: see root.h. */

#include "server/root.h"

#include "apr_lib.h"
#include "apr_strings.h"
#include "ap_expr.h"
#include "http_core.h"
#include "http_request.h"

#include "server/answer.h"
#include "server/conf.h"

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

/* The last section that matches and names a handler decides whether the URL is
 * ours, the longest of ours what the root is. */
static int find_root(request_rec *r)
{
    core_server_config *core = ap_get_core_module_config(r->server->module_config);
    ap_conf_vector_t **sections = (ap_conf_vector_t **)core->sec_url->elts;
    int root = -1, ours = 0;

    for (int i = 0; r->uri && i < core->sec_url->nelts; i++) {
        core_dir_config *section = ap_get_core_module_config(sections[i]);
        int length =
            section->expr_handler || section->handler ? match(section, r->uri) : -1;
        const char *handler = length >= 0 ? handler_of(section, r) : NULL;

        if (handler) {
            ours = !strcmp(handler, PLAYCOUNT_HANDLER);
            root = ours && length > root ? length : root;
        }
    }
    return ours ? root : -1;
}

/* The same without the slashes at its end. */
static apr_size_t measure_root(request_rec *r, int root)
{
    apr_size_t length = root > 0 ? (apr_size_t)root : 0;

    while (length && r->uri[length - 1] == '/') {
        length--;
    }
    return length;
}

/* Does path_info stand where we put it, in r->uri? */
static int is_noted(const request_rec *r)
{
    return r->path_info &&
           (uintptr_t)r->path_info - (uintptr_t)r->uri <= strlen(r->uri);
}

apr_size_t playcount_root_length(request_rec *r)
{
    /* Unless a module has changed it since. */
    if (r->filename == r->uri && is_noted(r)) {
        return (apr_size_t)(r->path_info - r->uri);
    }
    return measure_root(r, find_root(r));
}

const char *playcount_path_below_root(request_rec *r)
{
    const char *path = r->uri + playcount_root_length(r);

    return *path ? path : "/";
}

/* The path of the request line, which may be an absolute URI. */
static const char *raw_path(request_rec *r)
{
    const char *uri = r->unparsed_uri;
    const char *host = uri && *uri != '/' ? strstr(uri, "://") : NULL;

    return host ? strchr(host + 3, '/') : uri;
}

/* httpd has taken doubled slashes and dots out of r->uri; in an id they count. So
 * for a song r->uri becomes what the client wrote, if that is where r->uri comes
 * from. The access checks see it too: what they allow or deny is the id itself. */
static void restore_id(request_rec *r, apr_size_t root)
{
    core_server_config *core = ap_get_core_module_config(r->server->module_config);
    unsigned flags = AP_NORMALIZE_NOT_ABOVE_ROOT | AP_NORMALIZE_DECODE_UNRESERVED;
    const char *raw = r->main || r->prev ? NULL : raw_path(r);
    apr_size_t length = strlen(r->uri);
    char *path, *copy;

    /* The same up to its end, a query or a fragment: nothing was taken out. */
    if (!raw || (!strncmp(raw, r->uri, length) && strchr("?#", raw[length])) ||
        strncmp(raw, r->uri, root) ||
        strncmp(raw + root, PLAYCOUNT_SONG, strlen(PLAYCOUNT_SONG))) {
        return;
    }
    if (core->merge_slashes != AP_CORE_CONFIG_OFF) {
        flags |= AP_NORMALIZE_MERGE_SLASHES;
    }
    length = strcspn(raw, "?#");
    path = apr_pstrmemdup(r->pool, raw, length);
    copy = apr_pstrmemdup(r->pool, raw, length);
    if (ap_normalize_path(copy, flags) && !strcmp(copy, r->uri)) {
        r->uri = r->parsed_uri.path = path;
    }
}

/* --- claiming the URL --- */

static void (*tell_known)(request_rec *r);

void playcount_root_when_known(void (*tell)(request_rec *r))
{
    tell_known = tell;
}

/* Can all of it be decoded? */
static int is_decodable(const char *path)
{
    for (; (path = strchr(path, '%')); path++) {
        if (!apr_isxdigit(path[1]) || !apr_isxdigit(path[2]) ||
            (path[1] == '0' && path[2] == '0')) {
            return 0;
        }
    }
    return 1;
}

/* httpd refuses encoded slashes. Here they are decoded like the rest; the access
 * checks, which come later, see the decoded path as usual.
 *
 * Some modules read r->filename; here it is the URI itself, which also tells the
 * later hooks that the URL is claimed. */
static int pre_translate(request_rec *r)
{
    char *uri = r->uri;
    int root = find_root(r);
    apr_size_t length;

    if (root < 0) {
        return DECLINED;
    }
    length = measure_root(r, root);
    restore_id(r, length);
    if (r->uri == uri && !strchr(uri, '%')) {
        r->path_info = uri + length; /* as translate() would find it */
    }
    else if (!is_decodable(r->uri) || ap_unescape_url_ex(r->uri, 0) != OK) {
        return HTTP_BAD_REQUEST;
    }
    else {
        r->path_info = NULL;
    }
    r->filename = r->uri;
    if (r->path_info) {
        tell_known(r);
    }
    return DONE;
}

static int is_claimed(request_rec *r)
{
    return r->filename == r->uri && r->uri ? OK : DECLINED;
}

/* No module leads elsewhere: the path below the root is the path_info. */
static int translate(request_rec *r)
{
    if (is_claimed(r) != OK) {
        return DECLINED;
    }
    if (!r->path_info) {
        r->path_info = r->uri + measure_root(r, find_root(r));
        tell_known(r);
    }
    return OK;
}

/* No file is looked for; unless another module has led to one, which shall not meet
 * our path_info. */
static int map_to_storage(request_rec *r)
{
    if (is_claimed(r) == OK) {
        return OK;
    }
    if (r->uri && is_noted(r)) {
        r->path_info = NULL;
    }
    return DECLINED;
}

/* Is this path, whose escapes are broken, in a location of ours? */
static int is_below_a_root(request_rec *r)
{
    char *uri = r->uri;
    int root;

    r->uri = apr_pstrdup(r->pool, uri);
    ap_normalize_path(r->uri,
                      AP_NORMALIZE_NOT_ABOVE_ROOT | AP_NORMALIZE_MERGE_SLASHES);
    root = find_root(r);
    r->uri = uri;
    return root >= 0;
}

/* httpd refuses broken escapes with a page of its own, before any other hook is
 * asked. */
static int quick_handler(request_rec *r, int lookup_uri)
{
    if (lookup_uri || !r->uri || is_decodable(r->uri) || !is_below_a_root(r)) {
        return DECLINED;
    }
    r->handler = PLAYCOUNT_HANDLER;
    ap_run_insert_filter(r); /* as before any other handler */
    return playcount_refuse(
        r, HTTP_BAD_REQUEST,
        "The path has a % that is not followed by two hexadecimal "
        "digits other than 00.");
}

void playcount_root_register_hooks(apr_pool_t *p)
{
    /* After mod_rewrite and mod_alias, which may lead elsewhere. */
    ap_hook_pre_translate_name(pre_translate, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_translate_name(translate, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_map_to_storage(map_to_storage, NULL, NULL, APR_HOOK_FIRST);
    /* What an id ends with is no file's extension (mod_mime), and there are no
     * files with similar names (mod_negotiation's MultiViews). */
    ap_hook_type_checker(is_claimed, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_quick_handler(quick_handler, NULL, NULL, APR_HOOK_FIRST);
}

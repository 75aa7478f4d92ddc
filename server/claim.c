/* Claiming URLs: see claim.h. */

#include "server/claim.h"

#include "apr_strings.h"
#include "http_core.h"
#include "http_request.h"

#include "server/answer.h"
#include "server/request.h"
#include "server/root.h"
#include "server/site.h"
#include "server/text.h"
#include "shm/hot.h"

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

/* Decode r->uri in place. 0: an escape in it is broken. */
static int decode(request_rec *r)
{
    apr_size_t length = strlen(r->uri);
    apr_ssize_t decoded =
        playcount_percent_decode(r->uri, length, r->uri, length, 0);

    if (decoded < 0) {
        return 0;
    }
    r->uri[decoded] = '\0';
    return 1;
}

/* httpd refuses encoded slashes. Here they are decoded like the rest; the access
 * checks, which come later, see the decoded path as usual. */
static PLAYCOUNT_HOT int pre_translate(request_rec *r)
{
    char *uri = r->uri;
    apr_size_t root;
    const char *handler = playcount_root_find(r, &root);

    if (!handler) {
        return DECLINED;
    }
    if (!strcmp(handler, PLAYCOUNT_HANDLER)) {
        restore_id(r, root);
    }
    if (r->uri != uri || strchr(uri, '%')) {
        if (!decode(r)) {
            return HTTP_BAD_REQUEST;
        }
        playcount_root_find(r, &root);
    }
    playcount_request_learn(r, playcount_request_get(r), handler, root);
    return DONE;
}

/* After the modules that may have led elsewhere: if one has named a file, this is
 * not called, and if one has rewritten the URL, it is not the one that was decoded.
 */
static PLAYCOUNT_HOT int translate(request_rec *r)
{
    playcount_request *q = playcount_request_of(r);

    if (!q || !q->uri || q->uri != r->uri) {
        return DECLINED;
    }
    q->claimed = 1;
    r->filename = r->uri; /* until the site is entered */
    return OK;
}

static PLAYCOUNT_HOT int is_claimed(request_rec *r)
{
    const playcount_request *q = playcount_request_of(r);

    return q && q->claimed ? OK : DECLINED;
}

static PLAYCOUNT_HOT int map_to_storage(request_rec *r)
{
    return is_claimed(r) == OK ? playcount_site_enter(r, playcount_request_of(r))
                               : DECLINED;
}

static PLAYCOUNT_HOT int stay(request_rec *r)
{
    if (is_claimed(r) == OK) {
        playcount_site_stay(r, playcount_request_of(r));
    }
    return DECLINED;
}

/* The handler of the location of this path, whose escapes are broken. */
static PLAYCOUNT_COLD const char *handler_of(request_rec *r)
{
    char *uri = r->uri;
    const char *handler;
    apr_size_t root;

    r->uri = apr_pstrdup(r->pool, uri);
    ap_normalize_path(r->uri,
                      AP_NORMALIZE_NOT_ABOVE_ROOT | AP_NORMALIZE_MERGE_SLASHES);
    handler = playcount_root_find(r, &root);
    r->uri = uri;
    return handler;
}

/* httpd refuses broken escapes with a page of its own, before any other hook is
 * asked. */
static PLAYCOUNT_HOT int quick_handler(request_rec *r, int lookup_uri)
{
    const char *handler;

    if (lookup_uri || !r->uri || playcount_percent_is_valid(r->uri) ||
        !(handler = handler_of(r))) {
        return DECLINED;
    }
    r->handler = handler;
    ap_run_insert_filter(r); /* as before any other handler */
    return playcount_refuse(
        r, HTTP_BAD_REQUEST,
        "The path has a % that is not followed by two hexadecimal "
        "digits other than 00.");
}

void playcount_claim_register_hooks(apr_pool_t *p)
{
    /* Those that map URLs to files; the ones that are first anyway are not named.
     */
    static const char *const mappers[] = {"mod_alias.c", "mod_userdir.c",
                                          "mod_vhost_alias.c", NULL};

    ap_hook_pre_translate_name(pre_translate, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_translate_name(translate, mappers, NULL, APR_HOOK_MIDDLE);
    ap_hook_map_to_storage(map_to_storage, NULL, NULL, APR_HOOK_FIRST);
    /* What an id ends with is no file's extension (mod_mime), and there are no
     * files with similar names (mod_negotiation's MultiViews). */
    ap_hook_type_checker(is_claimed, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_fixups(stay, NULL, NULL, APR_HOOK_REALLY_LAST);
    ap_hook_quick_handler(quick_handler, NULL, NULL, APR_HOOK_FIRST);
}

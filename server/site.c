/* What protects a site protects what stands in it: see site.h.
 *
 * The merged configuration of each root is kept in a list per server. It is made by
 * the first request, in its child; readers take no lock, entries are only added. A
 * <LocationMatch> can have any number of roots: after the first PLACES_MAX, they
 * are merged for each request.
 */

#include "server/site.h"

#include <stdatomic.h>

#include "apr_fnmatch.h"
#include "apr_strings.h"
#include "apr_thread_mutex.h"
#include "http_core.h"
#include "http_log.h"
#include "http_request.h"

APLOG_USE_MODULE(playcount);

#define PLACES_MAX 64

/* A root in a site. Written before it is in the list, never changed after. */
typedef struct place {
    const char *document_root;
    const char *root;         /* as in the URL */
    const char *path;         /* what it is mapped to */
    ap_conf_vector_t *config; /* all merged; NULL: the disk has to be asked */
    struct place *next;
} place;

/* Of one server, in one child. */
typedef struct {
    _Atomic(place *) places; /* added to under the lock */
    int n;                   /* how many; under the lock */
} site;

static apr_thread_mutex_t *lock; /* of all sites of this child */
static apr_pool_t *pool;         /* for the places; used under the lock */
static const module *rewrite;    /* NULL if mod_rewrite is not loaded */

static void *create_site(apr_pool_t *p, server_rec *s)
{
    return apr_pcalloc(p, sizeof(site));
}

static void child_init(apr_pool_t *p, server_rec *s)
{
    apr_status_t rv = apr_pool_create(&pool, p);

    rewrite = ap_find_linked_module("mod_rewrite.c");
    if (rv == APR_SUCCESS) {
        rv = apr_thread_mutex_create(&lock, APR_THREAD_MUTEX_DEFAULT, pool);
    }
    if (rv != APR_SUCCESS) {
        lock = NULL;
        ap_log_error(
            APLOG_MARK, APLOG_WARNING, rv, s,
            "no lock for this process: the sections of each root are merged "
            "for each request");
    }
}

/* --- merging --- */

static ap_conf_vector_t *merge(apr_pool_t *p, ap_conf_vector_t *base,
                               ap_conf_vector_t *add)
{
    return base && add ? ap_merge_per_dir_configs(p, base, add) : base ? base : add;
}

/* Where the nth slash of a path stands; its directories end there. */
static apr_size_t level(const char *path, unsigned n)
{
    apr_size_t at = 0;

    while (path[at] && (path[at] != '/' || --n)) {
        at++;
    }
    return path[at] ? at + 1 : at;
}

/* Is this <Directory> one of those above the path, or the path itself? `directory`
 * is the path with a slash at its end. */
static int is_above(apr_pool_t *p, const core_dir_config *section, const char *path,
                    const char *directory)
{
    if (section->r) {
        return !ap_regexec(section->r, path, 0, NULL, 0);
    }
    if (!section->d_components) {
        return 1;
    }
    if (section->d_is_fnmatch) {
        apr_size_t length = level(directory, section->d_components);

        return directory[length - 1] == '/' &&
               !apr_fnmatch(section->d, apr_pstrmemdup(p, directory, length),
                            APR_FNM_PATHNAME);
    }
    return !strncmp(directory, section->d, strlen(section->d));
}

/* What AllowOverride says so far. Unset, it lets nothing in: all that an .htaccess
 * file could hold is an error. */
typedef struct {
    int classes;
    const apr_table_t *directives;
} overrides;

static void note_overrides(overrides *o, const ap_conf_vector_t *section)
{
    const core_dir_config *core = ap_get_core_module_config(section);

    if (core && !(core->override & OR_UNSET)) {
        o->classes = core->override;
    }
    if (core && core->override_list) {
        o->directives = core->override_list;
    }
}

static int allows_htaccess(const overrides *o)
{
    return o->classes != OR_NONE ||
           (o->directives && !apr_is_empty_table(o->directives));
}

/* The <Directory> sections, in httpd's order: by the number of components, then
 * those with patterns. An .htaccess file may stand in a directory above which, or
 * for which, a section allows it: in all of them, if that is the section of "/". 0
 * if the disk has to be asked for such. */
static int merge_directories(request_rec *r, apr_pool_t *p, const char *path,
                             ap_conf_vector_t **merged)
{
    core_server_config *core = ap_get_core_module_config(r->server->module_config);
    ap_conf_vector_t **sections = (ap_conf_vector_t **)core->sec_dir->elts;
    const char *directory = path[strlen(path) - 1] == '/'
                                ? path
                                : apr_pstrcat(r->pool, path, "/", NULL);
    overrides o = {OR_NONE, NULL};
    unsigned components = 0; /* of the sections so far */

    note_overrides(&o, r->server->lookup_defaults);
    for (int i = 0; i < core->sec_dir->nelts; i++) {
        const core_dir_config *section = ap_get_core_module_config(sections[i]);

        if (!is_above(r->pool, section, path, directory)) {
            continue;
        }
        /* One above has allowed it for the levels in between; "/" (0) has none
         * above, and is a level itself (1). */
        if (!section->r) {
            if (section->d_components > (components ? components : 1) &&
                allows_htaccess(&o)) {
                return 0;
            }
            components = section->d_components;
            note_overrides(&o, sections[i]);
        }
        else if (allows_htaccess(&o)) {
            return 0;
        }
        *merged = merge(p, *merged, sections[i]);
    }
    return !allows_htaccess(&o);
}

/* The <Files> sections, of the server and of those directories, for a name. */
static ap_conf_vector_t *merge_files(apr_pool_t *p, ap_conf_vector_t *base,
                                     const char *name)
{
    const core_dir_config *core = ap_get_core_module_config(base);
    ap_conf_vector_t *merged = NULL;

    for (int i = 0; core->sec_file && i < core->sec_file->nelts; i++) {
        ap_conf_vector_t *section =
            APR_ARRAY_IDX(core->sec_file, i, ap_conf_vector_t *);
        const core_dir_config *file = ap_get_core_module_config(section);

        if (file->r              ? !ap_regexec(file->r, name, 0, NULL, 0)
            : file->d_is_fnmatch ? !apr_fnmatch(file->d, name, APR_FNM_PATHNAME)
                                 : !strcmp(file->d, name)) {
            merged = merge(p, merged, section);
        }
    }
    return merge(p, base, merged);
}

/* --- places --- */

/* What httpd maps a root to; NULL if that can be no path. */
static const char *map(request_rec *r, const char *root)
{
    char *uri = r->uri;
    int status;

    r->uri = apr_pstrdup(r->pool, *root ? root : "/");
    status = ap_core_translate(r);
    r->uri = uri;
    return status == OK ? r->filename : NULL;
}

/* Make a place, in memory of this pool. NULL: httpd maps the root to nothing. */
static place *make_place(request_rec *r, const playcount_request *q, apr_pool_t *p)
{
    place *made = apr_pcalloc(p, sizeof(*made));
    const char *path;

    made->document_root = apr_pstrdup(p, ap_document_root(r));
    made->root = apr_pstrmemdup(p, q->uri, q->root);
    path = map(r, made->root);
    if (!path) {
        path =
            map(r, ""); /* too long for a path: the document root's sections hold */
    }
    if (!path) {
        return NULL;
    }
    /* A slash tells rules of the document root itself that a file below it is
     * meant. */
    made->path = *made->root || path[strlen(path) - 1] == '/'
                     ? apr_pstrdup(p, path)
                     : apr_pstrcat(p, path, "/", NULL);
    if (merge_directories(r, p, path, &made->config)) {
        made->config =
            merge_files(p, merge(p, r->server->lookup_defaults, made->config),
                        strrchr(made->path, '/') + 1);
    }
    else {
        made->config = NULL;
    }
    return made;
}

static const place *find_place(request_rec *r, const playcount_request *q,
                               const place *from)
{
    const char *document_root = ap_document_root(r);

    for (; from; from = from->next) {
        if (!strcmp(from->document_root, document_root) &&
            !strncmp(from->root, q->uri, q->root) && !from->root[q->root]) {
            return from;
        }
    }
    return NULL;
}

static const place *place_of(request_rec *r, const playcount_request *q)
{
    site *s = playcount_server_conf(r->server, PLAYCOUNT_ROOM_SITE);
    const place *found =
        find_place(r, q, atomic_load_explicit(&s->places, memory_order_acquire));
    place *made = NULL;

    if (found) {
        return found;
    }
    if (!lock) {
        return make_place(r, q, r->pool);
    }
    apr_thread_mutex_lock(lock);
    found =
        find_place(r, q, atomic_load_explicit(&s->places, memory_order_relaxed));
    if (!found && s->n < PLACES_MAX && (made = make_place(r, q, pool))) {
        made->next = atomic_load_explicit(&s->places, memory_order_relaxed);
        s->n++;
        atomic_store_explicit(&s->places, made, memory_order_release);
    }
    apr_thread_mutex_unlock(lock);
    return found ? found : made ? made : make_place(r, q, r->pool);
}

/* --- entering and staying --- */

/* As core does for any other URL. */
static int ask_disk(request_rec *r, const place *at)
{
    int status;

    r->filename = apr_pstrdup(r->pool, at->path);
    r->path_info = NULL;
    status = ap_directory_walk(r);
    return status == OK ? ap_file_walk(r) : status;
}

int playcount_site_enter(request_rec *r, playcount_request *q)
{
    const place *at = place_of(r, q);
    int status = OK;

    if (!at) {
        return HTTP_FORBIDDEN;
    }
    if (at->config) {
        r->per_dir_config = at->config;
    }
    else {
        status = ask_disk(r, at);
    }
    /* No file: mod_dir, for one, would look for the index of a directory. */
    memset(&r->finfo, 0, sizeof(r->finfo));
    r->finfo.filetype = APR_NOFILE;
    r->filename = apr_pstrdup(r->pool, at->path);
    r->path_info = r->uri + q->root;
    q->args = r->args;
    q->rules = rewrite ? ap_get_module_config(r->per_dir_config, rewrite) : NULL;
    return status;
}

/* The handlers that fixups lead to: those of mod_rewrite and mod_dav. */
static int leads_elsewhere(const char *handler)
{
    return handler &&
           (!strcmp(handler, "redirect-handler") ||
            !strcmp(handler, "proxy-server") || !strcmp(handler, "dav-handler"));
}

void playcount_site_stay(request_rec *r, const playcount_request *q)
{
    const place *at;

    /* Rules of the location itself lead where they will. */
    if (!leads_elsewhere(r->handler) ||
        (rewrite && ap_get_module_config(r->per_dir_config, rewrite) != q->rules) ||
        !(at = place_of(r, q))) {
        return;
    }
    r->handler = q->handler;
    r->proxyreq = PROXYREQ_NONE;
    r->filename = apr_pstrdup(r->pool, at->path);
    r->path_info = r->uri + q->root;
    r->args = q->args;
}

static void register_hooks(apr_pool_t *p)
{
    ap_hook_child_init(child_init, NULL, NULL, APR_HOOK_MIDDLE);
}

const playcount_room playcount_site_room = {
    .name = "site",
    .create_server = create_site,
    .register_hooks = register_hooks,
};

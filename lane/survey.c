/* Where the lane may answer at all: see survey.h. */

#include "lane/survey.h"

#include "apr_strings.h"
#include "http_config.h"
#include "http_connection.h"
#include "http_core.h"
#include "http_log.h"
#include "http_protocol.h"
#include "http_request.h"

#include "lane/lane.h"
#include "server/request.h"
#include "server/root.h"

APLOG_USE_MODULE(playcount);

static apr_array_header_t *places; /* playcount_lane_place */

/* --- the modules --- */

/* The hooks of one phase: the first that is not known. */
#define UNKNOWN_IN(ns, phase)                                                      \
    static const char *unknown_in_##phase(void)                                    \
    {                                                                              \
        apr_array_header_t *hooks = ns##_hook_get_##phase();                       \
        const ns##_LINK_##phase##_t *link =                                        \
            hooks ? (const ns##_LINK_##phase##_t *)hooks->elts : NULL;             \
                                                                                   \
        for (int i = 0; hooks && i < hooks->nelts; i++) {                          \
            if (!playcount_lane_knows_module(link[i].szName)) {                    \
                return link[i].szName ? link[i].szName                             \
                                      : "a module without a name";                 \
            }                                                                      \
        }                                                                          \
        return NULL;                                                               \
    }

UNKNOWN_IN(ap, pre_read_request)
UNKNOWN_IN(ap, post_read_request)
UNKNOWN_IN(ap, quick_handler)
UNKNOWN_IN(ap, pre_translate_name)
UNKNOWN_IN(ap, translate_name)
UNKNOWN_IN(ap, map_to_storage)
UNKNOWN_IN(ap, header_parser)
UNKNOWN_IN(ap, access_checker)
UNKNOWN_IN(ap, access_checker_ex)
UNKNOWN_IN(ap, check_user_id)
UNKNOWN_IN(ap, auth_checker)
UNKNOWN_IN(ap, type_checker)
UNKNOWN_IN(ap, fixups)
UNKNOWN_IN(ap, insert_filter)
UNKNOWN_IN(ap, handler)
UNKNOWN_IN(ap, log_transaction)

static const char *unknown_module(void)
{
    static const char *(*const phases[])(void) = {
        unknown_in_pre_read_request,
        unknown_in_post_read_request,
        unknown_in_quick_handler,
        unknown_in_pre_translate_name,
        unknown_in_translate_name,
        unknown_in_map_to_storage,
        unknown_in_header_parser,
        unknown_in_access_checker,
        unknown_in_access_checker_ex,
        unknown_in_check_user_id,
        unknown_in_auth_checker,
        unknown_in_type_checker,
        unknown_in_fixups,
        unknown_in_insert_filter,
        unknown_in_handler,
        unknown_in_log_transaction,
    };

    for (apr_size_t i = 0; i < sizeof(phases) / sizeof(phases[0]); i++) {
        const char *module = phases[i]();

        if (module) {
            return module;
        }
    }
    return NULL;
}

/* --- the directives --- */

typedef struct {
    apr_pool_t *pool; /* for what is kept */
    apr_pool_t *temp;
    int unlogged;      /* access logs are no matter */
    const char *songs; /* the URL path that all songs begin with; NULL: not known */
    const char *documents; /* the document root of its server */
} view;

static const char *refuse(const view *v, const ap_directive_t *d, const char *why)
{
    int section = *d->directive == '<';

    return apr_psprintf(v->pool, "%s:%d: %s%s%s %s", d->filename, d->line_num,
                        d->directive, section ? " " : "", section ? d->args : "",
                        why);
}

static int is(const ap_directive_t *d, const char *name)
{
    return !strcasecmp(d->directive, name);
}

static int is_any_of(const ap_directive_t *d, const char *const *names)
{
    for (; *names; names++) {
        if (is(d, *names)) {
            return 1;
        }
    }
    return 0;
}

/* The first argument of a directive or section. */
static const char *argument(const view *v, const ap_directive_t *d)
{
    apr_size_t length = strlen(d->args);
    const char *rest = *d->directive == '<' && length && d->args[length - 1] == '>'
                           ? apr_pstrmemdup(v->temp, d->args, length - 1)
                           : d->args;

    return ap_getword_conf(v->temp, &rest);
}

/* How a location lies to the songs. */
typedef enum { APART, AROUND, AMONG } lie;

static lie lie_of(const view *v, const char *path)
{
    apr_size_t length = strlen(path), songs = strlen(v->songs);

    if (*path != '/' || strpbrk(path, "*?[\\%") || strstr(path, "//")) {
        return AMONG; /* a pattern, perhaps */
    }
    if (length >= songs) {
        return strncmp(path, v->songs, songs) ? APART
               : length == songs              ? AROUND
                                              : AMONG;
    }
    if (strncmp(path, v->songs, length)) {
        return APART;
    }
    return path[length - 1] == '/' || v->songs[length] == '/' ? AROUND : APART;
}

/* The same for a regular expression: APART when it begins with "^/" and a text that
 * no song's path begins with. */
static lie lie_of_pattern(const view *v, const char *pattern)
{
    apr_size_t literal, songs = strlen(v->songs);

    if (strncmp(pattern, "^/", 2) || strchr(pattern, '|')) {
        return AMONG;
    }
    pattern++;
    literal = strcspn(pattern, "\\.[](){}*+?^$");
    if (pattern[literal] && strchr("*?{", pattern[literal])) {
        literal--; /* the last one may be missing */
    }
    return strncasecmp(pattern, v->songs, literal < songs ? literal : songs)
               ? APART
               : AMONG;
}

static const char *look_at(const view *v, const ap_directive_t *d);

static const char *look_at_all(const view *v, const ap_directive_t *d)
{
    const char *refusal = NULL;

    for (; d && !refusal; d = d->next) {
        refusal = look_at(v, d);
    }
    return refusal;
}

static const char *look_at_location(const view *v, const ap_directive_t *d)
{
    const char *path = argument(v, d);

    switch (is(d, "<LocationMatch") ? lie_of_pattern(v, path) : lie_of(v, path)) {
    case APART:
        return NULL;
    case AROUND:
        return look_at_all(v, d->first_child);
    default:
        return refuse(v, d, "is about some songs, or is a pattern");
    }
}

/* Directories above the songs, or below the document root, where a location may be
 * mapped to: their sections hold for songs too (server/site.h). */
static const char *look_at_directory(const view *v, const ap_directive_t *d)
{
    const char *path = argument(v, d);
    apr_size_t length = strlen(path), documents = strlen(v->documents);

    if (is(d, "<Directory") && *path == '/' && !strpbrk(path, "*?[\\") &&
        strncmp(path, v->documents, length < documents ? length : documents)) {
        return NULL;
    }
    return look_at_all(v, d->first_child);
}

/* Those that take URLs elsewhere: Alias /icons/ ..., Redirect permanent /old ... */
static const char *look_at_mapping(const view *v, const ap_directive_t *d)
{
    const char *rest = d->args, *word;

    do {
        word = ap_getword_conf(v->temp, &rest);
    } while (*word && *word != '/');
    return *word && lie_of(v, word) == APART ? NULL
                                             : refuse(v, d, "may be about songs");
}

/* The same with patterns: the first argument that may be one. */
static const char *look_at_match(const view *v, const ap_directive_t *d)
{
    const char *rest = d->args, *word;

    do {
        word = ap_getword_conf(v->temp, &rest);
    } while (*word && strncmp(word, "^/", 2));
    return *word && lie_of_pattern(v, word) == APART
               ? NULL
               : refuse(v, d, "may be about songs");
}

static const char *look_at(const view *v, const ap_directive_t *d)
{
    static const char *const matches[] = {"AliasMatch", "ScriptAliasMatch",
                                          "RedirectMatch", "ProxyPassMatch", NULL};
    static const char *const skipped[] = {"<VirtualHost", "<Proxy", "<ProxyMatch",
                                          NULL};
    static const char *const groups[] = {
        "<RequireAny", "<RequireAll",  "<RequireNone", "<Limit",    "<LimitExcept",
        "<Files",      "<FilesMatch",  "<IfModule",    "<IfDefine", "<IfVersion",
        "<IfFile",     "<IfDirective", "<IfSection",   NULL};
    static const char *const mappings[] = {
        "Alias",        "ScriptAlias", "Redirect",         "RedirectPermanent",
        "RedirectTemp", "ProxyPass",   "ProxyPassReverse", NULL};

    if (is_any_of(d, skipped)) {
        return NULL; /* of another server, or about proxies */
    }
    if (is_any_of(d, groups)) {
        return look_at_all(v, d->first_child);
    }
    if (is(d, "<Location") || is(d, "<LocationMatch")) {
        return look_at_location(v, d);
    }
    if (is(d, "<Directory") || is(d, "<DirectoryMatch")) {
        return look_at_directory(v, d);
    }
    if ((is(d, "AllowOverride") || is(d, "AllowOverrideList")) &&
        strcasecmp(argument(v, d), "None")) {
        return refuse(v, d, "lets .htaccess files decide");
    }
    if (is_any_of(d, mappings)) {
        return look_at_mapping(v, d);
    }
    if (is_any_of(d, matches)) {
        return look_at_match(v, d);
    }
    if (is(d, "RewriteRule")) {
        return lie_of_pattern(v, argument(v, d)) == APART
                   ? NULL
                   : refuse(v, d, "may be about songs");
    }
    if (is(d, "Require")) {
        return playcount_lane_knows_require(v->temp, d->args)
                   ? NULL
                   : refuse(v, d, "may decide otherwise for each request");
    }
    if (is(d, "CustomLog") || is(d, "TransferLog") || is(d, "GlobalLog")) {
        return v->unlogged
                   ? NULL
                   : refuse(v, d,
                            "wants every request in a log, which the lane does not "
                            "write; PlaycountLane On unlogged does without");
    }
    if (is(d, "PlaycountRecorder") && strcasecmp(argument(v, d), "Off")) {
        return refuse(v, d, "wants every request recorded");
    }
    return playcount_lane_knows_directive(d->directive)
               ? NULL
               : refuse(v, d, "is not known to the lane");
}

/* --- the places --- */

static const ap_directive_t *section_of(const server_rec *s)
{
    const ap_directive_t *d = ap_conftree;

    while (d && !(is(d, "<VirtualHost") && s->defn_name &&
                  !strcmp(d->filename, s->defn_name) &&
                  (unsigned)d->line_num == s->defn_line_number)) {
        d = d->next;
    }
    return d;
}

/* Does this section make its location ours? */
static int is_root(const view *v, const ap_directive_t *section)
{
    const ap_directive_t *d =
        is(section, "<Location") ? section->first_child : NULL;

    while (d &&
           !(is(d, "SetHandler") && !strcmp(argument(v, d), PLAYCOUNT_HANDLER))) {
        d = d->next;
    }
    return d != NULL;
}

static const char *refusal_at(view *v, server_rec *main, server_rec *s,
                              const char *module)
{
    const ap_directive_t *own = s == main ? NULL : section_of(s);
    const core_server_config *core = ap_get_core_module_config(s->module_config);
    const char *refusal;

    v->documents = core->ap_document_root;
    if (module) {
        return apr_psprintf(v->pool,
                            "%s sees every request, and the lane does not "
                            "know what it does",
                            module);
    }
    if (s != main && !own) {
        return "its virtual host is not found in the configuration";
    }
    refusal = look_at_all(v, ap_conftree);
    return refusal || !own ? refusal : look_at_all(v, own->first_child);
}

static int add_places(view *v, server_rec *main, server_rec *s,
                      const ap_directive_t *d, const char *module)
{
    int open = 0;

    for (; d; d = d->next) {
        playcount_lane_place *place;
        const char *path;

        if (!is_root(v, d)) {
            continue;
        }
        path = argument(v, d);
        place = apr_array_push(places);
        place->server = s;
        place->root_length = strlen(path);
        while (place->root_length && path[place->root_length - 1] == '/') {
            place->root_length--;
        }
        place->root = apr_pstrmemdup(v->pool, path, place->root_length);
        v->songs = apr_pstrcat(v->temp, place->root, PLAYCOUNT_SONG, NULL);
        place->refusal = refusal_at(v, main, s, module);
        open += !place->refusal;
        ap_log_error(
            APLOG_MARK, APLOG_NOTICE, 0, s, "PlaycountLane: %s%s%s", v->songs,
            place->refusal ? ": the lane stays out: " : " is answered by the lane",
            place->refusal ? place->refusal : "");
    }
    return open;
}

int playcount_lane_survey(server_rec *main, apr_pool_t *pconf, apr_pool_t *ptemp)
{
    const char *module = unknown_module();
    view v = {.pool = pconf, .temp = ptemp};
    int open = 0;

    places = apr_array_make(pconf, 4, sizeof(playcount_lane_place));
    for (server_rec *s = main; s; s = s->next) {
        const ap_directive_t *own = s == main ? NULL : section_of(s);

        v.unlogged = playcount_lane_is_unlogged(s);
        if (playcount_lane_is_on(s)) {
            open += add_places(&v, main, s, ap_conftree, module);
            open += own ? add_places(&v, main, s, own->first_child, module) : 0;
        }
    }
    return open;
}

const playcount_lane_place *playcount_lane_place_of(const server_rec *s,
                                                    const char *uri,
                                                    apr_size_t root_length)
{
    for (int i = 0; i < places->nelts; i++) {
        const playcount_lane_place *place =
            &((const playcount_lane_place *)places->elts)[i];

        if (place->server == s && place->root_length == root_length &&
            !strncmp(place->root, uri, root_length)) {
            return place;
        }
    }
    return NULL;
}

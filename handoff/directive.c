/* The directive PlaycountHandoff ENGINE [OPTION=VALUE ...].
 *
 * Options are a table of names and functions: those that every handoff has are
 * here, and those of its engine are with the engine.
 */
#include "handoff/handoff.h"

#include "apr_strings.h"

#define DEFAULT_INTERVAL 5
#define DEFAULT_NODE "-"

static const char *read_zone(playcount_handoff *h, const char *value, apr_pool_t *p)
{
    h->zone_name = value;
    return NULL;
}

static const char *read_interval(playcount_handoff *h, const char *value,
                                 apr_pool_t *p)
{
    h->interval = (int)playcount_parse_number(value, 86400);
    return h->interval ? NULL : "is not a number of seconds; use 1 to 86400";
}

static const char *read_node(playcount_handoff *h, const char *value, apr_pool_t *p)
{
    apr_size_t n =
        strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                      "0123456789-_.");

    h->node = value;
    return n >= 1 && n <= 63 && !value[n]
               ? NULL
               : "is not a name; use 1 to 63 letters, digits, '-', '_' and '.'";
}

static const playcount_engine_option common[] = {
    {"zone", "NAME", read_zone},
    {"interval", "SECONDS", read_interval},
    {"node", "NAME", read_node},
    {NULL, NULL, NULL},
};

/* The option that is given as NAME=VALUE. NULL if there is none in the table. */
static const playcount_engine_option *find_option(const playcount_engine_option *o,
                                                  const char *given)
{
    for (; o && o->name; o++) {
        apr_size_t length = strlen(o->name);

        if (!strncmp(given, o->name, length) && given[length] == '=') {
            return o;
        }
    }
    return NULL;
}

static const char *list_options(apr_pool_t *p, const char *list,
                                const playcount_engine_option *o)
{
    for (; o && o->name; o++) {
        list =
            apr_pstrcat(p, list, *list ? ", " : "", o->name, "=", o->value, NULL);
    }
    return list;
}

static const char *read_option(playcount_handoff *h, const char *given,
                               apr_pool_t *p)
{
    const playcount_engine_option *o = find_option(common, given);
    const char *wrong;

    if (!o) {
        o = find_option(h->engine->options, given);
    }
    if (!o) {
        return apr_psprintf(
            p, "PlaycountHandoff: '%s' is not an option of %s; use %s", given,
            h->engine->name,
            list_options(p, list_options(p, "", common), h->engine->options));
    }
    wrong = o->read(h, given + strlen(o->name) + 1, p);
    return wrong ? apr_psprintf(p, "PlaycountHandoff: %s %s", given, wrong) : NULL;
}

static playcount_handoff *create(const playcount_engine *engine, cmd_parms *cmd)
{
    playcount_handoff *h = apr_pcalloc(cmd->pool, sizeof(*h));

    h->engine = engine;
    h->state = engine->create ? engine->create(cmd->pool) : NULL;
    h->zone_name = PLAYCOUNT_DEFAULT_ZONE;
    h->node = DEFAULT_NODE;
    h->interval = DEFAULT_INTERVAL;
    h->server = cmd->server;
    h->directive = cmd->directive;
    h->where = apr_psprintf(cmd->pool, "%s:%d", cmd->directive->filename,
                            cmd->directive->line_num);
    return h;
}

static const char *add(playcount_handoff *h, apr_pool_t *p)
{
    for (int i = 0; i < playcount_handoffs->nelts; i++) {
        const playcount_handoff *other =
            APR_ARRAY_IDX(playcount_handoffs, i, playcount_handoff *);

        if (!strcmp(other->zone_name, h->zone_name)) {
            return apr_psprintf(p,
                                "PlaycountHandoff: the zone %s is delivered "
                                "already, at %s; a zone has one consumer, so "
                                "name another with zone=, or leave one out",
                                h->zone_name, other->where);
        }
    }
    APR_ARRAY_PUSH(playcount_handoffs, playcount_handoff *) = h;
    return NULL;
}

const char *playcount_cmd_handoff(cmd_parms *cmd, void *dummy, int argc,
                                  char *const argv[])
{
    const playcount_engine *engine =
        argc >= 1 ? playcount_engine_named(argv[0]) : NULL;
    playcount_handoff *h;

    if (!engine) {
        return apr_psprintf(
            cmd->pool,
            "PlaycountHandoff: the first word names what to deliver to; %s",
            playcount_engine_names(cmd->pool));
    }
    h = create(engine, cmd);
    for (int i = 1; i < argc; i++) {
        const char *error = read_option(h, argv[i], cmd->pool);

        if (error) {
            return error;
        }
    }
    return add(h, cmd->pool);
}

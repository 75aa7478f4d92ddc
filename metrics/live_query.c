/* What the URL of the live JSON may say: see live.h. */

#include "metrics/live.h"

#include "apr_strings.h"

#include "metrics/live_series.h"
#include "server/query.h"

static const char *const parts[] = {"series", "routes", "window",
                                    "slow",   "zones",  "media"};

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static int find_name(const char *const *names, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (!strcmp(names[i], name)) {
            return (int)i;
        }
    }
    return -1;
}

static const char *all_names(apr_pool_t *p, const char *const *names, size_t n)
{
    const char *all = names[0];

    for (size_t i = 1; i < n; i++) {
        all = apr_pstrcat(p, all, i + 1 < n ? ", " : " and ", names[i], NULL);
    }
    return all;
}

/* A parameter that lists names, as bits; without it they stay as they are. */
static const char *find_bits(request_rec *r, const char *parameter,
                             const char *const *names, size_t n, unsigned *bits)
{
    const char *error = NULL;
    const char *value = playcount_query_value(r->pool, r->args, parameter, &error);
    char *copy = value ? apr_pstrdup(r->pool, value) : NULL, *rest, *name;

    if (!copy) {
        return error;
    }
    *bits = 0;
    for (name = apr_strtok(copy, ",", &rest); name;
         name = apr_strtok(NULL, ",", &rest)) {
        int i = find_name(names, n, name);

        if (i < 0) {
            return apr_psprintf(r->pool, "%s is a list of %s.", parameter,
                                all_names(r->pool, names, n));
        }
        *bits |= 1u << i;
    }
    return NULL;
}

static const char *find_top(request_rec *r, playcount_live_query *query)
{
    /* All but the name and the sparkline can be ordered by. */
    const char *const *names = playcount_live_columns + PLAYCOUNT_COLUMN_IN_FLIGHT;
    size_t n = PLAYCOUNT_COLUMN_SPARK - PLAYCOUNT_COLUMN_IN_FLIGHT;
    uint64_t top = 0;
    const char *error =
        playcount_query_number(r->pool, r->args, "top", 65536, &top);
    const char *by =
        error ? NULL : playcount_query_value(r->pool, r->args, "by", &error);
    int column = by ? find_name(names, n, by) : 0;

    query->top = (unsigned)top;
    query->by = by ? (unsigned)(PLAYCOUNT_COLUMN_IN_FLIGHT + column)
                   : PLAYCOUNT_COLUMN_REQUESTS;
    return column < 0 ? apr_psprintf(r->pool, "by is one of %s.",
                                     all_names(r->pool, names, n))
                      : error;
}

const char *playcount_live_find_query(request_rec *r,
                                      const playcount_json_query *json,
                                      playcount_live_query *query)
{
    uint64_t window = 0;
    const char *error =
        playcount_query_number(r->pool, r->args, "window", 1, &window);

    query->minutes = json->minutes;
    query->since = json->since;
    query->parts = PLAYCOUNT_PARTS & ~(unsigned)PLAYCOUNT_PART_WINDOW;
    query->figures = (1u << PLAYCOUNT_FIGURES) - 1;
    query->route =
        error ? NULL : playcount_query_value(r->pool, r->args, "route", &error);
    error =
        error ? error : find_bits(r, "parts", parts, LENGTH(parts), &query->parts);
    error = error ? error
                  : find_bits(r, "figures", playcount_figure_names,
                              PLAYCOUNT_FIGURES, &query->figures);
    query->parts |= window ? PLAYCOUNT_PART_WINDOW : 0;
    return error ? error : find_top(r, query);
}

/* Items for LogFormat, registered with mod_log_config if it is there.
 *
 *     %^Pr  request time       microseconds; %{ms}^Pr and %{s}^Pr with
 *     %^Pa  application time   three and six decimals
 *     %^Po  output time
 *     %^Pb  output blocks
 *     %^Pl  output length
 *     %^Pn  the route's name
 *
 * A request that is not measured gives "-". */

#include "metrics/metrics.h"

#include "mod_log_config.h"
#include "apr_strings.h"

static const char *time_item(request_rec *r, const char *unit, playcount_figure_e f)
{
    const playcount_sample *s = playcount_sample_of(r);
    uint64_t us;

    if (!s || !s->finished) {
        return "-";
    }
    us = s->value[f];
    if (!strcmp(unit, "ms")) {
        return apr_psprintf(r->pool, "%" APR_UINT64_T_FMT ".%03d", us / 1000,
                            (int)(us % 1000));
    }
    if (!strcmp(unit, "s")) {
        return apr_psprintf(r->pool, "%" APR_UINT64_T_FMT ".%06d", us / 1000000,
                            (int)(us % 1000000));
    }
    return apr_psprintf(r->pool, "%" APR_UINT64_T_FMT, us);
}

static const char *number_item(request_rec *r, playcount_figure_e f)
{
    const playcount_sample *s = playcount_sample_of(r);

    return s && s->finished
               ? apr_psprintf(r->pool, "%" APR_UINT64_T_FMT, s->value[f])
               : "-";
}

static const char *request_time(request_rec *r, char *unit)
{
    return time_item(r, unit, PLAYCOUNT_REQUEST_TIME);
}

static const char *application_time(request_rec *r, char *unit)
{
    return time_item(r, unit, PLAYCOUNT_APPLICATION_TIME);
}

static const char *output_time(request_rec *r, char *unit)
{
    return time_item(r, unit, PLAYCOUNT_OUTPUT_TIME);
}

static const char *output_blocks(request_rec *r, char *unused)
{
    (void)unused;
    return number_item(r, PLAYCOUNT_OUTPUT_BLOCKS);
}

static const char *output_length(request_rec *r, char *unused)
{
    (void)unused;
    return number_item(r, PLAYCOUNT_OUTPUT_LENGTH);
}

static const char *route_item(request_rec *r, char *unused)
{
    const playcount_sample *s = playcount_sample_of(r);

    (void)unused;
    return s && s->finished
               ? ap_escape_logitem(r->pool, playcount_route_name(r->pool, s->route))
               : "-";
}

static int pre_config(apr_pool_t *p, apr_pool_t *plog, apr_pool_t *ptemp)
{
    static const struct {
        const char *tag;
        ap_log_handler_fn_t *item;
    } items[] = {
        {"^Pr", request_time},  {"^Pa", application_time}, {"^Po", output_time},
        {"^Pb", output_blocks}, {"^Pl", output_length},    {"^Pn", route_item},
    };
    APR_OPTIONAL_FN_TYPE(ap_register_log_handler) *add =
        APR_RETRIEVE_OPTIONAL_FN(ap_register_log_handler);

    (void)plog, (void)ptemp;
    for (size_t i = 0; add && i < sizeof(items) / sizeof(items[0]); i++) {
        add(p, apr_pstrdup(p, items[i].tag), items[i].item, 0);
    }
    return OK;
}

void playcount_logitem_register_hooks(apr_pool_t *p)
{
    (void)p;
    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_MIDDLE);
}

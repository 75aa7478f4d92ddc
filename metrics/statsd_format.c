/* The lines sent to statsd: see statsd.h for their form. */

#include "metrics/statsd.h"

#include "apr_lib.h"
#include "apr_strings.h"

/* prefix 100, route 64, figure 16, tags 500, numbers: always enough. */
#define LINE 1024

static int allowed(const playcount_statsd_conf *conf, char c)
{
    return apr_isalnum(c) || c == '_' || c == '-' ||
           (conf->dog && (c == '.' || c == '/'));
}

void playcount_statsd_safe(const playcount_statsd_conf *conf, const char *route,
                           char out[PLAYCOUNT_LABEL_MAX + 2])
{
    size_t n = 0;

    for (; *route && n < PLAYCOUNT_LABEL_MAX; route++) {
        out[n++] = allowed(conf, *route) ? *route : '_';
    }
    out[n] = '\0';
    /* A branch named like a figure would mix with the whole's. */
    for (int f = 0; !conf->dog && f < PLAYCOUNT_FIGURES; f++) {
        if (!strcmp(out, playcount_figure_names[f])) {
            out[n] = '_';
            out[n + 1] = '\0';
        }
    }
}

static int put_tags(const playcount_statsd_conf *conf, char *line, int used,
                    const char *route, int cell)
{
    if (!conf->dog) {
        return used;
    }
    used += apr_snprintf(line + used, LINE - used, "|#route:%s", route);
    if (cell >= 0) {
        int status_class = cell / PLAYCOUNT_OUTCOMES % PLAYCOUNT_CLASSES;
        int method = cell / PLAYCOUNT_OUTCOMES / PLAYCOUNT_CLASSES;

        used += apr_snprintf(
            line + used, LINE - used, ",method:%s,status:%s,outcome:%s",
            playcount_method_names[method], playcount_class_names[status_class],
            playcount_outcome_names[cell % PLAYCOUNT_OUTCOMES]);
    }
    if (conf->tags) {
        used += apr_snprintf(line + used, LINE - used, ",%s", conf->tags);
    }
    return used;
}

/* PREFIX[.ROUTE][.FIGURE] */
static int put_name(const playcount_statsd_conf *conf, char *line,
                    const char *route, const char *figure)
{
    int branch = route && !conf->dog;

    return apr_snprintf(line, LINE, "%s%s%s%s%s", conf->prefix, branch ? "." : "",
                        branch ? route : "", figure ? "." : "",
                        figure ? figure : "");
}

void playcount_statsd_counter(playcount_sender *to, const char *route,
                              unsigned cell, uint64_t n)
{
    char line[LINE];
    int used = put_name(to->conf, line, route, NULL);

    used += apr_snprintf(line + used, LINE - used, ":%" APR_UINT64_T_FMT "|c", n);
    used = put_tags(to->conf, line, used, route, (int)cell);
    playcount_sender_line(to, line, (size_t)used);
}

void playcount_statsd_value(playcount_sender *to, const char *route,
                            playcount_figure_e f, uint64_t value, uint64_t n)
{
    int is_time = f <= PLAYCOUNT_OUTPUT_TIME;
    char line[LINE];
    int used = put_name(to->conf, line, route, playcount_figure_names[f]), name;

    line[used++] = ':';
    name = used;
    if (is_time) {
        used +=
            apr_snprintf(line + used, LINE - used, "%" APR_UINT64_T_FMT ".%03d|ms",
                         value / 1000, (int)(value % 1000));
    }
    else {
        used += apr_snprintf(line + used, LINE - used, "%" APR_UINT64_T_FMT "|%s",
                             value, to->conf->dog ? "h" : "ms");
    }
    if (n > 1) {
        /* Rounded down, so that 1/rate is never below n. */
        used += apr_snprintf(line + used, LINE - used, "|@0.%012" APR_UINT64_T_FMT,
                             UINT64_C(1000000000000) / n);
    }
    used = put_tags(to->conf, line, used, route, -1);
    if (to->packed) {
        playcount_sender_value(to, line, (size_t)used, (size_t)name);
    }
    else {
        playcount_sender_line(to, line, (size_t)used);
    }
}

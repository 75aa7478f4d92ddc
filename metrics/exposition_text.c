/* Prometheus' text format 0.0.4, and OpenMetrics 1.0. They differ in the name of a
 * counter's family, in limits that must look like floats, in UNIT, in the samples
 * _created and in the last line. */

#include "metrics/exposition.h"

#include "apr_strings.h"

static int is_openmetrics(const playcount_exposition *e)
{
    return e->form == &playcount_form_openmetrics;
}

static void begin(playcount_exposition *e, const playcount_family *f)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};
    const char *total =
        !is_openmetrics(e) && f->type == PLAYCOUNT_COUNTER ? "_total" : "";

    e->family = f;
    playcount_printf(e->w, "# HELP %s%s %s\n# TYPE %s%s %s\n", f->name, total,
                     f->help, f->name, total, types[f->type]);
    if (is_openmetrics(e) && f->unit) {
        playcount_printf(e->w, "# UNIT %s %s\n", f->name, f->unit);
    }
}

static void put_value(playcount_writer *w, uint64_t value, double scale)
{
    if (scale > 1) {
        playcount_printf(w, " %.6f\n", (double)value / scale);
        return;
    }
    playcount_put(w, " ");
    playcount_put_number(w, value);
    playcount_put(w, "\n");
}

static void put_sample(playcount_exposition *e, const char *suffix,
                       const playcount_pair *labels, int n, uint64_t value,
                       double scale)
{
    playcount_put(e->w, e->family->name);
    playcount_put(e->w, suffix);
    for (int i = 0; i < n; i++) {
        playcount_put(e->w, i ? "," : "{");
        playcount_put(e->w, labels[i].name);
        playcount_put(e->w, "=\"");
        playcount_put_label(e->w, labels[i].value, labels[i].length);
        playcount_put(e->w, "\"");
    }
    playcount_put(e->w, n ? "}" : "");
    put_value(e->w, value, scale);
}

static void put_created(playcount_exposition *e, const playcount_pair *labels,
                        int n)
{
    if (is_openmetrics(e) && e->created) {
        put_sample(e, "_created", labels, n, e->created, 1e6);
    }
}

static void sample(playcount_exposition *e, const playcount_pair *labels, int n,
                   uint64_t value, double scale)
{
    if (e->family->type == PLAYCOUNT_COUNTER) {
        put_sample(e, "_total", labels, n, value, scale);
        put_created(e, labels, n);
    }
    else {
        put_sample(e, "", labels, n, value, scale);
    }
}

static const char *limit_text(const playcount_exposition *e, uint64_t limit,
                              double scale)
{
    char *text = apr_psprintf(e->w->r->pool, "%.6f", (double)limit / scale);
    char *end = text + strlen(text);

    while (end[-1] == '0') {
        *--end = '\0';
    }
    if (end[-1] == '.') {
        end[is_openmetrics(e) ? 0 : -1] = is_openmetrics(e) ? '0' : '\0';
        end[1] = '\0';
    }
    return text;
}

static void put_bucket(playcount_exposition *e, const playcount_pair *label,
                       const char *limit, uint64_t n)
{
    playcount_pair labels[] = {*label, {"le", limit, strlen(limit)}};

    put_sample(e, "_bucket", labels, 2, n, 1);
}

static void histogram(playcount_exposition *e, const playcount_pair *label,
                      const playcount_shown_histogram *h)
{
    uint64_t count = playcount_histogram_count(h->bucket, h->buckets);

    for (size_t i = 0; i < h->limits; i++) {
        put_bucket(e, label, limit_text(e, h->limit[i], h->scale),
                   playcount_histogram_at_most(h->bucket, h->buckets, h->limit[i]));
    }
    put_bucket(e, label, "+Inf", count);
    put_sample(e, "_sum", label, 1, h->sum, h->scale);
    put_sample(e, "_count", label, 1, count, 1);
    put_created(e, label, 1);
}

static void end(playcount_exposition *e)
{
    e->family = NULL;
}

static void finish(playcount_exposition *e)
{
    if (is_openmetrics(e)) {
        playcount_put(e->w, "# EOF\n");
    }
}

const playcount_form_of_metrics playcount_form_text = {
    "text/plain; version=0.0.4; charset=utf-8",
    begin,
    sample,
    histogram,
    end,
    finish,
};

const playcount_form_of_metrics playcount_form_openmetrics = {
    "application/openmetrics-text; version=1.0.0; charset=utf-8",
    begin,
    sample,
    histogram,
    end,
    finish,
};

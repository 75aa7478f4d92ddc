/* One route, or the whole server, in detail, with a histogram.
 *
 * The histogram is that of the Prometheus form, whose buckets are the only counts
 * of values that the server gives: since its start, each bucket from its limit to
 * the next one. Buckets of all lines of the route are added up.
 */
#include <stdlib.h>
#include <string.h>

#include "client/monitor/views.h"

enum { BUCKETS = 64 };

typedef struct {
    double limit[BUCKETS];
    double count[BUCKETS]; /* up to the limit, as they come; then in the bucket */
    int n;
} histogram;

/* Whether the line's label of this name has this value. Where the escaped value is.
 */
static bool has_label(const char *line, const char *end, const char *label,
                      const char *value)
{
    char start[40];
    size_t n = (size_t)snprintf(start, sizeof(start), "%s=\"", label);
    const char *at = memmem(line, (size_t)(end - line), start, n);

    if (!at) {
        return false;
    }
    for (at += n; at < end && *at != '"'; at++, value++) {
        char c = *at;
        if (c == '\\' && at + 1 < end) {
            c = *++at == 'n' ? '\n' : *at;
        }
        if (c != *value) {
            return false;
        }
    }
    return !*value;
}

static bool read_limit(const char *line, const char *end, double *limit)
{
    const char *at = memmem(line, (size_t)(end - line), "le=\"", 4);
    if (!at) {
        return false;
    }
    *limit = strtod(at + 4, NULL); /* +Inf too */
    return true;
}

static void add(histogram *h, double limit, double count)
{
    int i = 0;
    while (i < h->n && h->limit[i] != limit) {
        i++;
    }
    if (i == BUCKETS) {
        return;
    }
    if (i == h->n) {
        h->limit[h->n++] = limit;
    }
    h->count[i] += count;
}

/* The buckets of a figure of this route, "" for all. */
static void read_histogram(histogram *h, const char *text, int figure,
                           const char *route)
{
    char name[64];
    size_t n = (size_t)snprintf(name, sizeof(name), "playcount_%s%s_bucket{",
                                view_figure_names[figure],
                                figure < 3    ? "_seconds"
                                : figure == 4 ? "_bytes"
                                              : "");

    memset(h, 0, sizeof(*h));
    while (text && *text) {
        const char *end = strchrnul(text, '\n');
        double limit;
        if (strncmp(text, name, n) == 0 &&
            (!*route || has_label(text, end, "route", route)) &&
            read_limit(text, end, &limit)) {
            const char *space = memrchr(text, ' ', (size_t)(end - text));
            add(h, limit, space ? strtod(space, NULL) : 0);
        }
        text = *end ? end + 1 : end;
    }
    for (int i = h->n - 1; i > 0; i--) { /* the limits grow */
        h->count[i] -= h->count[i - 1];
    }
}

/* Buckets at the ends that hold nothing are left out. */
static void draw_histogram(canvas *c, int y, int height, const histogram *h,
                           int figure)
{
    int first = 0, last = h->n;
    double top = 0, sum = 0;

    while (first < last && h->count[first] <= 0) {
        first++;
    }
    while (last > first && h->count[last - 1] <= 0) {
        last--;
    }
    for (int i = first; i < last; i++) {
        top = h->count[i] > top ? h->count[i] : top;
        sum += h->count[i];
    }
    if (last - first > height) {
        last = first + height;
    }
    double scale = figure < 3 ? 1e6 : 1;
    for (int i = first; i < last; i++, y++) {
        bool open = h->limit[i] > 1e300;
        const char *limit = shown_figure(
            figure, scale * (open ? i ? h->limit[i - 1] : 0 : h->limit[i]));
        canvas_right(c, y, 1, 12, LOOK_DIM, "%s %s", open ? ">" : "<=", limit);
        canvas_right(c, y, 14, 7, LOOK_PLAIN, "%.1f%%", 100 * h->count[i] / sum);
        canvas_share(c, y, 22, c->width - 32, h->count[i] / top, LOOK_CHART);
        canvas_right(c, y, c->width - 9, 8, LOOK_DIM, "%s",
                     shown_number(h->count[i]));
    }
    if (first == last) {
        canvas_text(c, y, 1, 60, LOOK_DIM, "no values yet");
    }
}

static const model_route *find(const model *m, const char *name)
{
    size_t n;
    const model_route *routes = model_routes(m, &n);

    for (size_t i = 0; i < n; i++) {
        if (strcmp(routes[i].name, name) == 0) {
            return &routes[i];
        }
    }
    return NULL;
}

/* What its answers were: methods, statuses, outcomes that there were. */
static int draw_kinds(canvas *c, int y, const json_t *counts)
{
    static const char *const kinds[] = {"methods", "status", "outcomes"};
    int x = 1;

    for (int k = 0; k < 3; k++) {
        const char *name;
        json_t *count;
        json_object_foreach(json_object_get(counts, kinds[k]), name, count)
        {
            double value = json_number_value(count);
            bool bad = strcmp(name, "5xx") == 0 || strcmp(name, "error") == 0;
            if (value > 0) {
                x += canvas_print(c, y, x, 30, bad ? LOOK_BAD : LOOK_PLAIN, "%s %s",
                                  name, shown_number(value)) +
                     2;
            }
        }
        x += 1;
    }
    return y + 1;
}

void view_detail(canvas *c, const model *m, const choices *chosen,
                 const char *buckets, int y, int height)
{
    const model_route *r = find(m, chosen->route);
    int end = y + height;
    histogram h;

    canvas_text(c, y++, 1, c->width - 2, LOOK_BOLD, chosen->route);
    if (!r) {
        canvas_text(c, y, 1, c->width - 2, LOOK_DIM,
                    "there is no such route any more");
        return;
    }
    canvas_print(
        c, y++, 1, c->width - 2, LOOK_PLAIN,
        "%s requests/s   %s errors/s   %s aborted/s   %s in flight   %s requests",
        shown_number(r->rate), shown_number(r->errors), shown_number(r->aborted),
        shown_number(model_number(r->life, "in_flight", NULL)),
        shown_number(model_number(r->life, "requests", NULL)));
    y = draw_kinds(c, y, r->life);
    view_figures(c, y, r->recent ? r->recent : r->life);
    y += 7;
    if (end - y > 14) {
        view_chart(c, y, 1, c->width - 2, 3, "requests/s", r->trend, MODEL_TREND,
                   model_interval(m), false, LOOK_CHART);
        y += 5;
    }
    canvas_print(c, y, 1, c->width - 2, LOOK_TITLE,
                 "%s since the start of the server (f: the next figure)",
                 figure_title(chosen->figure));
    if (!buckets) {
        canvas_text(c, y + 1, 1, 60, LOOK_DIM, "waiting for the histogram");
        return;
    }
    read_histogram(&h, buckets, chosen->figure, chosen->route);
    draw_histogram(c, y + 1, end - y - 1, &h, chosen->figure);
}

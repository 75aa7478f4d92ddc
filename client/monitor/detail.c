/* One route in detail, with the histogram of one figure: see views.h. */
#include <string.h>

#include "client/monitor/views.h"

/* A histogram comes as counts and, one more, the limits between them. Where there
 * are more than lines, neighbours are joined. */
static void draw_histogram(canvas *c, int y, int height, const json_t *histogram,
                           int figure)
{
    const json_t *counts = json_object_get(histogram, "counts"), *one;
    const json_t *limits = json_object_get(histogram, "limits");
    size_t n = json_array_size(counts), i;
    size_t joined = height > 0 ? (n + (size_t)height - 1) / (size_t)height : n + 1;
    double top = 0, sum = 0, bar = 0;

    if (!n || json_array_size(limits) != n + 1) {
        canvas_text(c, y, 1, 60, LOOK_DIM, "no values in this time");
        return;
    }
    json_array_foreach(counts, i, one)
    {
        bar = i % joined ? bar : 0;
        bar += json_number_value(one);
        sum += json_number_value(one);
        top = bar > top ? bar : top;
    }
    bar = 0;
    json_array_foreach(counts, i, one)
    {
        bar += json_number_value(one);
        if ((i + 1) % joined && i + 1 < n) {
            continue;
        }
        double most = json_number_value(json_array_get(limits, i + 1)) - 1;
        canvas_right(c, y, 1, 12, LOOK_DIM, "<= %s", shown_figure(figure, most));
        canvas_right(c, y, 14, 7, LOOK_PLAIN, "%.1f%%", 100 * bar / sum);
        canvas_share(c, y, 22, c->width - 32, bar / top, LOOK_CHART);
        canvas_right(c, y++, c->width - 9, 8, LOOK_DIM, "%s", shown_number(bar));
        bar = 0;
    }
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

void view_detail(canvas *c, const model *m, choices *chosen, int y, int height)
{
    const json_t *window = model_window(m);
    const char *figure = model_figure_names[chosen->figure];
    int end = y + height, tall = (height - 20) / 2;

    canvas_text(c, y++, 1, c->width - 2, LOOK_BOLD, chosen->route);
    if (strcmp(model_scope(m), chosen->route) != 0) {
        canvas_text(c, y, 1, c->width - 2, LOOK_DIM, "waiting for its figures");
        return;
    }
    view_rates(c, m, y++);
    y = draw_kinds(c, y, window);
    view_figures(c, y, window);
    y += 7;
    tall = tall > 6 ? 6 : tall;
    if (tall > 1) {
        view_chart(c, m, chosen, y, 1, c->width - 2, tall, CHART_REQUESTS);
        y += tall + 2;
    }
    canvas_print(c, y, 1, c->width - 2, LOOK_TITLE,
                 "%s in the last %d minutes (f: the next figure)",
                 figure_title(chosen->figure), chosen->minutes);
    draw_histogram(c, y + 1, end - y - 1,
                   json_object_get(json_object_get(window, "histograms"), figure),
                   chosen->figure);
}

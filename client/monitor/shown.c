/* Numbers as they are shown, and what all views share. See views.h. */
#include <math.h>
#include <string.h>
#include <strings.h>

#include "client/monitor/views.h"

static char *buffer(void)
{
    static char buffers[16][32];
    static unsigned next;
    return buffers[next++ % 16];
}

/* Three digits and a unit. */
static const char *scaled(double value, double step, const char *const *units,
                          int n)
{
    char *out = buffer();
    int unit = 0;

    if (value < 0 || !isfinite(value)) {
        return "-";
    }
    while (value >= step * 0.9995 && unit + 1 < n) {
        value /= step;
        unit++;
    }
    int digits = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
    if (unit == 0 && value == floor(value)) {
        digits = 0;
    }
    snprintf(out, 32, "%.*f%s", digits, value, units[unit]);
    return out;
}

const char *shown_number(double value)
{
    static const char *const units[] = {"", "k", "M", "G", "T", "P", "E"};
    return scaled(value, 1000, units, 7);
}

const char *shown_time(double us)
{
    static const char *const units[] = {" us", " ms", " s"};
    return scaled(us, 1000, units, 3);
}

const char *shown_bytes(double bytes)
{
    static const char *const units[] = {" B", " kB", " MB", " GB", " TB", " PB"};
    return scaled(bytes, 1000, units, 6);
}

const char *shown_figure(int figure, double value)
{
    return figure == 4   ? shown_bytes(value)
           : figure == 3 ? shown_number(value)
                         : shown_time(value);
}

const char *figure_title(int figure)
{
    static const char *const titles[MODEL_FIGURES] = {
        "request time", "application time", "output time", "output blocks",
        "output bytes"};
    return titles[figure];
}

void view_rates(canvas *c, const model *m, int y)
{
    int n, x = 1;
    const model_moment *past = model_past(m, &n);
    model_moment last = {.requests = -1, .errors = -1, .aborted = -1};

    last = n ? past[n - 1] : last;
    x += canvas_print(c, y, x, 30, LOOK_BOLD, "%s requests/s",
                      shown_number(last.requests)) +
         3;
    x += canvas_print(c, y, x, 30, last.errors > 0 ? LOOK_BAD : LOOK_PLAIN,
                      "%s errors/s", shown_number(last.errors)) +
         3;
    x += canvas_print(c, y, x, 30, last.aborted > 0 ? LOOK_WARN : LOOK_PLAIN,
                      "%s aborted/s", shown_number(last.aborted)) +
         3;
    canvas_print(c, y, x, 30, LOOK_PLAIN, "%s in flight",
                 shown_number(model_number(model_metrics(m), "in_flight", NULL)));
}

void view_figures(canvas *c, int y, const json_t *window)
{
    static const char *const columns[] = {"median", "average", "p95",
                                          "p99",    "p999",    "max"};
    static const char *const titles[] = {"median", "average", "95th",
                                         "99th",   "99.9th",  "max"};

    for (int i = 0; i < 6; i++) {
        canvas_right(c, y, 18 + 10 * i, 9, LOOK_TITLE, "%s", titles[i]);
    }
    for (int f = 0; f < MODEL_FIGURES; f++) {
        canvas_text(c, y + 1 + f, 1, 17, LOOK_PLAIN, figure_title(f));
        bool any = model_number(window, model_figure_names[f], "count") > 0;
        for (int i = 0; i < 6; i++) {
            double value = model_number(window, model_figure_names[f], columns[i]);
            canvas_right(c, y + 1 + f, 18 + 10 * i, 9, LOOK_PLAIN, "%s",
                         any ? shown_figure(f, value) : "-");
        }
    }
}

bool view_matches(const choices *chosen, const char *text)
{
    return !*chosen->filter || strcasestr(text, chosen->filter);
}

int view_scroll(choices *chosen, int rows, int height)
{
    chosen->rows = rows;
    chosen->cursor = chosen->cursor >= rows ? rows - 1 : chosen->cursor;
    chosen->cursor = chosen->cursor < 0 ? 0 : chosen->cursor;
    if (chosen->top > chosen->cursor) {
        chosen->top = chosen->cursor;
    }
    if (chosen->top < chosen->cursor - height + 1) {
        chosen->top = chosen->cursor - height + 1;
    }
    if (chosen->top > rows - height) {
        chosen->top = rows - height;
    }
    chosen->top = chosen->top < 0 ? 0 : chosen->top;
    return chosen->top;
}

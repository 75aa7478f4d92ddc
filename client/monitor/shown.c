/* Numbers as they are shown, and what all views share. See views.h. */
#include <math.h>
#include <string.h>
#include <strings.h>

#include "client/monitor/views.h"

const char *const view_figure_names[VIEW_FIGURES] = {
    "request_time", "application_time", "output_time", "output_blocks",
    "output_length"};

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
    static const char *const titles[VIEW_FIGURES] = {
        "request time", "application time", "output time", "output blocks",
        "output bytes"};
    return titles[figure];
}

void view_figures(canvas *c, int y, const json_t *counts)
{
    static const char *const columns[] = {"median", "average", "p95",
                                          "p99",    "p999",    "max"};
    static const char *const titles[] = {"median", "average", "95 %",
                                         "99 %",   "99.9 %",  "max"};

    for (int i = 0; i < 6; i++) {
        canvas_right(c, y, 18 + 10 * i, 9, LOOK_TITLE, "%s", titles[i]);
    }
    for (int f = 0; f < VIEW_FIGURES; f++) {
        canvas_text(c, y + 1 + f, 1, 17, LOOK_PLAIN, figure_title(f));
        bool any = model_number(counts, view_figure_names[f], "count") > 0;
        for (int i = 0; i < 6; i++) {
            double value = model_number(counts, view_figure_names[f], columns[i]);
            canvas_right(c, y + 1 + f, 18 + 10 * i, 9, LOOK_PLAIN, "%s",
                         any ? shown_figure(f, value) : "-");
        }
    }
}

void view_chart(canvas *c, int y, int x, int width, int height, const char *title,
                const double *values, int n, double step, bool is_time, look l)
{
    double top = 0;
    int seen = n < width - 9 ? n : width - 9;

    for (int i = n - seen; i < n; i++) {
        top = values[i] > top ? values[i] : top;
    }
    canvas_text(c, y, x, width, LOOK_TITLE, title);
    if (seen > 0 && step > 0) {
        double past = step * seen;
        canvas_right(c, y, x + width - 30, 30, LOOK_DIM, "%s %s back to now",
                     past >= 120 ? shown_number(past / 60) : shown_number(past),
                     past >= 120 ? "minutes" : "seconds");
    }
    canvas_right(c, y + 1, x, 8, LOOK_DIM, "%s",
                 is_time ? shown_time(top) : shown_number(top));
    if (height > 1) {
        canvas_right(c, y + height, x, 8, LOOK_DIM, "0");
    }
    canvas_bars(c, y + 1, x + 9, width - 9, height, values, n, top, l);
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

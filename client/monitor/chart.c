/* Charts of the past, with marks for what happened. See views.h. */
#include <string.h>
#include <time.h>

#include "client/monitor/views.h"

static double value_of(const model_moment *moment, chart which, int figure)
{
    return which == CHART_REQUESTS ? moment->requests
                                   : moment->figure[figure][MODEL_P95];
}

/* The newest moments that fit, as values; returns how many. */
static int values_of(const model *m, int room, chart which, int figure,
                     double *values)
{
    int n;
    const model_moment *past = model_past(m, &n);
    int seen = n < room ? n : room;

    for (int i = 0; i < seen; i++) {
        values[i] = value_of(&past[n - seen + i], which, figure);
    }
    return seen;
}

/* Which of the newest `seen` moments an event falls into; -1: none. One lasts until
 * the next begins, as an interval of a busy server takes longer than it should, and
 * the server starts before the first. */
static int moment_at(const model *m, int seen, double when)
{
    int n;
    const model_moment *past = model_past(m, &n);
    double step = model_interval(m);

    for (int i = n - seen; i < n; i++) {
        double begin = i ? past[i].start : past[i].start - step;
        double end = i + 1 < n ? past[i + 1].start : past[i].start + step;

        if (when >= begin && when < end) {
            return i - (n - seen);
        }
    }
    return -1;
}

/* A line from top to bottom behind the bars, and over them in the topmost row. */
static void draw_mark(canvas *c, int y, int x, int height, look l)
{
    for (int i = 0; i < height; i++) {
        const cell *at = &c->cells[(y + i) * c->width + x];
        if (i == 0 || at->character == L' ') {
            canvas_put(c, y + i, x, l, L'\u250a', '|');
        }
    }
}

static void draw_marks(canvas *c, const model *m, int y, int right, int height,
                       int seen)
{
    const json_t *events = json_object_get(model_metrics(m), "events"), *event;
    size_t i;

    json_array_foreach(events, i, event)
    {
        const char *kind = json_string_value(json_object_get(event, "event"));
        int at = moment_at(m, seen, model_number(event, "time", NULL));
        if (at >= 0 && y + height <= c->height && right < c->width) {
            bool killed = kind && strcmp(kind, "killed") == 0;
            draw_mark(c, y, right - (seen - 1 - at), height,
                      killed ? LOOK_BAD : LOOK_WARN);
        }
    }
}

/* What the moment under the cursor was: "14:02:11  12.3" and, of a figure, its
 * average, median and percentiles. */
static void draw_moment(canvas *c, int y, int x, int width,
                        const model_moment *moment, chart which, int figure)
{
    const double *v = moment->figure[figure];
    time_t when = (time_t)moment->start;
    struct tm tm;
    char clock[16];

    localtime_r(&when, &tm);
    strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
    if (moment->requests < 0) {
        canvas_print(c, y, x, width, LOOK_BOLD, "%s  not measured", clock);
    }
    else if (which == CHART_REQUESTS) {
        canvas_print(c, y, x, width, LOOK_BOLD, "%s  %s, errors %s, aborted %s",
                     clock, shown_number(moment->requests),
                     shown_number(moment->errors), shown_number(moment->aborted));
    }
    else {
        canvas_print(c, y, x, width, LOOK_BOLD,
                     "%s  median %s  average %s  95th %s  99th %s", clock,
                     shown_figure(figure, v[MODEL_MEDIAN]),
                     shown_figure(figure, v[MODEL_AVERAGE]),
                     shown_figure(figure, v[MODEL_P95]),
                     shown_figure(figure, v[MODEL_P99]));
    }
}

/* The column of the cursor, over the whole height. */
static void draw_cursor(canvas *c, int y, int x, int height)
{
    for (int i = 0; i < height && x >= 0 && x < c->width; i++) {
        if (y + i >= 0 && y + i < c->height) {
            canvas_line(c, y + i, x, 1, LOOK_CHOSEN);
        }
    }
}

static void draw_title(canvas *c, const model *m, const choices *chosen, int y,
                       int x, int width, int seen, chart which)
{
    char title[64];
    double past = model_interval(m) * seen;
    int n, taken;
    const model_moment *moments = model_past(m, &n);

    snprintf(title, sizeof(title), "%s%s",
             which == CHART_REQUESTS ? "requests/s" : figure_title(chosen->figure),
             which == CHART_REQUESTS ? "" : ", 95th");
    taken = canvas_text(c, y, x, width, LOOK_TITLE, title) + 3;
    if (chosen->moment >= 0 && chosen->moment < seen) {
        draw_moment(c, y, x + taken, width - taken,
                    &moments[n - 1 - chosen->moment], which, chosen->figure);
    }
    else if (past > 0) {
        canvas_right(c, y, x + width - 30, 30, LOOK_DIM, "%s %s back to now",
                     past >= 120 ? shown_number(past / 60) : shown_number(past),
                     past >= 120 ? "minutes" : "seconds");
    }
}

void view_chart(canvas *c, const model *m, choices *chosen, int y, int x, int width,
                int height, chart which)
{
    static double values[MODEL_PAST];
    int room = width - 9 < MODEL_PAST ? width - 9 : MODEL_PAST;
    int seen = room > 0 ? values_of(m, room, which, chosen->figure, values) : 0;
    double top = 0;

    for (int i = 0; i < seen; i++) {
        top = values[i] > top ? values[i] : top;
    }
    chosen->moments = seen;
    chosen->moment = chosen->moment >= seen ? seen - 1 : chosen->moment;
    draw_title(c, m, chosen, y, x, width, seen, which);
    canvas_right(c, y + 1, x, 8, LOOK_DIM, "%s",
                 which == CHART_FIGURE ? shown_figure(chosen->figure, top)
                                       : shown_number(top));
    if (height > 1) {
        canvas_right(c, y + height, x, 8, LOOK_DIM, "0");
    }
    canvas_bars(c, y + 1, x + 9, width - 9, height, values, seen, top, LOOK_CHART);
    draw_marks(c, m, y + 1, x + width - 1, height, seen);
    if (chosen->moment >= 0) {
        draw_cursor(c, y + 1, x + width - 1 - chosen->moment, height);
    }
}

void view_large(canvas *c, const model *m, choices *chosen, int y, int height)
{
    view_chart(c, m, chosen, y, 1, c->width - 2, height - 1,
               chosen->large == 1 ? CHART_REQUESTS : CHART_FIGURE);
}

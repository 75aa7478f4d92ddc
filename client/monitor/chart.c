/* Charts of the past, with marks for what happened. See views.h. */
#include <string.h>

#include "client/monitor/views.h"

double view_requests(const model_moment *moment)
{
    return moment->requests;
}

double view_p95(const model_moment *moment)
{
    return moment->p95;
}

/* The newest moments that fit, as values; returns how many. */
static int values_of(const model *m, int room, view_value *value, double *values)
{
    int n;
    const model_moment *past = model_past(m, &n);
    int seen = n < room ? n : room;

    for (int i = 0; i < seen; i++) {
        values[i] = value(&past[n - seen + i]);
    }
    return seen;
}

/* Which of the newest `seen` moments an event falls into; -1: none. */
static int moment_at(const model *m, int seen, double when)
{
    int n;
    const model_moment *past = model_past(m, &n);
    double step = model_interval(m);

    for (int i = n - seen; i < n; i++) {
        if (when >= past[i].start && when < past[i].start + step) {
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

void view_chart(canvas *c, const model *m, int y, int x, int width, int height,
                const char *title, view_value *value, bool is_time)
{
    static double values[MODEL_PAST];
    int room = width - 9 < MODEL_PAST ? width - 9 : MODEL_PAST;
    int seen = room > 0 ? values_of(m, room, value, values) : 0;
    double top = 0, past = model_interval(m) * seen;

    for (int i = 0; i < seen; i++) {
        top = values[i] > top ? values[i] : top;
    }
    canvas_text(c, y, x, width, LOOK_TITLE, title);
    if (past > 0) {
        canvas_right(c, y, x + width - 30, 30, LOOK_DIM, "%s %s back to now",
                     past >= 120 ? shown_number(past / 60) : shown_number(past),
                     past >= 120 ? "minutes" : "seconds");
    }
    canvas_right(c, y + 1, x, 8, LOOK_DIM, "%s",
                 is_time ? shown_time(top) : shown_number(top));
    if (height > 1) {
        canvas_right(c, y + height, x, 8, LOOK_DIM, "0");
    }
    canvas_bars(c, y + 1, x + 9, width - 9, height, values, seen, top, LOOK_CHART);
    draw_marks(c, m, y + 1, x + width - 1, height, seen);
}

/* The slow requests, and the songs. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/monitor/views.h"

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "?";
}

/* The columns, as the live page has them; what a narrow terminal has no room for
 * is left out: application and output time, bytes. */
typedef struct {
    int outcome, route, path; /* where they begin */
    bool all;
} slow_columns;

static slow_columns slow_layout(const canvas *c)
{
    bool all = c->width >= 110;
    int path = c->width / 2 + (all ? 10 : 8);

    return (slow_columns){.all = all,
                          .outcome = all ? 51 : 24,
                          .route = all ? 60 : 33,
                          .path = path > (all ? 60 : 33) + 8 ? path : c->width};
}

static void draw_slow_title(canvas *c, int y)
{
    slow_columns at = slow_layout(c);

    canvas_text(c, y, 1, 8, LOOK_TITLE, "time");
    canvas_right(c, y, 10, 8, LOOK_TITLE, "request");
    if (at.all) {
        canvas_right(c, y, 19, 8, LOOK_TITLE, "applic.");
        canvas_right(c, y, 28, 8, LOOK_TITLE, "output");
        canvas_right(c, y, 37, 8, LOOK_TITLE, "bytes");
    }
    canvas_text(c, y, at.outcome - 5, 4, LOOK_TITLE, "st.");
    canvas_text(c, y, at.outcome, 8, LOOK_TITLE, "outcome");
    canvas_text(c, y, at.route, 8, LOOK_TITLE, "route");
    canvas_text(c, y, at.path, 8, LOOK_TITLE, "request");
}

static void draw_slow(canvas *c, int y, const json_t *slow, bool chosen)
{
    slow_columns at = slow_layout(c);
    time_t when = (time_t)model_number(slow, "time", NULL);
    double status = model_number(slow, "status", NULL);
    struct tm tm;
    char clock[16];

    localtime_r(&when, &tm);
    strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
    canvas_text(c, y, 1, 9, LOOK_PLAIN, clock);
    canvas_right(c, y, 10, 8, LOOK_BOLD, "%s",
                 shown_time(model_number(slow, "request_time", NULL)));
    if (at.all) {
        canvas_right(c, y, 19, 8, LOOK_PLAIN, "%s",
                     shown_time(model_number(slow, "application_time", NULL)));
        canvas_right(c, y, 28, 8, LOOK_PLAIN, "%s",
                     shown_time(model_number(slow, "output_time", NULL)));
        canvas_right(c, y, 37, 8, LOOK_PLAIN, "%s",
                     shown_bytes(model_number(slow, "output_length", NULL)));
    }
    canvas_right(c, y, at.outcome - 5, 3, status >= 500 ? LOOK_BAD : LOOK_PLAIN,
                 "%.0f", status);
    canvas_text(c, y, at.outcome, 8, LOOK_DIM, text_of(slow, "outcome"));
    canvas_text(c, y, at.route, at.path - at.route - 1, LOOK_PLAIN,
                text_of(slow, "route"));
    canvas_print(c, y, at.path, c->width - at.path - 1, LOOK_PLAIN, "%s %s",
                 text_of(slow, "method"), text_of(slow, "path"));
    if (chosen) {
        canvas_line(c, y, 0, c->width, LOOK_CHOSEN);
    }
}

static int by_time(const void *a, const void *b)
{
    double x = model_number(*(const json_t *const *)a, "time", NULL);
    double y = model_number(*(const json_t *const *)b, "time", NULL);
    return x > y ? -1 : x < y;
}

static bool is_shown(const choices *chosen, const json_t *slow)
{
    return (!*chosen->route ||
            strcmp(chosen->route, text_of(slow, "route")) == 0) &&
           (view_matches(chosen, text_of(slow, "path")) ||
            view_matches(chosen, text_of(slow, "route")));
}

void view_slow(canvas *c, const model *m, choices *chosen, int y, int height)
{
    int newer;
    const json_t *slow = model_slow(m, &newer), *one;
    size_t n = 0, i;
    const json_t **list = calloc(json_array_size(slow) + 1, sizeof(const json_t *));
    int rows = height - (chosen->held ? 2 : 1);

    json_array_foreach(slow, i, one)
    {
        if (list && is_shown(chosen, one)) {
            list[n++] = one;
        }
    }
    if (n) {
        qsort(list, n, sizeof(*list), by_time);
    }
    draw_slow_title(c, y);
    int top = view_scroll(chosen, (int)n, rows);
    for (int row = 0; row < rows && top + row < (int)n; row++) {
        draw_slow(c, y + 1 + row, list[top + row], top + row == chosen->cursor);
    }
    if (!n) {
        canvas_text(c, y + 1, 1, c->width - 2, LOOK_DIM,
                    "none; PlaycountSlowRequests says from how many seconds on");
    }
    if (chosen->held) {
        canvas_print(c, y + height - 1, 1, c->width - 2, LOOK_WARN,
                     "held; %d newer (h: go on)", newer);
    }
    free(list);
}

void view_songs(canvas *c, const model *m, choices *chosen, int y, int height)
{
    size_t all, n = 0;
    const model_song *songs = model_songs(m, &all);
    const model_song **list = calloc(all + 1, sizeof(const model_song *));

    for (size_t i = 0; list && i < all; i++) {
        if (strncasecmp(songs[i].song, chosen->filter, strlen(chosen->filter)) ==
            0) {
            list[n++] = &songs[i];
        }
    }
    canvas_text(c, y, 1, c->width - 2, LOOK_TITLE,
                "       plays    plays/s  zone            song");
    int top = view_scroll(chosen, (int)n, height - 1);
    for (int row = 0; row < height - 1 && top + row < (int)n; row++) {
        const model_song *song = list[top + row];
        int line = y + 1 + row;
        canvas_right(c, line, 1, 12, LOOK_BOLD, "%.0f", song->count);
        canvas_right(c, line, 14, 9, LOOK_PLAIN, "%s", shown_number(song->rate));
        canvas_text(c, line, 25, 15, LOOK_DIM, song->zone);
        canvas_text(c, line, 41, c->width - 42, LOOK_PLAIN, song->song);
        if (top + row == chosen->cursor) {
            canvas_line(c, line, 0, c->width, LOOK_CHOSEN);
        }
    }
    if (!all) {
        canvas_text(c, y + 1, 1, c->width - 2, LOOK_DIM, "none");
    }
    free(list);
}

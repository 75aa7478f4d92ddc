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

static void draw_slow(canvas *c, int y, const json_t *slow, bool chosen)
{
    time_t when = (time_t)model_number(slow, "time", NULL);
    double status = model_number(slow, "status", NULL);
    struct tm tm;
    char clock[16];

    localtime_r(&when, &tm);
    strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
    canvas_text(c, y, 1, 9, LOOK_PLAIN, clock);
    canvas_right(c, y, 10, 8, LOOK_BOLD, "%s",
                 shown_time(model_number(slow, "request_time", NULL)));
    canvas_right(c, y, 19, 8, LOOK_PLAIN, "%s",
                 shown_time(model_number(slow, "application_time", NULL)));
    canvas_right(c, y, 28, 3, status >= 500 ? LOOK_BAD : LOOK_PLAIN, "%.0f",
                 status);
    canvas_text(c, y, 32, 9, LOOK_DIM, text_of(slow, "outcome"));
    canvas_text(c, y, 42, 7, LOOK_PLAIN, text_of(slow, "method"));
    canvas_text(c, y, 50, c->width - 51, LOOK_PLAIN, text_of(slow, "path"));
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

void view_slow(canvas *c, const model *m, choices *chosen, int y, int height)
{
    const json_t *slow = json_object_get(model_metrics(m), "slow"), *one;
    size_t n = 0, i;
    const json_t **list = calloc(json_array_size(slow) + 1, sizeof(const json_t *));

    json_array_foreach(slow, i, one)
    {
        if (list && (view_matches(chosen, text_of(one, "path")) ||
                     view_matches(chosen, text_of(one, "route")))) {
            list[n++] = one;
        }
    }
    if (n) {
        qsort(list, n, sizeof(*list), by_time);
    }
    canvas_text(c, y, 1, c->width - 2, LOOK_TITLE,
                "when        request  applic.  st. outcome   method  path");
    int top = view_scroll(chosen, (int)n, height - 1);
    for (int row = 0; row < height - 1 && top + row < (int)n; row++) {
        draw_slow(c, y + 1 + row, list[top + row], top + row == chosen->cursor);
    }
    if (!n) {
        canvas_text(c, y + 1, 1, c->width - 2, LOOK_DIM,
                    "none; PlaycountSlowRequests says from how many seconds on");
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

/* The whole server at a glance. */
#include <string.h>
#include <time.h>

#include "client/monitor/views.h"

static void draw_zone(canvas *c, int y, const json_t *zone)
{
    const json_t *handoff = json_object_get(zone, "handoff");
    double songs = model_number(zone, "songs", NULL);
    double capacity = model_number(zone, "capacity", NULL);
    double share = capacity > 0 ? songs / capacity : 0;
    double late = model_number(handoff, "undelivered_seconds", NULL);
    const char *name = json_string_value(json_object_get(zone, "zone"));

    canvas_text(c, y, 1, 14, LOOK_PLAIN, name ? name : "?");
    canvas_right(c, y, 15, 6,
                 share > 0.9    ? LOOK_BAD
                 : share > 0.75 ? LOOK_WARN
                                : LOOK_PLAIN,
                 "%.1f%%", 100 * share);
    canvas_share(c, y, 22, 10, share, share > 0.9 ? LOOK_BAD : LOOK_CHART);
    int x = 33 + canvas_print(c, y, 33, 30, LOOK_PLAIN, "%s songs, %s plays",
                              shown_number(songs),
                              shown_number(model_number(zone, "plays", NULL)));
    if (json_is_true(json_object_get(handoff, "failing"))) {
        canvas_print(c, y, x + 2, 40, LOOK_BAD, "FAILING, %.0f s behind", late);
    }
    else if (model_number(handoff, "batches", NULL) +
                 model_number(handoff, "open", NULL) >
             0) {
        canvas_print(c, y, x + 2, 40, LOOK_DIM, "handoff %.0f s behind", late);
    }
}

/* Songs that a database refused are kept aside until an operator says otherwise. */
static void draw_refused(canvas *c, int y, const json_t *zone)
{
    double refused =
        model_number(json_object_get(zone, "handoff"), "refused_songs", NULL);
    if (refused > 0) {
        canvas_print(c, y, c->width - 20, 19, LOOK_WARN, "%s songs refused",
                     shown_number(refused));
    }
}

/* Why its deliveries fail; how many lines that takes. Which batch it is does not
 * matter to who looks, and would leave no room for the reason. */
static int draw_why(canvas *c, int y, const json_t *zone)
{
    static const char before[] = " is not delivered: ";
    const json_t *handoff = json_object_get(zone, "handoff");
    const char *why = json_string_value(json_object_get(handoff, "why"));
    const char *reason = why ? strstr(why, before) : NULL;

    if (!why || !json_is_true(json_object_get(handoff, "failing"))) {
        return 0;
    }
    canvas_print(c, y, 3, c->width - 4, LOOK_BAD, "handoff: %s",
                 reason ? reason + sizeof(before) - 1 : why);
    return 1;
}

/* What happened last: starts, graceful restarts, children that were killed. */
static void draw_events(canvas *c, const model *m, int y)
{
    const json_t *events = json_object_get(model_metrics(m), "events");
    size_t n = json_array_size(events);
    int x = 1;

    for (size_t i = n; i-- > 0 && x < c->width - 24;) {
        const json_t *event = json_array_get(events, i);
        const char *name = json_string_value(json_object_get(event, "event"));
        time_t when = (time_t)model_number(event, "time", NULL);
        struct tm tm;
        char clock[16];

        localtime_r(&when, &tm);
        strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
        bool killed = name && strcmp(name, "killed") == 0;
        x += canvas_print(c, y, x, 40, killed ? LOOK_BAD : LOOK_DIM, "%s %s", clock,
                          killed ? "a child was killed"
                          : name ? name
                                 : "?") +
             3;
    }
}

/* Deliveries of audio and video by what became of them. */
static int draw_media(canvas *c, const model *m, int y)
{
    const json_t *media = json_object_get(model_answer(m), "media");
    const char *verdict;
    json_t *count;
    int x = 16;

    if (!json_is_object(media)) {
        return 0;
    }
    canvas_text(c, y, 1, 14, LOOK_TITLE, "media");
    json_object_foreach(json_object_get(media, "deliveries"), verdict, count)
    {
        bool full = strcmp(verdict, "full") == 0;
        if (json_number_value(count) > 0) {
            x += canvas_print(c, y, x, 30, full ? LOOK_BAD : LOOK_PLAIN, "%s %s",
                              shown_number(json_number_value(count)), verdict) +
                 2;
        }
    }
    return 1;
}

static int draw_zones(canvas *c, const model *m, int y, int most)
{
    const json_t *zones = json_object_get(model_answer(m), "zones"), *zone;
    size_t i;
    int drawn = 0;

    canvas_text(c, y, 1, 40, LOOK_TITLE, "zones");
    json_array_foreach(zones, i, zone)
    {
        if (drawn + 1 < most) {
            draw_refused(c, y + 1 + drawn, zone);
            draw_zone(c, y + 1 + drawn++, zone);
        }
        if (drawn + 1 < most) {
            drawn += draw_why(c, y + 1 + drawn, zone);
        }
    }
    return drawn + 1;
}

void view_overview(canvas *c, const model *m, choices *chosen, int y, int height)
{
    const json_t *window = model_window(m);
    int end = y + height, width = c->width - 2;
    int tall = (height - 13) / 2;

    if (!model_metrics(m)) {
        canvas_text(c, y, 1, width, LOOK_WARN,
                    "Nothing is measured: PlaycountMetrics is On nowhere.");
        draw_zones(c, m, y + 2, height - 2);
        return;
    }
    if (*model_scope(m)) {
        canvas_text(c, y, 1, width, LOOK_DIM,
                    "waiting for the whole server's figures");
        return;
    }
    tall = tall < 1 ? 1 : tall > 12 ? 12 : tall;
    view_rates(c, m, y);
    view_chart(c, m, chosen, y + 1, 1, width, tall, CHART_REQUESTS);
    y += 2 + tall;
    view_chart(c, m, chosen, y, 1, width, tall, CHART_FIGURE);
    y += 2 + tall;
    if (model_number(window, "requests", NULL) > 0 && y + 6 < end) {
        view_figures(c, y, window);
        y += 7;
    }
    else if (y + 1 < end) {
        canvas_text(c, y, 1, width, LOOK_DIM, "no requests in this time");
        y += 2;
    }
    if (y + 1 < end) {
        y += draw_zones(c, m, y, end - y);
        y += y < end ? draw_media(c, m, y) + 1 : 0;
    }
    if (y < end) {
        draw_events(c, m, y);
    }
}

/* The frame around the views: who, how, what is wrong. See views.h. */
#include <string.h>
#include <time.h>

#include "client/monitor/views.h"

static const char *const names[VIEWS] = {"o overview", "r routes", "w slow",
                                         "g songs"};

/* The state in a word or two. */
static look state_of(const model *m, const choices *chosen,
                     const circumstances *how, char *text, size_t n)
{
    double age = how->now - how->heard;

    if (!how->heard) {
        snprintf(text, n, *how->sentence ? "NOT REACHED" : "CONNECTING");
        return *how->sentence ? LOOK_BAD : LOOK_PLAIN;
    }
    if (how->password) {
        snprintf(text, n, "SIGNED OUT");
        return LOOK_BAD;
    }
    if (*how->sentence || age > 3 * how->asked_every + 2) {
        snprintf(text, n, "STALE for %.0f s", age);
        return LOOK_BAD;
    }
    if (chosen->paused) {
        snprintf(text, n, "PAUSED");
        return LOOK_WARN;
    }
    if (model_restarted(m) && how->now - model_restarted(m) < 60) {
        snprintf(text, n, "RESTARTED %.0f s ago", how->now - model_restarted(m));
        return LOOK_WARN;
    }
    snprintf(text, n, "LIVE");
    return LOOK_GOOD;
}

static void draw_head(canvas *c, const model *m, const choices *chosen,
                      const circumstances *how)
{
    char state[64], clock[16];
    time_t now = (time_t)how->now;
    struct tm tm;
    int x = 1;

    state_of(m, chosen, how, state, sizeof(state));
    localtime_r(&now, &tm);
    strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
    int width = (int)strlen(state) + 12;
    canvas_text(c, 0, 1, c->width - width - 2, LOOK_BAR, how->name);
    canvas_line(c, 0, 0, c->width, LOOK_BAR);
    canvas_right(c, 0, c->width - width, width - 1, LOOK_BAR, "%s  %s", state,
                 clock);
    for (int i = 0; i < VIEWS; i++) {
        bool shown = (int)chosen->view == i;
        x += canvas_text(c, 1, x, 20, shown ? LOOK_BOLD : LOOK_DIM, names[i]);
        x += canvas_text(c, 1, x, 3, LOOK_DIM, shown ? "*  " : "   ");
    }
    x += canvas_print(c, 1, x, 20, LOOK_DIM, "last %d min", chosen->minutes) + 2;
    if (*chosen->route && chosen->view != VIEW_OVERVIEW) {
        x += canvas_print(c, 1, x, 24, LOOK_WARN, "%s", chosen->route) + 2;
    }
    if (*chosen->filter || chosen->typing) {
        canvas_print(c, 1, x, c->width - x - 1,
                     chosen->typing ? LOOK_BOLD : LOOK_WARN, "/%s%s",
                     chosen->filter, chosen->typing ? "_" : "");
    }
}

static void draw_foot(canvas *c, const choices *chosen, const circumstances *how)
{
    int y = c->height - 1;

    if (*how->sentence) {
        canvas_print(c, y, 1, c->width - 2, LOOK_BAD, "%s: %s", how->name,
                     how->sentence);
        return;
    }
    canvas_text(c, y, 1, c->width - 2, LOOK_BAR,
                chosen->typing ? "Enter: keep the filter   Esc: none"
                : *chosen->route && chosen->view == VIEW_OVERVIEW
                    ? "f figure  u back up  1-4 minutes  e enlarge  p pause  "
                      "? keys  q quit"
                    : "Tab view  / search  s sort  Enter open  1-4 minutes  "
                      "p pause  ? keys  q quit");
    canvas_line(c, y, 0, c->width, LOOK_BAR);
}

/* The keys of the live page, in its words (metrics/page/page.html), and then what
 * only a terminal has. */
void view_help(canvas *c, int y, int height)
{
    static const char *const keys[][2] = {
        {"/", "search routes; in the songs, songs"},
        {"\u2191 \u2193", "move between rows"},
        {"Enter", "open the route"},
        {"u", "back up to all routes"},
        {"o r w g", "overview, routes, slow requests, songs"},
        {"s S", "sort by the next, the previous column"},
        {"d", "turn the order round"},
        {"f", "the next figure"},
        {"\u2190 \u2192", "move the cursor in the chart; Home, End"},
        {"e", "enlarge the chart"},
        {"1 2 3 4", "1, 5, 15, 60 minutes"},
        {"p", "pause, go on"},
        {"h", "hold the slow requests, go on"},
        {"t", "dark, light, as the system has it: colours or none"},
        {"?", "these keys; Escape closes"},
        {"Tab", "the next view; \u2190 \u2192 other columns of the routes"},
        {"Escape", "back up, or no filter"},
        {"q", "quit; Ctrl-L draws the screen again"},
    };
    for (int i = 0; i < (int)(sizeof(keys) / sizeof(*keys)) && i < height; i++) {
        canvas_text(c, y + i, 2, 9, LOOK_BOLD, keys[i][0]);
        canvas_text(c, y + i, 12, c->width - 14, LOOK_PLAIN, keys[i][1]);
    }
}

static void draw_view(canvas *c, const model *m, choices *chosen, int y, int height)
{
    switch (chosen->view) {
    case VIEW_ROUTES:
        view_routes(c, m, chosen, y, height);
        break;
    case VIEW_SLOW:
        view_slow(c, m, chosen, y, height);
        break;
    case VIEW_SONGS:
        view_songs(c, m, chosen, y, height);
        break;
    default:
        if (chosen->large) {
            view_large(c, m, chosen, y, height);
        }
        else if (*chosen->route) {
            view_detail(c, m, chosen, y, height);
        }
        else {
            view_overview(c, m, chosen, y, height);
        }
    }
}

void views_draw(canvas *c, const model *m, choices *chosen,
                const circumstances *how)
{
    int y = 3, height = c->height - 4;

    canvas_clear(c);
    draw_head(c, m, chosen, how);
    if (height < 3) {
        return;
    }
    if (chosen->help) {
        view_help(c, y, height);
    }
    else if (!model_answer(m)) {
        canvas_text(c, y, 1, c->width - 2, LOOK_DIM,
                    "nothing is known of this server yet");
    }
    else {
        draw_view(c, m, chosen, y, height);
    }
    draw_foot(c, chosen, how);
}

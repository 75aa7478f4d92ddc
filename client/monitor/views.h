/* The views: each draws what the model knows on a canvas.
 *
 *     line 0         the address, the state (live, paused, stale ...), the time
 *     line 1         the views, the time range, the filter
 *     lines 3 to -2  the view
 *     last line      keys, or what is wrong
 */
#ifndef PLAYCOUNT_MONITOR_VIEWS_H
#define PLAYCOUNT_MONITOR_VIEWS_H

#include "client/monitor/canvas.h"
#include "client/monitor/model.h"

typedef enum { VIEW_OVERVIEW, VIEW_ROUTES, VIEW_SLOW, VIEW_SONGS, VIEWS } view;

/* What the user has chosen. */
typedef struct {
    view view;
    int minutes;
    bool paused, help;
    bool typing; /* the filter */
    char filter[256];
    int sort; /* column of the routes */
    bool upwards;
    int cursor, top;  /* of the list that is shown */
    int rows;         /* out: how many the list has */
    char route[1024]; /* shown in detail; "": none */
    char under[1024]; /* out: the route that the cursor is on */
    int figure;       /* of the detail */
} choices;

/* What is to be shown besides the model. */
typedef struct {
    const char *name;     /* of the server */
    const char *sentence; /* what is wrong; "": nothing */
    bool password;
    double now, heard;  /* when there was a good answer last; 0: never */
    double asked_every; /* seconds */
} circumstances;

void views_draw(canvas *c, const model *m, choices *chosen,
                const circumstances *how);

/* The views themselves, in the lines from y to y + height. */
void view_overview(canvas *c, const model *m, const choices *chosen, int y,
                   int height);
void view_routes(canvas *c, const model *m, choices *chosen, int y, int height);
void view_slow(canvas *c, const model *m, choices *chosen, int y, int height);
void view_songs(canvas *c, const model *m, choices *chosen, int y, int height);
void view_detail(canvas *c, const model *m, const choices *chosen, int y,
                 int height);
void view_help(canvas *c, int y, int height);

/* The columns that routes are sorted by: how many there are. */
int view_routes_columns(void);

/* The lines of a list that are seen: keeps the cursor in it. The first one. */
int view_scroll(choices *chosen, int rows, int height);

/* Whether the filter is in this text, whatever the case; an empty one is. */
bool view_matches(const choices *chosen, const char *text);

/* The rates of the last interval, in one line. */
void view_rates(canvas *c, const model *m, int y);

/* The table of figures of the window: 6 lines. */
void view_figures(canvas *c, int y, const json_t *window);

/* A chart of the model's past with its highest value beside it: `height` lines and
 * a title above. Starts, graceful restarts and killed children are marked. */
typedef double view_value(const model_moment *moment);
double view_requests(const model_moment *moment);
double view_p95(const model_moment *moment);
void view_chart(canvas *c, const model *m, int y, int x, int width, int height,
                const char *title, view_value *value, bool is_time);

/* Numbers in few columns: 1234567 is 1.23M; microseconds 1.23 ms; bytes 1.2 MB; a
 * number below 0 is a dash. Into one of a few buffers in turn. */
const char *shown_number(double value);
const char *shown_time(double us);
const char *shown_bytes(double bytes);

/* The value of a figure: "request_time" and so on are times, "output_length" bytes.
 */
extern const char *const view_figure_names[];
enum { VIEW_FIGURES = 5 };
const char *shown_figure(int figure, double value);
const char *figure_title(int figure);

#endif

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
    bool paused, help, held, plain; /* held: the slow requests; plain: no colours */
    bool typing;                    /* the filter */
    char filter[256];
    int sort; /* column of the routes; 0 is the name */
    bool upwards;
    int first;          /* the first column that is shown, besides the name */
    bool find_column;   /* the one that is sorted by must be seen */
    int cursor, top;    /* of the list that is shown */
    int cursors[VIEWS]; /* of the lists that are not */
    int rows;           /* out: how many the list has */
    char route[1024];   /* shown alone; "": all of them */
    char under[1024];   /* out: the route that the cursor is on */
    int figure;         /* of the second chart and the histogram */
    int large;          /* 1, 2: one of the charts fills the screen */
    int moment;         /* the cursor in charts: intervals back; -1: none */
    int moments;        /* out: how many a chart has */
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
void view_overview(canvas *c, const model *m, choices *chosen, int y, int height);
void view_large(canvas *c, const model *m, choices *chosen, int y, int height);
void view_routes(canvas *c, const model *m, choices *chosen, int y, int height);
void view_slow(canvas *c, const model *m, choices *chosen, int y, int height);
void view_songs(canvas *c, const model *m, choices *chosen, int y, int height);
void view_detail(canvas *c, const model *m, choices *chosen, int y, int height);
void view_help(canvas *c, int y, int height);

/* The columns that routes are sorted by, the name too: how many there are. */
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
 * a title above, which says what was at the cursor. Starts, graceful restarts and
 * killed children are marked. Of the requests, or of the chosen figure. */
typedef enum { CHART_REQUESTS, CHART_FIGURE } chart;
void view_chart(canvas *c, const model *m, choices *chosen, int y, int x, int width,
                int height, chart which);

/* Numbers in few columns: 1234567 is 1.23M; microseconds 1.23 ms; bytes 1.2 MB; a
 * number below 0 is a dash. Into one of a few buffers in turn. */
const char *shown_number(double value);
const char *shown_time(double us);
const char *shown_bytes(double bytes);

/* The value of a figure: times, blocks or bytes. */
const char *shown_figure(int figure, double value);
const char *figure_title(int figure);

#endif

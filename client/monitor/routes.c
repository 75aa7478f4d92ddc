/* The table of all routes: the columns of the live page. What does not fit beside
 * the names is reached by the arrow keys, or by sorting by it. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "client/monitor/views.h"

static const struct {
    const char *title;
    int width;
    enum { COUNT, TIME, BYTES } is;
} columns[MODEL_COLUMNS] = {
    {"requests", 8, COUNT}, {"per s", 6, COUNT},   {"flight", 6, COUNT},
    {"errors", 6, COUNT},   {"abort.", 6, COUNT},  {"average", 7, TIME},
    {"median", 7, TIME},    {"95th", 7, TIME},     {"99th", 7, TIME},
    {"99.9th", 7, TIME},    {"appl.95", 7, TIME},  {"outp.95", 7, TIME},
    {"blocks", 6, COUNT},   {"bl.95th", 7, COUNT}, {"bytes", 7, BYTES},
    {"by.95th", 7, BYTES}};

int view_routes_columns(void)
{
    return 1 + MODEL_COLUMNS;
}

static const char *shown(const model_route *r, int column)
{
    double value = r->value[column];
    return columns[column].is == TIME    ? shown_time(value)
           : columns[column].is == BYTES ? shown_bytes(value)
                                         : shown_number(value);
}

/* A route with what it is sorted by, worked out once. */
typedef struct {
    const model_route *route;
    double value; /* below 0: not known, and last either way */
    bool by_name, upwards;
} ranked;

static int compare(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    int order = x->by_name            ? strcasecmp(x->route->name, y->route->name)
                : x->value > y->value ? -1
                                      : x->value < y->value;

    order = x->upwards && x->value >= 0 && y->value >= 0 ? -order : order;
    return order ? order : strcmp(x->route->name, y->route->name);
}

static ranked *rank(const model *m, const choices *chosen, size_t *n)
{
    size_t all;
    const model_route *routes = model_routes(m, &all);
    ranked *list = calloc(all + 1, sizeof(*list));

    *n = 0;
    for (size_t i = 0; list && i < all; i++) {
        if (view_matches(chosen, routes[i].name)) {
            list[(*n)++] = (ranked){
                .route = &routes[i],
                .value = chosen->sort ? routes[i].value[chosen->sort - 1] : 0,
                .by_name = chosen->sort == 0,
                .upwards = chosen->upwards};
        }
    }
    if (list && *n) {
        qsort(list, *n, sizeof(*list), compare);
    }
    return list;
}

/* Where things stand in a line. */
typedef struct {
    int name; /* columns of the screen */
    int first, end;
    int trend; /* where it begins; the width of the screen: nowhere */
} layout;

static int width_of(int first, int end)
{
    int width = 0;
    for (int i = first; i < end; i++) {
        width += 1 + columns[i].width;
    }
    return width;
}

/* How many columns fit beside a name, from the first on. */
static int end_of(const canvas *c, int first)
{
    int name = c->width < 70 ? 10 : c->width < 80 ? 16 : c->width / 5;
    int room = c->width - 2 - name, end = first;
    while (end < MODEL_COLUMNS && width_of(first, end + 1) <= room) {
        end++;
    }
    return end;
}

static layout lay_out(const canvas *c, choices *chosen)
{
    int most = MODEL_COLUMNS - 1;

    while (most > 0 && end_of(c, most - 1) == MODEL_COLUMNS) {
        most--; /* no further than that the last column is seen */
    }
    chosen->first = chosen->first > most ? most : chosen->first;
    chosen->first = chosen->first < 0 ? 0 : chosen->first;
    if (chosen->find_column && chosen->sort) {
        int sort = chosen->sort - 1;
        chosen->first = sort < chosen->first ? sort : chosen->first;
        while (chosen->first < sort && end_of(c, chosen->first) <= sort) {
            chosen->first++;
        }
    }
    chosen->find_column = false;
    layout l = {.first = chosen->first, .end = end_of(c, chosen->first)};
    int rest = c->width - 2 - width_of(l.first, l.end);
    l.name = rest > 40 ? 40 : rest < 1 ? 1 : rest;
    l.trend =
        rest - l.name > 9 ? 1 + l.name + width_of(l.first, l.end) + 2 : c->width;
    return l;
}

static void draw_titles(canvas *c, int y, const layout *l, const choices *chosen)
{
    const char *mark = chosen->upwards ? "^" : "v";
    int x = 1 + l->name;

    canvas_print(c, y, 1, l->name, chosen->sort ? LOOK_TITLE : LOOK_BOLD, "route%s",
                 chosen->sort ? "" : mark);
    for (int i = l->first; i < l->end; i++) {
        bool sorted = i == chosen->sort - 1;
        canvas_right(c, y, x, columns[i].width + 1, sorted ? LOOK_BOLD : LOOK_TITLE,
                     "%s%s", columns[i].title, sorted ? mark : "");
        x += 1 + columns[i].width;
    }
    if (l->first > 0) {
        canvas_text(c, y, l->name, 1, LOOK_WARN, "<");
    }
    if (l->end < MODEL_COLUMNS) {
        canvas_text(c, y, c->width - 1, 1, LOOK_WARN, ">");
    }
    canvas_text(c, y, l->trend, 8, LOOK_TITLE, "course");
}

static void draw_trend(canvas *c, int y, int x, const model_route *r)
{
    int width = c->width - x - 1;
    double top = 0;

    for (int i = 0; i < r->trends; i++) {
        top = r->trend[i] > top ? r->trend[i] : top;
    }
    width = width < r->trends ? width : r->trends;
    if (width > 0) {
        canvas_bars(c, y, x, width, 1, r->trend, r->trends, top, LOOK_CHART);
    }
}

static void draw_row(canvas *c, int y, const layout *l, const model_route *r,
                     bool chosen)
{
    bool silent = r->value[MODEL_REQUESTS] <= 0;
    int x = 1 + l->name;

    canvas_text(c, y, 1, l->name, silent ? LOOK_DIM : LOOK_PLAIN, r->name);
    for (int i = l->first; i < l->end; i++) {
        look how = i == MODEL_ERRORS && r->value[i] > 0 ? LOOK_BAD
                   : silent                             ? LOOK_DIM
                                                        : LOOK_PLAIN;
        canvas_right(c, y, x + 1, columns[i].width, how, "%s", shown(r, i));
        x += 1 + columns[i].width;
    }
    draw_trend(c, y, l->trend, r);
    if (chosen) {
        canvas_line(c, y, 0, c->width, LOOK_CHOSEN);
    }
}

/* How many there are; and the name under the cursor, which may be cut above. */
static void draw_count(canvas *c, int y, const choices *chosen, size_t n,
                       size_t all)
{
    int x = 1;

    if (n == all) {
        x += canvas_print(c, y, x, c->width - 2, LOOK_DIM, "%zu routes", n);
    }
    else {
        x += canvas_print(c, y, x, c->width - 2, LOOK_DIM, "%zu of %zu routes", n,
                          all);
    }
    canvas_text(c, y, x + 3, c->width - x - 4, LOOK_DIM, chosen->under);
}

void view_routes(canvas *c, const model *m, choices *chosen, int y, int height)
{
    size_t n, all;
    ranked *list = rank(m, chosen, &n);
    layout l = lay_out(c, chosen);
    int rows = height - 2;
    int top = view_scroll(chosen, (int)n, rows);

    model_routes(m, &all);
    draw_titles(c, y, &l, chosen);
    *chosen->under = '\0';
    for (int i = 0; list && i < rows && top + i < (int)n; i++) {
        bool under = top + i == chosen->cursor;
        draw_row(c, y + 1 + i, &l, list[top + i].route, under);
        if (under) {
            snprintf(chosen->under, sizeof(chosen->under), "%s",
                     list[top + i].route->name);
        }
    }
    draw_count(c, y + height - 1, chosen, n, all);
    free(list);
}

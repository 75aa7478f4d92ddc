/* The table of all routes. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "client/monitor/views.h"

enum { NAME, RATE, ERRORS, ACTIVE, MEDIAN, P95, P99, BLOCKS, BYTES, COLUMNS };

static const struct {
    const char *title;
    int x, width; /* x from where the names end */
} columns[COLUMNS] = {{"route", 1, 0},   {"req/s", 0, 7},   {"err/s", 8, 7},
                      {"active", 16, 6}, {"median", 23, 8}, {"95 %", 32, 8},
                      {"99 %", 41, 8},   {"blocks", 50, 6}, {"bytes", 57, 8}};

int view_routes_columns(void)
{
    return COLUMNS;
}

static double value_of(const model_route *r, int column)
{
    switch (column) {
    case RATE:
        return r->rate;
    case ERRORS:
        return r->errors;
    case ACTIVE:
        return r->in_flight;
    case MEDIAN:
        return r->median;
    case P95:
        return r->p95;
    case P99:
        return r->p99;
    case BLOCKS:
        return r->blocks;
    default:
        return r->bytes;
    }
}

static const char *shown(const model_route *r, int column)
{
    double value = value_of(r, column);
    return column == MEDIAN || column == P95 || column == P99 ? shown_time(value)
           : column == BYTES                                  ? shown_bytes(value)
                                                              : shown_number(value);
}

/* A route with what it is sorted by, worked out once. */
typedef struct {
    const model_route *route;
    double value;
    bool by_name, upwards;
} ranked;

static int compare(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    int order = x->by_name            ? strcasecmp(x->route->name, y->route->name)
                : x->value > y->value ? -1
                                      : x->value < y->value;
    order = order ? order : strcmp(x->route->name, y->route->name);
    return x->upwards ? -order : order;
}

static ranked *rank(const model *m, const choices *chosen, size_t *n)
{
    size_t all;
    const model_route *routes = model_routes(m, &all);
    ranked *list = calloc(all + 1, sizeof(*list));

    *n = 0;
    for (size_t i = 0; list && i < all; i++) {
        if (view_matches(chosen, routes[i].name)) {
            list[(*n)++] = (ranked){.route = &routes[i],
                                    .value = value_of(&routes[i], chosen->sort),
                                    .by_name = chosen->sort == NAME,
                                    .upwards = chosen->upwards};
        }
    }
    if (list && *n) {
        qsort(list, *n, sizeof(*list), compare);
    }
    return list;
}

/* A narrow terminal shows fewer columns, so that names have room. */
static int columns_shown(const canvas *c)
{
    return c->width < 96 ? BLOCKS : COLUMNS;
}

static int columns_width(const canvas *c)
{
    int last = columns_shown(c) - 1;
    return columns[last].x + columns[last].width + 1;
}

/* The trend takes what the name does not need. */
static int name_width(const canvas *c)
{
    int width = c->width - 2 - columns_width(c);
    return width < 12 ? 12 : width > 40 ? 40 : width;
}

static void draw_row(canvas *c, int y, const model_route *r, bool chosen)
{
    int left = name_width(c) + 2;
    int trend = left + columns_width(c);

    canvas_text(c, y, 1, name_width(c), LOOK_PLAIN, r->name);
    for (int i = RATE; i < columns_shown(c); i++) {
        look l = i == ERRORS && r->errors > 0 ? LOOK_BAD : LOOK_PLAIN;
        canvas_right(c, y, left + columns[i].x, columns[i].width, l, "%s",
                     shown(r, i));
    }
    if (trend + 8 < c->width) {
        double top = 0;
        for (int i = 0; i < r->trends; i++) {
            top = r->trend[i] > top ? r->trend[i] : top;
        }
        int width = c->width - trend - 1;
        width = width < r->trends ? width : r->trends;
        canvas_bars(c, y, trend, width, 1, r->trend, r->trends, top, LOOK_CHART);
    }
    if (chosen) {
        canvas_line(c, y, 0, c->width, LOOK_CHOSEN);
    }
}

void view_routes(canvas *c, const model *m, choices *chosen, int y, int height)
{
    size_t n, all;
    ranked *list = rank(m, chosen, &n);
    int left = name_width(c) + 2;

    model_routes(m, &all);
    for (int i = 0; i < columns_shown(c); i++) {
        char title[24];
        bool sorted = i == chosen->sort;
        snprintf(title, sizeof(title), "%s%s", columns[i].title,
                 !sorted           ? ""
                 : chosen->upwards ? "^"
                                   : "v");
        if (i == NAME) {
            canvas_text(c, y, 1, left - 2, sorted ? LOOK_BOLD : LOOK_TITLE, title);
        }
        else {
            canvas_right(c, y, left + columns[i].x, columns[i].width,
                         sorted ? LOOK_BOLD : LOOK_TITLE, "%s", title);
        }
    }
    int rows = height - 2;
    int top = view_scroll(chosen, (int)n, rows);
    *chosen->under = '\0';
    for (int i = 0; list && i < rows && top + i < (int)n; i++) {
        bool under = top + i == chosen->cursor;
        draw_row(c, y + 1 + i, list[top + i].route, under);
        if (under) {
            snprintf(chosen->under, sizeof(chosen->under), "%s",
                     list[top + i].route->name);
        }
    }
    if (n == all) {
        canvas_print(c, y + height - 1, 1, c->width - 2, LOOK_DIM, "%zu routes", n);
    }
    else {
        canvas_print(c, y + height - 1, 1, c->width - 2, LOOK_DIM,
                     "%zu of %zu routes", n, all);
    }
    free(list);
}

/* What keys do. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "client/monitor/keys.h"

/* A character behind the filter, or the last one away. */
static void type(choices *chosen, wchar_t character)
{
    char bytes[MB_LEN_MAX + 1];
    size_t n = strlen(chosen->filter);
    int length = wctomb(bytes, character);

    if (length > 0 && n + (size_t)length < sizeof(chosen->filter) &&
        character >= L' ') {
        memcpy(chosen->filter + n, bytes, (size_t)length);
        chosen->filter[n + (size_t)length] = '\0';
    }
}

static void untype(choices *chosen)
{
    size_t n = strlen(chosen->filter);
    while (n && (chosen->filter[--n] & 0xc0) == 0x80) {
    }
    chosen->filter[n] = '\0';
}

static void type_key(choices *chosen, screen_key key, wchar_t character)
{
    switch (key) {
    case ON_CHARACTER:
        type(chosen, character);
        break;
    case ON_DELETE:
        untype(chosen);
        break;
    case ON_BACK:
        *chosen->filter = '\0';
        chosen->typing = false;
        break;
    case ON_ACCEPT:
        chosen->typing = false;
        break;
    default:
        break;
    }
    chosen->cursor = chosen->top = 0;
}

/* Each list keeps its cursor. */
static void show(choices *chosen, int number)
{
    chosen->cursors[chosen->view] = chosen->cursor;
    chosen->view = (unsigned)(number + VIEWS) % VIEWS;
    chosen->cursor = chosen->cursors[chosen->view];
    chosen->top = 0;
    chosen->large = 0;
}

static void sort_by(choices *chosen, int step)
{
    int columns = view_routes_columns();

    chosen->sort = (chosen->sort + step + columns) % columns;
    chosen->find_column = true;
}

/* Back up: from a large chart, from a route to all of them. */
static bool up(choices *chosen)
{
    if (chosen->large) {
        chosen->large = 0;
        return true;
    }
    if (*chosen->route) {
        *chosen->route = '\0';
        if (chosen->view == VIEW_OVERVIEW) {
            show(chosen, VIEW_ROUTES);
        }
        return true;
    }
    return false;
}

/* Enlarge one chart, the other, none; a route's histogram stands for the other. */
static void enlarge(choices *chosen)
{
    if (chosen->view != VIEW_OVERVIEW) {
        show(chosen, VIEW_OVERVIEW);
    }
    chosen->large = (chosen->large + 1) % 3;
}

static bool letter(choices *chosen, wchar_t key)
{
    static const wchar_t views[] = L"orwg";
    static const int minutes[] = {1, 5, 15, 60};
    const wchar_t *wanted = wcschr(views, key);

    if (key && wanted) {
        show(chosen, (int)(wanted - views));
        return true;
    }
    if (key >= L'1' && key <= L'4') {
        chosen->minutes = minutes[key - L'1'];
        return true;
    }
    switch (key) {
    case 'q':
    case 'Q':
        return false;
    case '?':
        chosen->help = true;
        break;
    case '/':
        chosen->typing = true;
        break;
    case 's':
    case 'S':
        sort_by(chosen, key == 's' ? 1 : -1);
        break;
    case 'd':
        chosen->upwards = !chosen->upwards;
        break;
    case 'f':
        chosen->figure = (chosen->figure + 1) % MODEL_FIGURES;
        break;
    case 'e':
        enlarge(chosen);
        break;
    case 'h':
        chosen->held = !chosen->held;
        break;
    case 't':
        chosen->plain = !chosen->plain;
        break;
    case 'u':
        up(chosen);
        break;
    case 'p':
    case ' ':
        chosen->paused = !chosen->paused;
        break;
    case 'j':
        chosen->cursor++;
        break;
    case 'k':
        chosen->cursor--;
        break;
    default:
        break;
    }
    return true;
}

static void back(choices *chosen)
{
    if (!up(chosen)) {
        *chosen->filter = '\0';
    }
}

/* In charts the cursor goes through time, in the routes' table sideways. */
static void sideways(choices *chosen, int step)
{
    if (chosen->view == VIEW_ROUTES) {
        chosen->first += step;
    }
    else if (chosen->view == VIEW_OVERVIEW) {
        chosen->moment -= step;
        chosen->moment = chosen->moment < -1 ? -1 : chosen->moment;
    }
}

static void to_end(choices *chosen, bool last)
{
    if (chosen->view == VIEW_OVERVIEW) {
        chosen->moment = last ? 0 : chosen->moments - 1;
    }
    else {
        chosen->cursor = last ? chosen->rows - 1 : 0;
    }
}

static void open_route(choices *chosen)
{
    if (chosen->view == VIEW_ROUTES && *chosen->under) {
        strcpy(chosen->route, chosen->under);
        show(chosen, VIEW_OVERVIEW);
    }
}

static bool press(choices *chosen, screen_key key, wchar_t character, int page)
{
    switch (key) {
    case ON_CHARACTER:
        return letter(chosen, character);
    case ON_GO_UP:
        chosen->cursor--;
        break;
    case ON_GO_DOWN:
        chosen->cursor++;
        break;
    case ON_GO_LEFT:
        sideways(chosen, -1);
        break;
    case ON_GO_RIGHT:
        sideways(chosen, 1);
        break;
    case ON_PAGE_UP:
        chosen->cursor -= page;
        break;
    case ON_PAGE_DOWN:
        chosen->cursor += page;
        break;
    case ON_FIRST:
    case ON_LAST:
        to_end(chosen, key == ON_LAST);
        break;
    case ON_NEXT:
        show(chosen, (int)chosen->view + 1);
        break;
    case ON_PREVIOUS:
        show(chosen, (int)chosen->view - 1);
        break;
    case ON_ACCEPT:
        open_route(chosen);
        break;
    default:
        back(chosen);
    }
    return true;
}

bool keys_take(choices *chosen, screen_key key, wchar_t character, int height)
{
    bool goes_on = true;

    if (key == ON_NOTHING || key == ON_REDRAW) {
        return true;
    }
    if (key == ON_GONE) {
        return false;
    }
    if (chosen->help) {
        chosen->help = false; /* any key */
    }
    else if (chosen->typing) {
        type_key(chosen, key, character);
    }
    else {
        goes_on = press(chosen, key, character, height > 6 ? height - 6 : 1);
    }
    chosen->cursor = chosen->cursor < 0 ? 0 : chosen->cursor;
    return goes_on;
}

/* What keys do. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

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

static void show(choices *chosen, int number)
{
    chosen->view = (unsigned)(number + VIEWS) % VIEWS;
    chosen->cursor = chosen->top = 0;
    *chosen->route = '\0';
}

static void other_time(choices *chosen)
{
    static const int minutes[] = {1, 5, 15, 60};
    int i = 0;
    while (i < 3 && minutes[i] != chosen->minutes) {
        i++;
    }
    chosen->minutes = minutes[(i + 1) % 4];
}

static bool letter(choices *chosen, wchar_t key)
{
    int columns = view_routes_columns();

    switch (key) {
    case 'q':
    case 'Q':
        return false;
    case '?':
    case 'h':
        chosen->help = true;
        break;
    case '1':
    case '2':
    case '3':
    case '4':
        show(chosen, (int)(key - '1'));
        break;
    case '/':
        chosen->typing = true;
        break;
    case 's':
        chosen->sort = (chosen->sort + 1) % columns;
        break;
    case 'S':
        chosen->sort = (chosen->sort + columns - 1) % columns;
        break;
    case 'r':
        chosen->upwards = !chosen->upwards;
        break;
    case 'f':
        chosen->figure = (chosen->figure + 1) % VIEW_FIGURES;
        break;
    case 't':
        other_time(chosen);
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
    if (*chosen->route) {
        *chosen->route = '\0';
    }
    else {
        *chosen->filter = '\0';
    }
}

bool keys_take(choices *chosen, screen_key key, wchar_t character, int height)
{
    int page = height > 6 ? height - 6 : 1;

    if (key == ON_NOTHING || key == ON_REDRAW) {
        return true;
    }
    if (key == ON_GONE) {
        return false;
    }
    if (chosen->help) {
        chosen->help = false; /* any key */
        return true;
    }
    if (chosen->typing) {
        type_key(chosen, key, character);
        return true;
    }
    switch (key) {
    case ON_CHARACTER:
        return letter(chosen, character);
    case ON_GO_UP:
        chosen->cursor--;
        break;
    case ON_GO_DOWN:
        chosen->cursor++;
        break;
    case ON_PAGE_UP:
        chosen->cursor -= page;
        break;
    case ON_PAGE_DOWN:
        chosen->cursor += page;
        break;
    case ON_FIRST:
        chosen->cursor = 0;
        break;
    case ON_LAST:
        chosen->cursor = chosen->rows - 1;
        break;
    case ON_NEXT:
    case ON_GO_RIGHT:
        show(chosen, (int)chosen->view + 1);
        break;
    case ON_PREVIOUS:
    case ON_GO_LEFT:
        show(chosen, (int)chosen->view - 1);
        break;
    case ON_ACCEPT:
        if (chosen->view == VIEW_ROUTES) {
            strcpy(chosen->route, chosen->under);
        }
        break;
    default:
        back(chosen);
    }
    chosen->cursor = chosen->cursor < 0 ? 0 : chosen->cursor;
    return true;
}

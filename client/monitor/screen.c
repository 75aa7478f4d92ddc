/* The terminal by ncurses. See screen.h. */
#include <stdlib.h>
#include <string.h>

#include "client/monitor/screen.h"

#ifndef PLAYCOUNT_NCURSES

bool screen_is_there(void)
{
    return false;
}

const char *screen_open(canvas *c)
{
    (void)c;
    return "this command was built without ncursesw; --once shows one screen";
}

void screen_close(void)
{
}

void screen_show(const canvas *c, bool plain)
{
    (void)c, (void)plain;
}

screen_key screen_wait(canvas *c, int ms, wchar_t *character)
{
    (void)c, (void)ms, (void)character;
    return ON_GONE;
}

#else

#define NCURSES_WIDECHAR 1
#include <curses.h>

static SCREEN *terminal;
static attr_t looks[LOOKS], plain_looks[LOOKS];

/* Colours only where there are some and NO_COLOR does not forbid them. */
static void choose_looks(void)
{
    static const struct {
        look look;
        short color;
        attr_t attribute;
    } wanted[] = {
        {LOOK_TITLE, COLOR_CYAN, A_NORMAL},  {LOOK_GOOD, COLOR_GREEN, A_BOLD},
        {LOOK_WARN, COLOR_YELLOW, A_BOLD},   {LOOK_BAD, COLOR_RED, A_BOLD},
        {LOOK_CHART, COLOR_GREEN, A_NORMAL},
    };
    const char *no = getenv("NO_COLOR");

    looks[LOOK_DIM] = A_DIM;
    looks[LOOK_BOLD] = looks[LOOK_GOOD] = looks[LOOK_WARN] = looks[LOOK_BAD] =
        A_BOLD;
    looks[LOOK_TITLE] = A_UNDERLINE;
    looks[LOOK_BAR] = looks[LOOK_CHOSEN] = A_REVERSE;
    memcpy(plain_looks, looks, sizeof(looks));
    if ((no && *no) || !has_colors() || start_color() == ERR) {
        return;
    }
    use_default_colors();
    for (short i = 0; i < (short)(sizeof(wanted) / sizeof(*wanted)); i++) {
        init_pair((short)(i + 1), wanted[i].color, -1);
        looks[wanted[i].look] = COLOR_PAIR(i + 1) | wanted[i].attribute;
    }
}

bool screen_is_there(void)
{
    return true;
}

const char *screen_open(canvas *c)
{
    terminal = newterm(NULL, stdout, stdin);
    if (!terminal) {
        return "the terminal (TERM) is not known; --once shows one screen";
    }
    set_term(terminal);
    cbreak();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    set_escdelay(50);
    curs_set(0);
    choose_looks();
    return canvas_resize(c, COLS, LINES) ? "no memory" : NULL;
}

void screen_close(void)
{
    if (terminal) {
        endwin();
        delscreen(terminal);
        terminal = NULL;
    }
}

void screen_show(const canvas *c, bool plain)
{
    const attr_t *as = plain ? plain_looks : looks;

    erase();
    for (int y = 0; y < c->height; y++) {
        for (int x = 0; x < c->width; x++) {
            const cell *at = &c->cells[y * c->width + x];
            wchar_t text[2] = {at->character, 0};
            if (!at->character || (at->character == L' ' && !as[at->look])) {
                continue;
            }
            cchar_t shown;
            setcchar(&shown, text, as[at->look] & ~(attr_t)A_COLOR,
                     (short)PAIR_NUMBER(as[at->look]), NULL);
            mvadd_wch(y, x, &shown);
        }
    }
    refresh();
}

static screen_key named_key(wint_t key)
{
    static const struct {
        wint_t key;
        screen_key meaning;
    } known[] = {
        {KEY_UP, ON_GO_UP},      {KEY_DOWN, ON_GO_DOWN},
        {KEY_LEFT, ON_GO_LEFT},  {KEY_RIGHT, ON_GO_RIGHT},
        {KEY_PPAGE, ON_PAGE_UP}, {KEY_NPAGE, ON_PAGE_DOWN},
        {KEY_HOME, ON_FIRST},    {KEY_END, ON_LAST},
        {KEY_ENTER, ON_ACCEPT},  {KEY_BACKSPACE, ON_DELETE},
        {KEY_BTAB, ON_PREVIOUS},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
        if (known[i].key == key) {
            return known[i].meaning;
        }
    }
    return ON_NOTHING;
}

screen_key screen_wait(canvas *c, int ms, wchar_t *character)
{
    wint_t key = 0;

    timeout(ms);
    int kind = get_wch(&key);
    if (kind == ERR) {
        return ON_NOTHING;
    }
    if (kind == KEY_CODE_YES && key == KEY_RESIZE) {
        return canvas_resize(c, COLS, LINES) ? ON_GONE : ON_REDRAW;
    }
    if (kind == KEY_CODE_YES) {
        return named_key(key);
    }
    switch (key) {
    case '\r':
    case '\n':
        return ON_ACCEPT;
    case '\t':
        return ON_NEXT;
    case 27:
        return ON_BACK;
    case 8:
    case 127:
        return ON_DELETE;
    case 12: /* Ctrl-L */
        clearok(stdscr, TRUE);
        return ON_REDRAW;
    default:
        *character = (wchar_t)key;
        return ON_CHARACTER;
    }
}

#endif

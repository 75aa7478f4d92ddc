/* The terminal: shows the canvas by ncurses, takes keys. */
#ifndef PLAYCOUNT_MONITOR_SCREEN_H
#define PLAYCOUNT_MONITOR_SCREEN_H

#include "client/monitor/canvas.h"

/* Whether the command was built with ncursesw. */
bool screen_is_there(void);

/* Take the terminal over; the canvas gets its size. NULL, or what is wrong. */
const char *screen_open(canvas *c);
void screen_close(void);

/* With colours, if there are any and the user does not want it plain. */
void screen_show(const canvas *c, bool plain);

/* The next key, waiting at most this long. */
typedef enum {
    ON_NOTHING,
    ON_CHARACTER, /* *character is it */
    ON_GO_UP,
    ON_GO_DOWN,
    ON_GO_LEFT,
    ON_GO_RIGHT,
    ON_PAGE_UP,
    ON_PAGE_DOWN,
    ON_FIRST,
    ON_LAST,
    ON_ACCEPT,
    ON_BACK,   /* Escape */
    ON_DELETE, /* Backspace */
    ON_NEXT,   /* Tab */
    ON_PREVIOUS,
    ON_REDRAW, /* the canvas has the new size */
    ON_GONE    /* the terminal is not there any more */
} screen_key;

screen_key screen_wait(canvas *c, int ms, wchar_t *character);

#endif

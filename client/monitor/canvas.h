/* A screen of characters, drawn on by the views and then shown by ncurses
 * (screen.c) or printed (--once). So the views know nothing of terminals.
 *
 * Text from servers - routes, paths, songs - is made harmless where it is put:
 * control characters, those that turn the direction of writing, those without
 * width, and what is not UTF-8 become a question mark.
 */
#ifndef PLAYCOUNT_MONITOR_CANVAS_H
#define PLAYCOUNT_MONITOR_CANVAS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <wchar.h>

/* How a character looks; colours are only ever a second sign of something that the
 * text says, too. */
typedef enum {
    LOOK_PLAIN,
    LOOK_DIM,
    LOOK_BOLD,
    LOOK_TITLE, /* of a column, of a chart */
    LOOK_GOOD,
    LOOK_WARN,
    LOOK_BAD,
    LOOK_CHART,
    LOOK_BAR,    /* the first and the last line */
    LOOK_CHOSEN, /* the row that the cursor is on */
    LOOKS
} look;

typedef struct {
    wchar_t character; /* 0: the second half of a wide one */
    unsigned char look;
} cell;

typedef struct {
    int width, height;
    bool ascii; /* the terminal shows nothing else */
    cell *cells;
} canvas;

/* Not 0: no memory. Also to change its size. */
int canvas_resize(canvas *c, int width, int height);
void canvas_free(canvas *c);
void canvas_clear(canvas *c);

/* Put text at a place, cut at `width` columns (and at the edge) with a mark that it
 * was cut. The columns it took. */
int canvas_text(canvas *c, int y, int x, int width, look l, const char *text);
int canvas_print(canvas *c, int y, int x, int width, look l, const char *format,
                 ...) __attribute__((format(printf, 6, 7)));

/* The same, flush right: ends before column x + width. */
void canvas_right(canvas *c, int y, int x, int width, look l, const char *format,
                  ...) __attribute__((format(printf, 6, 7)));

/* One character, with another in its place where only ASCII is shown. */
void canvas_put(canvas *c, int y, int x, look l, wchar_t character, char ascii);

/* A whole line gets this look, from x on. */
void canvas_line(canvas *c, int y, int x, int width, look l);

/* Bars from left to right, one a column, the last one at the right edge; values
 * below 0 are gaps. `top` is the value that fills the height. */
void canvas_bars(canvas *c, int y, int x, int width, int height,
                 const double *values, int n, double top, look l);

/* A bar from left to right, of a share from 0 to 1 of the width. */
void canvas_share(canvas *c, int y, int x, int width, double share, look l);

/* As plain text, without blanks at the ends of lines. */
void canvas_dump(const canvas *c, FILE *out);

#endif

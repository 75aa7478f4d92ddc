/* A screen of characters. See canvas.h. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "client/monitor/canvas.h"

int canvas_resize(canvas *c, int width, int height)
{
    width = width < 1 ? 1 : width > 1000 ? 1000 : width;
    height = height < 1 ? 1 : height > 1000 ? 1000 : height;
    cell *cells = realloc(c->cells, (size_t)(width * height) * sizeof(*cells));
    if (!cells) {
        return -1;
    }
    c->cells = cells;
    c->width = width;
    c->height = height;
    canvas_clear(c);
    return 0;
}

void canvas_free(canvas *c)
{
    free(c->cells);
    memset(c, 0, sizeof(*c));
}

void canvas_clear(canvas *c)
{
    for (int i = 0; i < c->width * c->height; i++) {
        c->cells[i] = (cell){.character = L' '};
    }
}

void canvas_put(canvas *c, int y, int x, look l, wchar_t character, char ascii)
{
    if (y < 0 || y >= c->height || x < 0 || x >= c->width) {
        return;
    }
    c->cells[y * c->width + x] = (cell){
        .character = c->ascii && character > 0x7e ? (wchar_t)ascii : character,
        .look = (unsigned char)l};
}

/* The next character of UTF-8 text; 0xfffd for what is not UTF-8. */
static uint32_t next_character(const char **text)
{
    const unsigned char *s = (const unsigned char *)*text;
    int more = *s < 0x80   ? 0
               : *s < 0xc2 ? -1
               : *s < 0xe0 ? 1
               : *s < 0xf0 ? 2
               : *s < 0xf5 ? 3
                           : -1;
    uint32_t character = more <= 0 ? *s : *s & (0x3fU >> more);

    *text += 1;
    if (more < 0) {
        return 0xfffd;
    }
    for (int i = 1; i <= more; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            return 0xfffd;
        }
        character = character << 6 | (s[i] & 0x3f);
    }
    if ((more == 2 && character < 0x800) || (more == 3 && character < 0x10000) ||
        character > 0x10ffff || (character >= 0xd800 && character < 0xe000)) {
        return 0xfffd;
    }
    *text += more;
    return character;
}

/* Characters that do something instead of being shown. */
static bool is_harmful(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || c == 0x61c ||
           (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
           (c >= 0xfff0 && c <= 0xfffd) || (c >= 0xe0000 && c <= 0xe0fff);
}

/* The columns that a harmless one takes, 1 or 2. */
static int columns_of(uint32_t *c, bool ascii)
{
    int columns = is_harmful(*c) || (ascii && *c > 0x7e) ? 0 : wcwidth((wchar_t)*c);
    if (columns < 1) {
        *c = '?';
        columns = 1;
    }
    return columns;
}

int canvas_text(canvas *c, int y, int x, int width, look l, const char *text)
{
    int at = 0;
    int room = x + width > c->width ? c->width - x : width;

    while (*text && at < room) {
        uint32_t character = next_character(&text);
        int columns = columns_of(&character, c->ascii);
        if (at + columns > room || (at + columns == room && *text)) {
            canvas_put(c, y, x + at, l,
                       *text || columns > 1 ? L'…' : (wchar_t)character, '~');
            at++;
            break;
        }
        canvas_put(c, y, x + at, l, (wchar_t)character, '?');
        if (columns == 2) {
            canvas_put(c, y, x + at + 1, l, 0, '\0');
        }
        at += columns;
    }
    return at;
}

int canvas_print(canvas *c, int y, int x, int width, look l, const char *format,
                 ...)
{
    char text[1024];
    va_list values;

    va_start(values, format);
    vsnprintf(text, sizeof(text), format, values);
    va_end(values);
    return canvas_text(c, y, x, width, l, text);
}

void canvas_right(canvas *c, int y, int x, int width, look l, const char *format,
                  ...)
{
    char text[256];
    va_list values;

    va_start(values, format);
    vsnprintf(text, sizeof(text), format, values);
    va_end(values);
    int n = (int)strlen(text); /* figures, one column a byte */
    canvas_text(c, y, n < width ? x + width - n : x, width, l, text);
}

void canvas_line(canvas *c, int y, int x, int width, look l)
{
    for (int i = x; i < x + width && i < c->width; i++) {
        if (y >= 0 && y < c->height && i >= 0) {
            c->cells[y * c->width + i].look = (unsigned char)l;
        }
    }
}

/* Eighths of a cell, from below. */
static void put_eighths(canvas *c, int y, int x, look l, int eighths)
{
    static const wchar_t blocks[] = L" ▁▂▃▄▅▆▇█";
    static const char plain[] = " ..::||##";
    eighths = eighths < 0 ? 0 : eighths > 8 ? 8 : eighths;
    if (eighths) {
        canvas_put(c, y, x, l, blocks[eighths], plain[eighths]);
    }
}

void canvas_bars(canvas *c, int y, int x, int width, int height,
                 const double *values, int n, double top, look l)
{
    int shown = n < width ? n : width;

    for (int i = 0; i < shown; i++) {
        double value = values[n - shown + i];
        int column = x + width - shown + i;
        if (value < 0) {
            continue;
        }
        int eighths = top > 0 ? (int)(value / top * 8 * height + 0.5) : 0;
        eighths =
            value > 0 && eighths < 1 ? 1 : eighths; /* little is not nothing */
        for (int row = 0; row < height; row++) {
            put_eighths(c, y + height - 1 - row, column, l, eighths - 8 * row);
        }
    }
}

void canvas_share(canvas *c, int y, int x, int width, double share, look l)
{
    static const wchar_t blocks[] = L" ▏▎▍▌▋▊▉█";
    int eighths = (int)(share * 8 * width + 0.5);

    eighths = share > 0 && eighths < 1 ? 1 : eighths;
    for (int i = 0; i < width && eighths > 0; i++, eighths -= 8) {
        int part = eighths > 8 ? 8 : eighths;
        canvas_put(c, y, x + i, l, blocks[part], part >= 4 ? '#' : '-');
    }
}

void canvas_dump(const canvas *c, FILE *out)
{
    for (int y = 0; y < c->height; y++) {
        const cell *line = c->cells + y * c->width;
        int end = c->width;
        while (end && line[end - 1].character == L' ') {
            end--;
        }
        for (int x = 0; x < end; x++) {
            if (line[x].character) {
                fprintf(out, "%lc", (wint_t)line[x].character);
            }
        }
        fputc('\n', out);
    }
}

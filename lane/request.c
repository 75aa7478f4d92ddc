/* Requests as the lane knows them: see request.h. */

#include "lane/request.h"

#include <string.h>
#include <strings.h>

#define SONG "/song/"
#define ID_MAX 255
#define BY "?by="
#define BY_MAX 1000000000u
#define LINE_ENDS "HTTP/1."

enum { PLAIN = 1, DOT = 2, SLASH = 3 };

/* What each byte is within an id; 0 ends it. */
static const unsigned char id_bytes[256] = {
    ['0' ... '9'] = PLAIN, ['A' ... 'Z'] = PLAIN, ['a' ... 'z'] = PLAIN,
    ['-'] = PLAIN,         ['_'] = PLAIN,         ['~'] = PLAIN,
    ['.'] = DOT,           ['/'] = SLASH,
};

/* --- matching --- */

/* The bytes of the id at the beginning of these; 0 if no known id stands there. A
 * dot or slash has a plain byte before it, and a slash one after.
 */
static size_t id_length(const char *at, size_t n)
{
    int before = SLASH;
    size_t i;

    for (i = 0; i < n; i++) {
        int is = id_bytes[(unsigned char)at[i]];

        if (!is) {
            break;
        }
        if (is != PLAIN && before != PLAIN) {
            return 0;
        }
        before = is;
    }
    return i > ID_MAX || (i < n && before == SLASH) ? 0 : i;
}

/* "?by=N" at the beginning: its bytes; 0 if there is none, -1 if it is not known.
 */
static int read_by(const char *at, size_t n, uint64_t *by)
{
    size_t i = strlen(BY);
    uint64_t number = 0;

    *by = 1;
    if (!n || *at != '?') {
        return 0;
    }
    if (n <= i || memcmp(at, BY, i) || at[i] == '0') {
        return -1;
    }
    while (i < n && at[i] >= '0' && at[i] <= '9') {
        number = 10 * number + (uint64_t)(at[i++] - '0');
        if (number > BY_MAX) {
            return -1;
        }
    }
    *by = number;
    return number ? (int)i : -1;
}

/* The request line up to the tail, of which at least the first byte is there.
 * Returns the tail's place, 0 if it is another request. */
static size_t match_line(const playcount_lane_pattern *p, const char *bytes,
                         size_t n, playcount_lane_request *request)
{
    size_t at = p->head_length;
    int by;

    request->id = bytes + at;
    request->id_length = id_length(bytes + at, n - at);
    at += request->id_length;
    by = read_by(bytes + at, n - at, &request->by);
    if (!request->id_length || by < 0 || (by && !p->may_add)) {
        return 0;
    }
    return at + (size_t)by;
}

/* Is every byte one of an id or of "?by=N"? */
static int may_be_id(const char *at, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!id_bytes[(unsigned char)at[i]] && at[i] != '?' && at[i] != '=') {
            return 0;
        }
    }
    return 1;
}

static playcount_lane_match_e more_or_other(const playcount_lane_pattern *p,
                                            size_t n)
{
    return n <= p->line_max && n < PLAYCOUNT_LANE_REQUEST_MAX
               ? PLAYCOUNT_LANE_MORE
               : PLAYCOUNT_LANE_OTHER;
}

playcount_lane_match_e playcount_lane_match(const playcount_lane_pattern *p,
                                            const char *bytes, size_t n,
                                            playcount_lane_request *request)
{
    size_t head = n < p->head_length ? n : p->head_length;
    const char *blank;
    size_t at, rest, line;

    if (memcmp(bytes, p->head, head)) {
        return PLAYCOUNT_LANE_OTHER;
    }
    if (n <= p->head_length) {
        return more_or_other(p, n);
    }
    /* The id ends at the blank; until that is there, all may be well. */
    blank = memchr(bytes + head, ' ', n - head);
    if (!blank) {
        return may_be_id(bytes + head, n - head) ? more_or_other(p, n)
                                                 : PLAYCOUNT_LANE_OTHER;
    }
    at = match_line(p, bytes, (size_t)(blank - bytes) + 1, request);
    if (bytes + at != blank) {
        return PLAYCOUNT_LANE_OTHER;
    }
    line = at + strlen(" HTTP/1.1");
    rest = n - at < p->tail_length ? n - at : p->tail_length;
    if (line > p->line_max || memcmp(blank, p->tail, rest)) {
        return PLAYCOUNT_LANE_OTHER;
    }
    request->length = at + p->tail_length;
    return rest == p->tail_length ? PLAYCOUNT_LANE_KNOWN : PLAYCOUNT_LANE_MORE;
}

/* --- learning --- */

static int is_token_byte(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
           (c >= 'a' && c <= 'z') || (c && strchr("!#$%&'*+-.^_`|~", c));
}

int playcount_lane_next_header(const char *tail, size_t length, size_t *at,
                               playcount_lane_header *header)
{
    const char *line, *end, *last = tail + length;

    if (!*at) {
        line = memchr(tail, '\n', length);
        line = line ? line + 1 : last;
    }
    else {
        line = tail + *at;
    }
    end = memchr(line, '\r', (size_t)(last - line));
    if (!end || end == line) {
        return 0;
    }
    header->name = line;
    while (line < end && is_token_byte((unsigned char)*line)) {
        line++;
    }
    header->name_length = (size_t)(line - header->name);
    line += line < end; /* the colon */
    while (line < end && (*line == ' ' || *line == '\t')) {
        line++;
    }
    header->value = line;
    *at = (size_t)(end + 2 - tail);
    while (end > line && (end[-1] == ' ' || end[-1] == '\t')) {
        end--;
    }
    header->value_length = (size_t)(end - line);
    return 1;
}

/* One line of the header at `at`, of the strict form: its length with CR LF, 0 if
 * it is not such a line or not all there. */
static size_t strict_line(const char *at, size_t n)
{
    size_t i = 0;

    while (i < n && is_token_byte((unsigned char)at[i])) {
        i++;
    }
    if (!i || i == n || at[i++] != ':') {
        return 0;
    }
    while (i < n && ((unsigned char)at[i] >= ' ' || at[i] == '\t') &&
           at[i] != 127) {
        i++;
    }
    return i + 1 < n && at[i] == '\r' && at[i + 1] == '\n' ? i + 2 : 0;
}

/* Has one of the headers before `until` the same name? */
static int is_there(const char *tail, size_t until, const playcount_lane_header *h)
{
    playcount_lane_header other;
    size_t at = 0;

    while (at < until && playcount_lane_next_header(tail, until, &at, &other)) {
        if (other.name != h->name && other.name_length == h->name_length &&
            !strncasecmp(other.name, h->name, h->name_length)) {
            return 1;
        }
    }
    return 0;
}

/* The bytes of the tail that begins here, 0 if there is none. */
static size_t measure_tail(const char *tail, size_t n)
{
    size_t at = strlen(" HTTP/1.1\r\n"), from = 0;
    playcount_lane_header h;

    if (n <= at || memcmp(tail + 1, LINE_ENDS, strlen(LINE_ENDS)) ||
        (tail[8] != '0' && tail[8] != '1') || memcmp(tail + 9, "\r\n", 2)) {
        return 0;
    }
    while (at + 1 < n && memcmp(tail + at, "\r\n", 2)) {
        size_t line = strict_line(tail + at, n - at);

        if (!line) {
            return 0;
        }
        at += line;
        if (!playcount_lane_next_header(tail, at, &from, &h) ||
            is_there(tail, at - line, &h)) {
            return 0;
        }
    }
    return at + 1 < n ? at + 2 : 0;
}

size_t playcount_lane_learn(const char *bytes, size_t n, const char *root,
                            size_t root_length, playcount_lane_pattern *p)
{
    static const char *const methods[] = {"GET ", "HEAD ", "POST "};
    playcount_lane_request request;
    size_t at = 0, song = strlen(SONG);
    const char *blank;

    for (int i = 0; i < 3 && !at; i++) {
        size_t length = strlen(methods[i]);

        at = n > length && !memcmp(bytes, methods[i], length) ? length : 0;
    }
    if (!at || n < at + root_length + song ||
        memcmp(bytes + at, root, root_length) ||
        memcmp(bytes + at + root_length, SONG, song)) {
        return 0;
    }
    p->head = bytes;
    p->head_length = at + root_length + song;
    p->may_add = *bytes == 'P';
    blank = memchr(bytes + p->head_length, ' ', n - p->head_length);
    if (!blank) {
        return 0;
    }
    at = match_line(p, bytes, (size_t)(blank - bytes) + 1, &request);
    p->tail = blank;
    p->tail_length = at && bytes + at == blank
                         ? measure_tail(blank, n - (size_t)(blank - bytes))
                         : 0;
    if (!p->tail_length || at + p->tail_length > PLAYCOUNT_LANE_REQUEST_MAX) {
        return 0;
    }
    return at + p->tail_length;
}

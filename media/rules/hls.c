/* Reading playlists. See hls.h; hls_find.c finds a segment's. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memmem() */
#endif
#include <string.h>

#include "media/rules/hls.h"

/* Longer than a day is no segment. */
#define SECONDS_MAX 86400.0

typedef struct {
    const char *text, *end;
    playcount_hls_take *take;
    void *context;
    playcount_hls_e kind;
    double target,
        seconds; /* of the list; of the next segment, < 0: none was said */
    uint64_t sequence, at;  /* the next segment's number, and its place in ms */
    uint64_t begin, length; /* its EXT-X-BYTERANGE; length 0: none */
    int is_complete;        /* EXT-X-ENDLIST, or a type that does not move on */
    int is_ended;
    int is_stopped;
} reader;

/* What follows a tag's name; NULL: it is another line. */
static const char *tag(const char *line, size_t n, const char *name)
{
    size_t length = strlen(name);

    return n >= length && memcmp(line, name, length) == 0 ? line + length : NULL;
}

/* A decimal number with a fraction, from a text that is not terminated. */
static double decimal(const char *s, const char *end)
{
    double value = 0, unit = 1;
    int fraction = 0;

    for (; s < end && ((*s >= '0' && *s <= '9') || (*s == '.' && !fraction)); s++) {
        if (*s == '.') {
            fraction = 1;
            continue;
        }
        value = value * 10 + (*s - '0');
        unit *= fraction ? 10 : 1;
        if (unit > 1e9 || value > 1e15) {
            break;
        }
    }
    return value / unit;
}

/* "LENGTH" or "LENGTH@OFFSET" */
static void byte_range(reader *r, const char *s, const char *end)
{
    const char *at = memchr(s, '@', (size_t)(end - s));
    double offset = at ? decimal(at + 1, end) : (double)(r->begin + r->length);

    r->length = (uint64_t)decimal(s, end);
    r->begin = (uint64_t)offset;
}

/* The value of NAME="..." among a tag's attributes. */
static const char *attribute(const char *s, const char *end, const char *name,
                             size_t *n)
{
    size_t length = strlen(name);

    while (s < end) {
        const char *comma, *quote;

        if ((size_t)(end - s) > length + 2 && memcmp(s, name, length) == 0 &&
            s[length] == '=' && s[length + 1] == '"') {
            s += length + 2;
            quote = memchr(s, '"', (size_t)(end - s));
            *n = quote ? (size_t)(quote - s) : 0;
            return quote ? s : NULL;
        }
        /* The next attribute: behind a comma that is not within quotation marks. */
        comma = memchr(s, ',', (size_t)(end - s));
        quote = memchr(s, '"', (size_t)(end - s));
        if (quote && comma && quote < comma) {
            quote = memchr(quote + 1, '"', (size_t)(end - quote - 1));
            comma = quote ? memchr(quote, ',', (size_t)(end - quote)) : NULL;
        }
        s = comma ? comma + 1 : end;
    }
    return NULL;
}

static void give(reader *r, const playcount_hls_item *item)
{
    if (r->take && r->take(r->context, item)) {
        r->is_stopped = 1;
    }
}

static void take_tag(reader *r, const char *line, size_t n)
{
    const char *end = line + n, *value;

    if ((value = tag(line, n, "#EXTINF:"))) {
        r->seconds = decimal(value, end);
        r->kind = PLAYCOUNT_HLS_MEDIA;
    }
    else if ((value = tag(line, n, "#EXT-X-TARGETDURATION:"))) {
        r->target = decimal(value, end);
        r->kind = PLAYCOUNT_HLS_MEDIA;
    }
    else if ((value = tag(line, n, "#EXT-X-MEDIA-SEQUENCE:"))) {
        r->sequence = (uint64_t)decimal(value, end);
    }
    else if ((value = tag(line, n, "#EXT-X-BYTERANGE:"))) {
        byte_range(r, value, end);
    }
    else if (tag(line, n, "#EXT-X-STREAM-INF:")) {
        r->kind = PLAYCOUNT_HLS_MASTER;
    }
    else if ((value = tag(line, n, "#EXT-X-MEDIA:")) ||
             (value = tag(line, n, "#EXT-X-I-FRAME-STREAM-INF:"))) {
        playcount_hls_item item = {.end = UINT64_MAX};

        r->kind = PLAYCOUNT_HLS_MASTER;
        item.uri = attribute(value, end, "URI", &item.uri_n);
        if (item.uri) {
            give(r, &item);
        }
    }
}

static void take_uri(reader *r, const char *line, size_t n)
{
    playcount_hls_item item = {.uri = line, .uri_n = n, .end = UINT64_MAX};

    if (r->kind == PLAYCOUNT_HLS_MASTER) {
        give(r, &item);
        return;
    }
    if (r->seconds < 0 || r->seconds > SECONDS_MAX) {
        r->seconds = -1;
        return;
    }
    item.from =
        r->is_complete ? r->at : (uint64_t)((double)r->sequence * r->target * 1000);
    item.to = item.from + (uint64_t)(r->seconds * 1000 + 0.5);
    r->at = item.to;
    r->sequence++;
    r->seconds = -1;
    if (r->length) {
        item.begin = r->begin;
        item.end = r->begin + r->length;
    }
    give(r, &item);
    r->begin = item.end == UINT64_MAX ? 0 : item.end;
    r->length = 0;
}

/* Whether segments keep their places: known only when all of it was seen. */
static int is_complete(const char *text, size_t n)
{
    static const char *const signs[] = {"#EXT-X-ENDLIST", "#EXT-X-PLAYLIST-TYPE:"};

    for (size_t i = 0; i < sizeof(signs) / sizeof(*signs); i++) {
        if (memmem(text, n, signs[i], strlen(signs[i]))) {
            return 1;
        }
    }
    return 0;
}

playcount_hls_e playcount_hls_read(const char *text, size_t n,
                                   playcount_hls_take *take, void *context,
                                   uint64_t *total)
{
    reader r = {.take = take, .context = context, .seconds = -1};
    const char *end = text + n;

    *total = 0;
    if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
    }
    if (end - text < 7 || memcmp(text, "#EXTM3U", 7) != 0) {
        return PLAYCOUNT_HLS_NONE;
    }
    r.kind = PLAYCOUNT_HLS_MEDIA;
    r.is_complete = is_complete(text, (size_t)(end - text));
    while (text < end && !r.is_stopped) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        size_t length = (size_t)((newline ? newline : end) - text);
        const char *line = text;

        text = newline ? newline + 1 : end;
        while (length && strchr(" \t\r", line[length - 1])) {
            length--;
        }
        if (length && *line == '#') {
            r.is_ended = r.is_ended || tag(line, length, "#EXT-X-ENDLIST");
            take_tag(&r, line, length);
        }
        else if (length) {
            take_uri(&r, line, length);
        }
    }
    *total = r.is_ended && r.kind == PLAYCOUNT_HLS_MEDIA ? r.at : 0;
    return r.kind;
}

static int ends_with(const char *path, const char *const *endings, size_t n)
{
    const char *dot = strrchr(path, '.');

    for (size_t i = 0; dot && i < n; i++) {
        if (strcmp(dot, endings[i]) == 0) {
            return 1;
        }
    }
    return 0;
}

int playcount_hls_is_playlist(const char *path)
{
    static const char *const endings[] = {".m3u8", ".m3u"};

    return ends_with(path, endings, sizeof(endings) / sizeof(*endings));
}

int playcount_hls_may_be_segment(const char *path)
{
    static const char *const endings[] = {".ts",  ".m4s", ".mp4",  ".m4a", ".m4v",
                                          ".aac", ".mp3", ".cmfa", ".cmfv"};

    return ends_with(path, endings, sizeof(endings) / sizeof(*endings));
}

uint64_t playcount_hls_need(const playcount_hls_place *place, uint32_t seconds)
{
    uint64_t need = (uint64_t)seconds * 1000;

    return place->total && place->total < need ? place->total : need;
}

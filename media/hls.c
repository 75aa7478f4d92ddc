/* Segments of HLS: what is delivered counts for their presentation, in milliseconds
 * of its timeline instead of bytes (rules/hls.h). A segment adds to it when all of
 * it went out in one response.
 *
 * Which file is a segment its playlists say, on the disk; they are read when a
 * child logs the first request for a file, after its response, and what was found
 * is known as long as the file stays the same. The cells are the child's own: a
 * place costs less than sharing it.
 */

#include "media/private.h"

#include <pthread.h>
#include <stdlib.h>

#include "apr_strings.h"

#include "media/rules/hls.h"
#include "media/rules/listener.h"

#define CELLS 4096

/* A file that may be a segment. */
typedef struct {
    uint64_t number; /* of the file; 0: the cell is empty */
    int found;
    playcount_hls_place place;
} cell;

static cell cells[CELLS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of all cells */

static uint64_t number_of(const request_rec *r)
{
    static const uint8_t key[PLAYCOUNT_LISTENER_KEY];
    uint64_t words[] = {playcount_siphash(key, r->filename, strlen(r->filename)),
                        (uint64_t)r->finfo.size, (uint64_t)r->finfo.mtime};

    return playcount_siphash(key, words, sizeof(words)) | 1;
}

/* A copy of a place that outlives its cell. */
static void copy(apr_pool_t *p, const playcount_hls_place *from,
                 playcount_hls_place *to)
{
    *to = *from;
    to->segments = apr_pmemdup(p, from->segments, from->n * sizeof(*to->segments));
}

static int known(apr_pool_t *p, uint64_t number, playcount_hls_place *place,
                 int *found)
{
    cell *c = &cells[number / 2 % CELLS];
    int is;

    pthread_mutex_lock(&lock);
    is = c->number == number;
    if (is) {
        *found = c->found;
        if (c->found) {
            copy(p, &c->place, place);
        }
    }
    pthread_mutex_unlock(&lock);
    return is;
}

/* Takes the place over. */
static void keep(uint64_t number, int found, const playcount_hls_place *place)
{
    cell *c = &cells[number / 2 % CELLS], old;

    pthread_mutex_lock(&lock);
    old = *c;
    c->number = number;
    c->found = found;
    c->place = *place;
    pthread_mutex_unlock(&lock);
    if (old.found) {
        playcount_hls_forget(&old.place);
    }
}

/* Is r's file a segment? Then its place, in r's pool. */
static int find(request_rec *r, playcount_hls_place *place)
{
    uint64_t number = number_of(r);
    playcount_hls_place mine;
    int found;

    if (known(r->pool, number, place, &found)) {
        return found;
    }
    found = playcount_hls_find(r->filename, &mine);
    if (found) {
        copy(r->pool, &mine, place);
    }
    keep(number, found, &mine);
    return found;
}

/* The URL path of the presentation: that of the file without its name, `up`
 * directories above, with the playlist's name. NULL: the URL is not that deep. */
static const char *url_of(const request_rec *first,
                          const playcount_hls_place *place)
{
    char *url = apr_pstrdup(first->pool, first->uri), *slash;

    for (unsigned up = 0; up <= place->up; up++) {
        slash = strrchr(url, '/');
        if (!slash) {
            return NULL;
        }
        *slash = '\0';
    }
    return apr_pstrcat(first->pool, url, "/", place->name, NULL);
}

/* Did one of the parts have all of this? */
static int has_all(const playcount_media_parts *parts,
                   const playcount_hls_segment *segment)
{
    uint64_t end = segment->end < parts->size ? segment->end : parts->size;

    for (size_t i = 0; i < parts->n; i++) {
        if (parts->interval[i].begin <= segment->begin &&
            parts->interval[i].end >= end) {
            return 1;
        }
    }
    return 0;
}

/* The places of the segments that went out, instead of bytes. */
static void exchange(apr_pool_t *p, const playcount_hls_place *place,
                     playcount_media_parts *parts)
{
    playcount_interval *got = apr_palloc(p, (place->n + 1) * sizeof(*got));
    size_t n = 0;

    for (size_t i = 0; i < place->n; i++) {
        if (has_all(parts, &place->segments[i])) {
            got[n++] = (playcount_interval){place->segments[i].from,
                                            place->segments[i].to};
        }
    }
    parts->interval = got;
    parts->n = n;
}

int playcount_media_is_playlist(const request_rec *r)
{
    const char *type = r->content_type;

    return (r->filename && playcount_hls_is_playlist(r->filename)) ||
           (type && ap_strcasestr(type, "mpegurl"));
}

/* Nothing else is kept in such files. */
static int must_be_segment(const char *path)
{
    const char *dot = ap_strrchr_c(path, '.');

    return dot && (!strcmp(dot, ".ts") || !strcmp(dot, ".m4s") ||
                   !strcmp(dot, ".cmfa") || !strcmp(dot, ".cmfv"));
}

int playcount_media_segment(request_rec *first, request_rec *last, uint32_t seconds,
                            playcount_media_parts *parts, uint64_t *need,
                            const char **song)
{
    playcount_hls_place place;

    if (!last->filename || !playcount_hls_may_be_segment(last->filename)) {
        return 0;
    }
    if (last->finfo.filetype != APR_REG || !find(last, &place)) {
        return must_be_segment(last->filename) ? -1 : 0;
    }
    *need = playcount_hls_need(&place, seconds);
    *song = url_of(first, &place);
    exchange(last->pool, &place, parts);
    return *song && *need ? 1 : -1;
}

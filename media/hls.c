/* Segments of HLS: what is delivered counts for their presentation, in milliseconds
 * of its timeline instead of bytes (rules/hls.h). A segment adds to it when all of
 * it went out in one response.
 *
 * Which file is a segment its playlists say, on the disk; they are read when a
 * child logs the first request for a file, after its response. What was found is
 * known as long as the file stays the same; of a directory without playlists, for a
 * minute. The cells are the child's own: a few of them cost less than sharing them.
 */

#include "media/private.h"

#include <pthread.h>
#include <stdlib.h>

#include "apr_strings.h"

#include "media/rules/hls.h"
#include "media/rules/listener.h"

#define CELLS 16384
#define DIRECTORIES 1024

/* A file that may be a segment. */
typedef struct {
    uint64_t number;            /* of the file; 0: the cell is empty */
    playcount_hls_place *place; /* NULL: not a presentation ... */
    apr_time_t until; /* ... until then; 0: as long as it stays the same */
} cell;

/* A directory that had no playlist, nor the one above. */
typedef struct {
    uint64_t number;
    apr_time_t until; /* it is not known any more then */
} no_lists;

static cell cells[CELLS];
static no_lists directories[DIRECTORIES];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of all cells */

static const uint8_t key[PLAYCOUNT_LISTENER_KEY]; /* nobody's secret */

static uint64_t directory_of(const request_rec *r)
{
    const char *slash = ap_strrchr_c(r->filename, '/');

    return playcount_siphash(key, r->filename,
                             slash ? (size_t)(slash - r->filename) : 0) |
           1;
}

/* A copy of a place that outlives its cell. */
static void copy(apr_pool_t *p, const playcount_hls_place *from,
                 playcount_hls_place *to)
{
    *to = *from;
    to->segments = apr_pmemdup(p, from->segments, from->n * sizeof(*to->segments));
}

static int is_known(const request_rec *r, uint64_t number,
                    playcount_hls_place *place, int *found)
{
    const cell *c = &cells[number / 2 % CELLS];
    int known;

    *found = 0;
    pthread_mutex_lock(&lock);
    known = c->number == number && (!c->until || r->request_time < c->until);
    if (known && c->place) {
        copy(r->pool, c->place, place);
        *found = 1;
    }
    pthread_mutex_unlock(&lock);
    return known;
}

/* Takes the place over; NULL: it is no segment. */
static void keep(uint64_t number, playcount_hls_place *place, apr_time_t until)
{
    cell *c = &cells[number / 2 % CELLS];
    playcount_hls_place *old;

    pthread_mutex_lock(&lock);
    old = c->place;
    c->number = number;
    c->place = place;
    c->until = until;
    pthread_mutex_unlock(&lock);
    if (old) {
        playcount_hls_forget(old);
        free(old);
    }
}

/* Until when r's directory is known to have no playlist; 0: it is not known. */
static apr_time_t no_lists_until(const request_rec *r, uint64_t directory)
{
    const no_lists *d = &directories[directory / 2 % DIRECTORIES];
    apr_time_t until;

    pthread_mutex_lock(&lock);
    until = d->number == directory && r->request_time < d->until ? d->until : 0;
    pthread_mutex_unlock(&lock);
    return until;
}

static apr_time_t keep_directory(const request_rec *r, uint64_t directory)
{
    no_lists *d = &directories[directory / 2 % DIRECTORIES];
    apr_time_t until = r->request_time + apr_time_from_sec(60);

    pthread_mutex_lock(&lock);
    d->number = directory;
    d->until = until;
    pthread_mutex_unlock(&lock);
    return until;
}

/* Look for r's file in the playlists on the disk, and remember what is found. */
static int look(request_rec *r, uint64_t number, uint64_t directory,
                playcount_hls_place *place)
{
    playcount_hls_place *mine = calloc(1, sizeof(*mine));
    unsigned lists;

    if (!mine) {
        return 0;
    }
    if (playcount_hls_find(r->filename, mine)) {
        copy(r->pool, mine, place);
        keep(number, mine, 0);
        return 1;
    }
    lists = mine->lists;
    free(mine);
    keep(number, NULL, lists ? 0 : keep_directory(r, directory));
    return 0;
}

/* Is r's file a segment? Then its place, in r's pool. */
static int find(request_rec *r, playcount_hls_place *place)
{
    uint64_t number = playcount_media_file_number(r), directory;
    apr_time_t until;
    int found;

    if (is_known(r, number, place, &found)) {
        return found;
    }
    directory = directory_of(r);
    until = no_lists_until(r, directory);
    if (until) {
        keep(number, NULL, until);
        return 0;
    }
    return look(r, number, directory, place);
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

/* Segments of HLS: what is delivered counts for their presentation, in milliseconds
 * of its timeline instead of bytes (rules/hls.h). A segment adds to it when all of
 * it went out in one response.
 *
 * Which file is a segment its playlists say, on the disk; they are read when a
 * child logs the first request for a file, after its response. What was found is
 * known as long as the file stays the same; of a directory without playlists, for
 * one or two minutes. The cells are the child's own: a few of them cost less than
 * sharing them.
 */

#include "media/private.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "apr_strings.h"

#include "media/rules/hls.h"
#include "media/rules/listener.h"
#include "shm/hot.h"

#define CELLS 16384
#define DIRECTORIES 1024

/* A segment. */
typedef struct {
    uint64_t number;            /* of the file; 0: the cell is empty */
    playcount_hls_place *place; /* in its presentation */
} cell;

/* A directory that had no playlist, nor the one above. */
typedef struct {
    uint64_t number;
    uint32_t until; /* the minute in which it is not known any more */
} no_lists;

/* A file that is in no playlist, as most are: the upper half of its number, whether
 * it must be a segment all the same, and the minute in which it is not known any
 * more. Read without the lock. */
static _Atomic uint64_t others[CELLS];

#define LOST UINT32_C(0x80000000)
#define FOREVER UINT32_C(0x7fffffff)

static cell cells[CELLS];
static no_lists directories[DIRECTORIES];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of these two */

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

static uint32_t minute_of(const request_rec *r)
{
    return (uint32_t)(apr_time_sec(r->request_time) / 60);
}

/* 1: it is in no playlist, and *lost says whether it must be a segment. */
static int is_other(const request_rec *r, uint64_t number, int *lost)
{
    uint64_t known =
        atomic_load_explicit(&others[number / 2 % CELLS], memory_order_relaxed);

    *lost = (known & LOST) != 0;
    return known >> 32 == number >> 32 && minute_of(r) < (known & FOREVER);
}

/* Nothing else is kept in such files. */
static uint32_t must_be_segment(const char *path)
{
    const char *dot = ap_strrchr_c(path, '.');

    return dot && (!strcmp(dot, ".ts") || !strcmp(dot, ".m4s") ||
                   !strcmp(dot, ".cmfa") || !strcmp(dot, ".cmfv"))
               ? LOST
               : 0;
}

static void keep_other(const request_rec *r, uint64_t number, uint32_t until)
{
    atomic_store_explicit(&others[number / 2 % CELLS],
                          (number & ~(uint64_t)UINT32_MAX) | until |
                              must_be_segment(r->filename),
                          memory_order_relaxed);
}

static int is_known(const request_rec *r, uint64_t number,
                    playcount_hls_place *place)
{
    const cell *c = &cells[number / 2 % CELLS];
    int known;

    pthread_mutex_lock(&lock);
    known = c->number == number;
    if (known) {
        copy(r->pool, c->place, place);
    }
    pthread_mutex_unlock(&lock);
    return known;
}

/* Takes the place over. */
static void keep(uint64_t number, playcount_hls_place *place)
{
    cell *c = &cells[number / 2 % CELLS];
    playcount_hls_place *old;

    pthread_mutex_lock(&lock);
    old = c->place;
    c->number = number;
    c->place = place;
    pthread_mutex_unlock(&lock);
    if (old) {
        playcount_hls_forget(old);
        free(old);
    }
}

/* Until when r's directory is known to have no playlist; 0: it is not known. */
static uint32_t no_lists_until(const request_rec *r, uint64_t directory)
{
    const no_lists *d = &directories[directory / 2 % DIRECTORIES];
    uint32_t until;

    pthread_mutex_lock(&lock);
    until = d->number == directory && minute_of(r) < d->until ? d->until : 0;
    pthread_mutex_unlock(&lock);
    return until;
}

static uint32_t keep_directory(const request_rec *r, uint64_t directory)
{
    no_lists *d = &directories[directory / 2 % DIRECTORIES];
    uint32_t until = minute_of(r) + 2;

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
        keep(number, mine);
        return 1;
    }
    lists = mine->lists;
    free(mine);
    keep_other(r, number, lists ? FOREVER : keep_directory(r, directory));
    return 0;
}

/* Is r's file in a playlist? 1: *place is where, in r's pool; 0: it is not; -1: it
 * should be. */
static int find(request_rec *r, uint64_t number, playcount_hls_place *place)
{
    uint64_t directory;
    uint32_t until;
    int lost;

    if (is_other(r, number, &lost)) {
        return lost ? -1 : 0;
    }
    if (is_known(r, number, place)) {
        return 1;
    }
    directory = directory_of(r);
    until = playcount_hls_may_be_segment(r->filename) ? no_lists_until(r, directory)
                                                      : FOREVER;
    if (until) {
        keep_other(r, number, until);
    }
    else if (look(r, number, directory, place)) {
        return 1;
    }
    return must_be_segment(r->filename) ? -1 : 0;
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

/* .m3u8, .m3u; the last letter tells most others. */
static int is_playlist_name(const char *path)
{
    size_t n = strlen(path);

    return n && (path[n - 1] == '8' || (path[n - 1] | 0x20) == 'u') &&
           playcount_hls_is_playlist(path);
}

/* audio/mpegurl, application/x-mpegurl, application/vnd.apple.mpegurl */
static int is_playlist_type(const char *type)
{
    const char *name = type;

    while (*name && *name != '/') {
        name++;
    }
    switch (*name ? name[1] | 0x20 : 0) {
    case 'm':
        return playcount_media_begins(name, "/mpegurl");
    case 'x':
        return playcount_media_begins(name, "/x-mpegurl");
    case 'v':
        return playcount_media_begins(name, "/vnd.apple.mpegurl");
    default:
        return 0;
    }
}

int playcount_media_is_playlist(const request_rec *r)
{
    return (r->filename && is_playlist_name(r->filename)) ||
           (r->content_type && is_playlist_type(r->content_type));
}

PLAYCOUNT_HOT int playcount_media_is_no_segment(const request_rec *r)
{
    int lost = 0;

    return !r->filename ||
           (r->finfo.filetype == APR_REG &&
            is_other(r, playcount_media_number_of(&r->finfo), &lost) && !lost);
}

int playcount_media_may_be_segment(request_rec *r)
{
    playcount_hls_place place;

    if (playcount_media_is_no_segment(r)) {
        return 0;
    }
    return r->finfo.filetype == APR_REG
               ? find(r, playcount_media_number_of(&r->finfo), &place) != 0
               : must_be_segment(r->filename) != 0;
}

int playcount_media_segment(request_rec *first, request_rec *last, uint32_t seconds,
                            playcount_media_parts *parts, uint64_t *need,
                            const char **song)
{
    playcount_hls_place place;
    int found;

    if (last->finfo.filetype != APR_REG) {
        return must_be_segment(last->filename) ? -1 : 0;
    }
    found = find(last, playcount_media_number_of(&last->finfo), &place);
    if (found != 1) {
        return found;
    }
    *need = playcount_hls_need(&place, seconds);
    *song = url_of(first, &place);
    exchange(last->pool, &place, parts);
    return *song && *need ? 1 : -1;
}

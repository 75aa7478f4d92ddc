/* HTTP Live Streaming: a player fetches a playlist and then small files, the
 * segments. A segment by itself is no download; the presentation is what counts,
 * when segments that play for 60 seconds were delivered.
 *
 * How. A presentation has a timeline in milliseconds, on which each segment has its
 * place. A segment that is written whole adds its place to the listener's union
 * (union.h), as an interval of milliseconds instead of bytes; 60,000 are needed, or
 * all there are. So the same segment twice counts once, and so does the same second
 * in another quality.
 *
 *     master.m3u8       song: the presentation
 *       720p/index.m3u8
 *         720p/0.ts     0 ms .. 6006 ms
 *         720p/1.ts     6006 ms .. 12012 ms
 *       1080p/index.m3u8
 *         1080p/0.ts    0 ms .. 6006 ms
 *
 * Playlists never count. In a list that moves on with a live stream the place of a
 * segment is its number times the target duration.
 *
 * Source: RFC 8216; IAB Podcast Measurement Technical Guidelines 2.3, 5.5.2
 * (step 1.3).
 */
#ifndef PLAYCOUNT_MEDIA_RULES_HLS_H
#define PLAYCOUNT_MEDIA_RULES_HLS_H

#include <stddef.h>
#include <stdint.h>

/* --- a playlist --- */

typedef enum {
    PLAYCOUNT_HLS_NONE,  /* it does not begin with #EXTM3U */
    PLAYCOUNT_HLS_MEDIA, /* it has segments */
    PLAYCOUNT_HLS_MASTER /* it has other playlists */
} playcount_hls_e;

typedef struct {
    const char *uri; /* as it is there */
    size_t uri_n;
    uint64_t from, to;   /* its place, in ms; a playlist in a master has none */
    uint64_t begin, end; /* EXT-X-BYTERANGE; end UINT64_MAX: the whole file */
} playcount_hls_item;

/* What each segment of a list, or each playlist of a master, is given to. Not 0:
 * enough. */
typedef int playcount_hls_take(void *context, const playcount_hls_item *item);

/* Read a playlist. *total is what it plays, in ms (0: it is still growing, or a
 * master). `take` may be NULL. */
playcount_hls_e playcount_hls_read(const char *text, size_t n,
                                   playcount_hls_take *take, void *context,
                                   uint64_t *total);

/* --- a file that may be a segment --- */

typedef struct {
    uint64_t from, to; /* its place on the timeline, in ms */
    uint64_t begin,
        end; /* the bytes of the file that are it; UINT64_MAX: to the end */
} playcount_hls_segment;

/* The file in its presentation. The presentation's playlist is `up` directories
 * above the file's own and is called `name`: song and URL of it follow from the
 * file's URL. */
typedef struct {
    unsigned up;
    char name[256];
    uint64_t total; /* of the presentation, in ms; 0: not known */
    unsigned lists; /* so many playlists were there to look into */
    playcount_hls_segment *segments;
    size_t n;
} playcount_hls_place;

/* Is this path that of a playlist (.m3u8, .m3u)? Of something that may be a segment
 * (.ts, .m4s, .mp4, .m4a, .m4v, .aac, .mp3, .cmfa, .cmfv)? By the name alone. */
int playcount_hls_is_playlist(const char *path);
int playcount_hls_may_be_segment(const char *path);

/* Find the file in the playlists of its directory and of the one above, and the
 * master that has these. Reads the disk, at most PLAYCOUNT_HLS_PLAYLISTS files of 4
 * MB; what it finds is to be remembered. 1: *place is filled in, to be given back
 * with playcount_hls_forget(); 0: it is no segment. */
#define PLAYCOUNT_HLS_PLAYLISTS 64
int playcount_hls_find(const char *path, playcount_hls_place *place);
void playcount_hls_forget(playcount_hls_place *place);

/* What is needed of it, in ms: `seconds`, or the whole presentation if that is
 * shorter. */
uint64_t playcount_hls_need(const playcount_hls_place *place, uint32_t seconds);

#endif

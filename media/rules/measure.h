/* How many bytes of a media file are enough: those that are worth 60 seconds.
 *
 *     MP3    60 x (size - ID3v2) / duration, of the bytes behind the ID3v2 tag
 *     MP4    60 x (mdat) / duration, of the bytes of the mdat boxes
 *
 *     |-- ID3v2, cover --|============ frames =============|
 *     0                  begin                             end
 *                        |---- need ----|   any of these bytes, in sum
 *
 * The duration comes from the Xing, Info or VBRI header of the first frame, else
 * from that frame's bitrate; or from the mvhd box. Little of the file is read: a
 * few pieces of some kilobytes, wherever they lie (at most PLAYCOUNT_MEASURE_READS
 * of them).
 *
 * The whole file is needed, header and all, if it is shorter than 60 seconds, or
 * cannot be parsed, or the configuration says so. With a fixed bitrate the seconds
 * are bitrate x 60 / 8 bytes; of an MP3 or MP4 still without what stands before the
 * media.
 *
 * Source: IAB Podcast Measurement Technical Guidelines 2.3, 5.5.3.
 */
#ifndef PLAYCOUNT_MEDIA_RULES_MEASURE_H
#define PLAYCOUNT_MEDIA_RULES_MEASURE_H

#include <stddef.h>
#include <stdint.h>

/* Reads of one measurement at most, and the bytes of one of them at most. */
#define PLAYCOUNT_MEASURE_READS 64
#define PLAYCOUNT_MEASURE_READ 4096

/* What the configuration says. */
typedef struct {
    uint32_t seconds; /* 60 */
    uint32_t kbits;   /* PlaycountMediaBitrate KBITS; 0: as the file says */
    int whole;        /* PlaycountMediaBitrate whole */
} playcount_measure_rule;

typedef struct {
    uint64_t size;       /* of the file */
    uint64_t begin, end; /* the media in it: only these bytes count */
    uint64_t need;       /* so many of them are enough; at least 1 */
    double seconds;      /* the duration; 0: not known */
} playcount_measured;

/* Read up to n bytes at an offset: how many, fewer at the end only, -1 on an error.
 */
typedef long playcount_measure_read(void *context, uint64_t offset, void *bytes,
                                    size_t n);

/* Measure a file of this size. `read` may be NULL: it cannot be read, only its size
 * is known. Never fails; what cannot be parsed is needed whole. */
void playcount_measure(playcount_measured *out, const playcount_measure_rule *rule,
                       uint64_t size, playcount_measure_read *read, void *context);

/* A read function over a file descriptor; the context is an int *. */
playcount_measure_read playcount_measure_pread;

/* What of an interval of the file counts: the part between begin and end. Empty if
 * *from >= *to afterwards. */
static inline void playcount_measured_clip(const playcount_measured *m,
                                           uint64_t *from, uint64_t *to)
{
    *from = *from < m->begin ? m->begin : *from;
    *to = *to > m->end ? m->end : *to;
}

#endif

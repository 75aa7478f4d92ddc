/* What the parsers of measure.c share: a file that is read in pieces. */
#ifndef PLAYCOUNT_MEDIA_RULES_MEASURE_PRIVATE_H
#define PLAYCOUNT_MEDIA_RULES_MEASURE_PRIVATE_H

#include "media/rules/measure.h"

typedef struct {
    playcount_measure_read *read;
    void *context;
    uint64_t size;
    int left; /* reads that are left */
    uint64_t offset;
    size_t n; /* bytes in `bytes`, which are those from `offset` on */
    uint8_t bytes[PLAYCOUNT_MEASURE_READ];
} media_file;

/* The n bytes at an offset, n at most PLAYCOUNT_MEASURE_READ. NULL: they are not
 * there, or too much was read already. Good until the next call. */
const uint8_t *playcount_media_at(media_file *f, uint64_t offset, size_t n);

static inline uint32_t media_big32(const uint8_t *b)
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static inline uint64_t media_big64(const uint8_t *b)
{
    return (uint64_t)media_big32(b) << 32 | media_big32(b + 4);
}

/* The media of a file, and how long it plays. */
typedef struct {
    uint64_t begin, end;
    uint64_t bytes; /* of media in there; fewer than end - begin in an MP4 of many
                       parts */
    double seconds;
} media_found;

/* 0: it is not an MP3, or an MP4, that can be measured. `begin` may be filled in
 * even then: where the ID3v2 tag ends. */
int playcount_mp3_find(media_file *f, media_found *found);
int playcount_mp4_find(media_file *f, media_found *found);

#endif

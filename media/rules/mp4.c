/* Where the media of MP4, M4A and MOV lie and how long they play: boxes. See
 * measure.h.
 *
 *     ftyp | moov( mvhd( time scale, duration ) ... ) | free | mdat( the media )
 *
 * in any order. A box has its length (32 bits; 1: 64 bits follow; 0: up to the end)
 * and four letters. All mdat boxes of the file are the media. A file of fragments
 * has its duration in moov( mvex( mehd )), or nowhere.
 *
 * Source: ISO/IEC 14496-12.
 */
#include <string.h>

#include "media/rules/measure_private.h"

typedef struct {
    uint64_t at, end; /* of what is in it */
    char name[4];
} box;

/* The box at an offset, inside of what ends at `end`. */
static int box_at(media_file *f, uint64_t offset, uint64_t end, box *out)
{
    const uint8_t *b;
    uint64_t length, header = 8;

    if (offset > end || end - offset < 8 ||
        !(b = playcount_media_at(f, offset, 8))) {
        return 0;
    }
    memcpy(out->name, b + 4, 4);
    length = media_big32(b);
    if (length == 1) {
        if (end - offset < 16 || !(b = playcount_media_at(f, offset, 16))) {
            return 0;
        }
        length = media_big64(b + 8);
        header = 16;
    }
    else if (length == 0) {
        length = end - offset;
    }
    if (length < header || length > end - offset) {
        return 0;
    }
    out->at = offset + header;
    out->end = offset + length;
    return 1;
}

static int is(const box *b, const char *name)
{
    return memcmp(b->name, name, 4) == 0;
}

/* The duration in an mvhd or mehd box, in units of the time scale. */
static uint64_t read_mvhd(media_file *f, const box *b, uint32_t *scale)
{
    const uint8_t *p =
        b->end - b->at >= 20 ? playcount_media_at(f, b->at, 20) : NULL;

    if (!p) {
        return 0;
    }
    if (p[0] == 0) {
        *scale = media_big32(p + 12);
        return media_big32(p + 16) == UINT32_MAX ? 0 : media_big32(p + 16);
    }
    p = b->end - b->at >= 32 ? playcount_media_at(f, b->at, 32) : NULL;
    if (!p) {
        return 0;
    }
    *scale = media_big32(p + 20);
    return media_big64(p + 24) == UINT64_MAX ? 0 : media_big64(p + 24);
}

static uint64_t read_mehd(media_file *f, const box *mvex)
{
    uint64_t at = mvex->at;
    box b;

    for (; box_at(f, at, mvex->end, &b); at = b.end) {
        const uint8_t *p = is(&b, "mehd") && b.end - b.at >= 8
                               ? playcount_media_at(f, b.at, 8)
                               : NULL;

        if (p && p[0] == 0) {
            return media_big32(p + 4);
        }
        if (p && b.end - b.at >= 12 && (p = playcount_media_at(f, b.at, 12))) {
            return media_big64(p + 4);
        }
    }
    return 0;
}

static double read_moov(media_file *f, const box *moov)
{
    uint64_t duration = 0, at = moov->at;
    uint32_t scale = 0;
    box b;

    for (; box_at(f, at, moov->end, &b); at = b.end) {
        if (is(&b, "mvhd")) {
            duration = read_mvhd(f, &b, &scale);
            if (duration) {
                break;
            }
        }
        else if (is(&b, "mvex")) {
            duration = read_mehd(f, &b);
        }
    }
    return scale ? (double)duration / scale : 0;
}

static int may_be_mp4(const box *b)
{
    static const char *const names[] = {"ftyp", "styp", "moov", "mdat",
                                        "free", "skip", "wide", "pnot"};

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (is(b, names[i])) {
            return 1;
        }
    }
    return 0;
}

int playcount_mp4_find(media_file *f, media_found *found)
{
    uint64_t at = 0;
    media_found m = {0};
    box b;

    if (!box_at(f, 0, f->size, &b) || !may_be_mp4(&b)) {
        return 0;
    }
    for (; at < f->size && box_at(f, at, f->size, &b); at = b.end) {
        if (is(&b, "mdat")) {
            m.begin = m.bytes ? m.begin : b.at;
            m.end = b.end;
            m.bytes += b.end - b.at;
        }
        else if (is(&b, "moov") && m.seconds <= 0) {
            m.seconds = read_moov(f, &b);
        }
    }
    if (at != f->size || !m.bytes || m.seconds <= 0) {
        return 0; /* not all was found */
    }
    *found = m;
    return 1;
}

/* Where the sound of an MP3 lies and how long it plays: ID3v2 tags, then frames, in
 * the first of which Xing, Info or VBRI may stand. See measure.h.
 *
 * A frame begins with four bytes:
 *
 *     11111111 111vvllc bbbbrrpx mm......
 *       v  version: 0 MPEG 2.5, 2 MPEG 2, 3 MPEG 1      l  layer: 1 is layer III
 *       c  0: two bytes of checksum follow              b  bitrate  r  sample rate
 *       p  padded by a byte                             m  3: mono
 *
 * The first frame of a file of varying bitrate holds no sound but, behind the
 * frame's side information, "Xing" or "Info" (LAME and others), or "VBRI"
 * (Fraunhofer), with the number of frames and bytes of the file.
 *
 * Sources: ISO/IEC 11172-3 and 13818-3; the ID3v2.4.0 structure document (id3.org);
 * the LAME tag as its authors describe it.
 */
#include <string.h>

#include "media/rules/measure_private.h"

/* How far behind the tags the first frame is looked for. */
enum { SEARCH = 65536, TAGS_MAX = 8 };

typedef struct {
    unsigned version, rate, kbits, samples, length;
    int mono, checked;
} frame;

/* One of layer III; 0: it is not one. */
static int read_frame(const uint8_t *b, frame *out)
{
    static const uint16_t kbits[2][15] = {
        {0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},
        {0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320}};
    static const uint16_t rates[3] = {44100, 48000, 32000};
    unsigned version = b[1] >> 3 & 3, layer = b[1] >> 1 & 3;
    unsigned bitrate = b[2] >> 4, rate = b[2] >> 2 & 3;
    int first = version == 3;

    if (b[0] != 0xff || b[1] < 0xe0 || version == 1 || layer != 1 || !bitrate ||
        bitrate == 15 || rate == 3) {
        return 0;
    }
    out->version = version;
    out->kbits = kbits[first][bitrate];
    out->rate = (unsigned)rates[rate] >> (first ? 0 : version == 2 ? 1 : 2);
    out->samples = first ? 1152 : 576;
    out->length =
        out->samples / 8 * 1000 * out->kbits / out->rate + (b[2] >> 1 & 1);
    out->mono = b[3] >> 6 == 3;
    out->checked = !(b[1] & 1);
    return 1;
}

/* Where the ID3v2 tags end: 0 if there are none. */
static uint64_t behind_tags(media_file *f)
{
    uint64_t at = 0;

    for (int i = 0; i < TAGS_MAX; i++) {
        const uint8_t *b = playcount_media_at(f, at, 10);
        uint64_t length;

        if (!b || memcmp(b, "ID3", 3) != 0 || b[3] == 0xff || b[4] == 0xff ||
            ((b[6] | b[7] | b[8] | b[9]) & 0x80)) {
            break;
        }
        length = (uint64_t)b[6] << 21 | (uint64_t)b[7] << 14 | (uint64_t)b[8] << 7 |
                 b[9];
        length += b[5] & 0x10 ? 20 : 10; /* with its header, and maybe a footer */
        if (length > f->size - at) {
            break;
        }
        at += length;
    }
    return at;
}

/* A frame that another one of its kind follows, or the end. */
static int frame_at(media_file *f, uint64_t at, frame *out)
{
    const uint8_t *b = playcount_media_at(f, at, 4);
    frame next;

    if (!b || !read_frame(b, out) || out->length < 4) {
        return 0;
    }
    if (at + out->length + 4 > f->size) {
        return at + out->length <= f->size;
    }
    b = playcount_media_at(f, at + out->length, 4);
    return b && read_frame(b, &next) && next.version == out->version &&
           next.rate == out->rate;
}

static int first_frame(media_file *f, uint64_t from, uint64_t *at, frame *out)
{
    for (*at = from; *at < f->size && *at - from < SEARCH; ++*at) {
        const uint8_t *b = playcount_media_at(f, *at, 2);

        if (!b) {
            return 0;
        }
        if (b[0] == 0xff && b[1] >= 0xe0 && frame_at(f, *at, out)) {
            return 1;
        }
    }
    return 0;
}

/* What a Xing, Info or VBRI header says; 0 where it says nothing. */
static void read_header(media_file *f, uint64_t at, const frame *first,
                        uint32_t *frames, uint32_t *bytes)
{
    unsigned side =
        first->version == 3 ? (first->mono ? 17 : 32) : (first->mono ? 9 : 17);
    const uint8_t *b = playcount_media_at(f, at + 4 + side, 16);

    if (b && memcmp(b, "Xing", 4) != 0 && memcmp(b, "Info", 4) != 0 &&
        first->checked) {
        b = playcount_media_at(f, at + 6 + side, 16);
    }
    if (b && (memcmp(b, "Xing", 4) == 0 || memcmp(b, "Info", 4) == 0)) {
        uint32_t flags = media_big32(b + 4);

        *frames = flags & 1 ? media_big32(b + 8) : 0;
        *bytes = (flags & 3) == 3 ? media_big32(b + 12) : 0;
        return;
    }
    b = playcount_media_at(f, at + 4 + 32, 18);
    if (b && memcmp(b, "VBRI", 4) == 0) {
        *bytes = media_big32(b + 10);
        *frames = media_big32(b + 14);
    }
}

int playcount_mp3_find(media_file *f, media_found *found)
{
    uint32_t frames = 0, bytes = 0;
    uint64_t at;
    frame first;

    *found = (media_found){.begin = behind_tags(f), .end = f->size};
    found->bytes = found->end - found->begin;
    if (!first_frame(f, found->begin, &at, &first)) {
        return 0;
    }
    read_header(f, at, &first, &frames, &bytes);
    if (!frames) {
        found->seconds = (double)found->bytes / (first.kbits * 125.0);
        return 1;
    }
    found->seconds = (double)frames * first.samples / first.rate;
    if (bytes && (double)found->bytes > 1.1 * (double)bytes) {
        /* More was appended than the header knows. */
        found->seconds *= (double)found->bytes / (double)bytes;
    }
    return 1;
}

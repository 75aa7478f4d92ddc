/* How many bytes of a file are enough. See measure.h; mp3.c and mp4.c read the
 * files. */
#include <errno.h>
#include <math.h>
#include <unistd.h>

#include "media/rules/measure_private.h"

/* More bits per second than any media has, and fewer: what says so is wrong. */
#define RATE_MAX 1e9
#define RATE_MIN 1e3

const uint8_t *playcount_media_at(media_file *f, uint64_t offset, size_t n)
{
    long got;

    if (offset > f->size || n > f->size - offset || n > sizeof(f->bytes)) {
        return NULL;
    }
    if (offset >= f->offset && offset + n <= f->offset + f->n) {
        return f->bytes + (offset - f->offset);
    }
    if (f->left <= 0 || !f->read) {
        return NULL;
    }
    f->left--;
    got = f->read(f->context, offset, f->bytes, sizeof(f->bytes));
    f->offset = offset;
    f->n = got > 0 ? (size_t)got : 0;
    return f->n >= n ? f->bytes : NULL;
}

long playcount_measure_pread(void *context, uint64_t offset, void *bytes, size_t n)
{
    const int *fd = context;
    ssize_t got;

    do {
        got = pread(*fd, bytes, n, (off_t)offset);
    } while (got < 0 && errno == EINTR);
    return (long)got;
}

static void need_whole(playcount_measured *out)
{
    out->begin = 0;
    out->end = out->size;
    out->need = out->size ? out->size : 1;
}

static int plausible(const media_found *found)
{
    double rate =
        found->seconds > 0 ? 8.0 * (double)found->bytes / found->seconds : 0;

    return found->begin < found->end && rate >= RATE_MIN && rate <= RATE_MAX;
}

void playcount_measure(playcount_measured *out, const playcount_measure_rule *rule,
                       uint64_t size, playcount_measure_read *read, void *context)
{
    media_file f = {.read = read,
                    .context = context,
                    .size = size,
                    .left = PLAYCOUNT_MEASURE_READS};
    media_found found = {.begin = 0, .end = size, .bytes = size};
    int known;

    *out = (playcount_measured){.size = size};
    need_whole(out);
    if (rule->whole) {
        return;
    }
    known = (playcount_mp4_find(&f, &found) || playcount_mp3_find(&f, &found)) &&
            plausible(&found);
    if (known) {
        out->seconds = found.seconds;
    }
    if (rule->kbits) {
        double need = (double)rule->kbits * 125.0 * rule->seconds;

        if (found.begin < found.end && need <= (double)found.bytes) {
            out->begin = found.begin;
            out->end = found.end;
            out->need = need < 1 ? 1 : (uint64_t)need;
        }
        return;
    }
    if (known && found.seconds >= rule->seconds) {
        double need = ceil(rule->seconds * (double)found.bytes / found.seconds);

        out->begin = found.begin;
        out->end = found.end;
        out->need = need < 1                      ? 1
                    : need >= (double)found.bytes ? found.bytes
                                                  : (uint64_t)need;
    }
}

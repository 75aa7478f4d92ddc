/* Input files, plain and compressed. See source.h.
 *
 * A format is one unpack function: it takes bytes from `in`, makes bytes, and says
 * when a compressed stream is over; source_read() refills `in` and begins the next
 * stream when more bytes follow.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef PLAYCOUNT_ZLIB
#include <zlib.h>
#endif
#ifdef PLAYCOUNT_LZMA
#include <lzma.h>
#endif
#ifdef PLAYCOUNT_ZSTD
#include <zstd.h>
#endif

#include "client/command/source.h"

enum { IN_BYTES = 65536 };

/* What became of an unpack step. */
typedef enum { GOES_ON, STREAM_ENDED, BROKEN } unpacked;

typedef struct format format;

struct source {
    int fd;
    const char *name;
    const char *fault;
    const format *format; /* NULL: plain */
    uint64_t position;    /* of the next byte, unpacked */
    unsigned char in[IN_BYTES];
    size_t in_at, in_n;
    bool in_ended;  /* the file has no more bytes */
    bool in_stream; /* a compressed stream has begun and is not over */
    bool ready;     /* the library's state is there, to be freed */
#ifdef PLAYCOUNT_ZLIB
    z_stream zlib;
#endif
#ifdef PLAYCOUNT_LZMA
    lzma_stream lzma;
#endif
#ifdef PLAYCOUNT_ZSTD
    ZSTD_DStream *zstd;
#endif
};

struct format {
    const char *magic;
    size_t magic_n;
    const char *name, *command;
    int (*begin)(source *s); /* NULL: not built in */
    unpacked (*step)(source *s, char *out, size_t room, size_t *made);
    void (*end)(source *s);
};

#ifdef PLAYCOUNT_ZLIB
static int zlib_begin(source *s)
{
    return s->ready ? inflateReset(&s->zlib)
                    : inflateInit2(&s->zlib, 15 + 16); /* gzip only */
}

static unpacked zlib_step(source *s, char *out, size_t room, size_t *made)
{
    s->zlib.next_in = s->in + s->in_at;
    s->zlib.avail_in = (unsigned)(s->in_n - s->in_at);
    s->zlib.next_out = (unsigned char *)out;
    s->zlib.avail_out = (unsigned)room;
    int result = inflate(&s->zlib, Z_NO_FLUSH);
    s->in_at = s->in_n - s->zlib.avail_in;
    *made = room - s->zlib.avail_out;
    return result == Z_STREAM_END                    ? STREAM_ENDED
           : result == Z_OK || result == Z_BUF_ERROR ? GOES_ON
                                                     : BROKEN;
}

static void zlib_end(source *s)
{
    inflateEnd(&s->zlib);
}
#else
#define zlib_begin NULL
#define zlib_step NULL
#define zlib_end NULL
#endif

#ifdef PLAYCOUNT_LZMA
static int lzma_begin(source *s)
{
    lzma_end(&s->lzma);
    s->lzma = (lzma_stream)LZMA_STREAM_INIT;
    return lzma_stream_decoder(&s->lzma, UINT64_MAX, 0) != LZMA_OK;
}

static unpacked lzma_step(source *s, char *out, size_t room, size_t *made)
{
    s->lzma.next_in = s->in + s->in_at;
    s->lzma.avail_in = s->in_n - s->in_at;
    s->lzma.next_out = (unsigned char *)out;
    s->lzma.avail_out = room;
    lzma_ret result = lzma_code(&s->lzma, LZMA_RUN);
    s->in_at = s->in_n - s->lzma.avail_in;
    *made = room - s->lzma.avail_out;
    if (result == LZMA_STREAM_END) {
        return STREAM_ENDED;
    }
    return result == LZMA_OK || result == LZMA_BUF_ERROR ? GOES_ON : BROKEN;
}

static void lzma_finish(source *s)
{
    lzma_end(&s->lzma);
}
#else
#define lzma_begin NULL
#define lzma_step NULL
#define lzma_finish NULL
#endif

#ifdef PLAYCOUNT_ZSTD
static int zstd_begin(source *s)
{
    s->zstd = s->zstd ? s->zstd : ZSTD_createDStream();
    return !s->zstd || ZSTD_isError(ZSTD_initDStream(s->zstd));
}

static unpacked zstd_step(source *s, char *out, size_t room, size_t *made)
{
    ZSTD_inBuffer in = {s->in, s->in_n, s->in_at};
    ZSTD_outBuffer to = {out, room, 0};
    size_t left = ZSTD_decompressStream(s->zstd, &to, &in);
    s->in_at = in.pos;
    *made = to.pos;
    return ZSTD_isError(left) ? BROKEN : left == 0 ? STREAM_ENDED : GOES_ON;
}

static void zstd_end(source *s)
{
    ZSTD_freeDStream(s->zstd);
}
#else
#define zstd_begin NULL
#define zstd_step NULL
#define zstd_end NULL
#endif

static const format formats[] = {
    {"\x1f\x8b", 2, "gzip", "zcat", zlib_begin, zlib_step, zlib_end},
    {"\xfd"
     "7zXZ",
     5, "xz", "xzcat", lzma_begin, lzma_step, lzma_finish},
    {"\x28\xb5\x2f\xfd", 4, "zstd", "zstdcat", zstd_begin, zstd_step, zstd_end},
    {"BZh", 3, "bzip2", "bzcat", NULL, NULL, NULL},
    {"\x1f\x9d", 2, "compress", "zcat", NULL, NULL, NULL},
};

/* More bytes of the file into `in`, behind those that are left. Not 0: failed. */
static int refill(source *s)
{
    memmove(s->in, s->in + s->in_at, s->in_n - s->in_at);
    s->in_n -= s->in_at;
    s->in_at = 0;
    while (!s->in_ended && s->in_n < sizeof(s->in)) {
        ssize_t n = read(s->fd, s->in + s->in_n, sizeof(s->in) - s->in_n);
        if (n < 0 && errno == EINTR && !interrupted) {
            continue;
        }
        if (n < 0) {
            s->fault = interrupted ? "interrupted" : strerror(errno);
            return -1;
        }
        s->in_ended = n == 0;
        s->in_n += (size_t)n;
        if (n > 0) {
            break;
        }
    }
    return 0;
}

static int begin_stream(source *s)
{
    if (s->format->begin(s)) {
        s->fault = "no memory to unpack it";
        return -1;
    }
    s->in_stream = s->ready = true;
    return 0;
}

/* The format by the first bytes. Not 0: it cannot be read, and that was said. */
static int find_format(source *s)
{
    for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++) {
        const format *f = &formats[i];
        if (s->in_n < f->magic_n || memcmp(s->in, f->magic, f->magic_n) != 0) {
            continue;
        }
        if (!f->begin) {
            say("%s is compressed with %s, which this command was built without; "
                "unpack it, or send it through a pipe: %s %s | playcount ... -",
                s->name, f->name, f->command, s->name);
            return -1;
        }
        s->format = f;
        if (begin_stream(s)) {
            say("%s: %s", s->name, s->fault);
            return -1;
        }
    }
    return 0;
}

source *source_open(int fd, const char *name)
{
    source *s = calloc(1, sizeof(*s));

    if (!s) {
        say("no memory");
        close(fd);
        return NULL;
    }
    s->fd = fd;
    s->name = name;
    int failed = 0;
    while (!failed && s->in_n < 6 && !s->in_ended) {
        failed = refill(s);
    }
    if (failed) {
        say("%s: %s", name, s->fault);
    }
    if (failed || find_format(s)) {
        source_close(s);
        return NULL;
    }
    return s;
}

static ssize_t read_plain(source *s, char *out, size_t n)
{
    if (s->in_at == s->in_n && refill(s)) {
        return -1;
    }
    size_t there = s->in_n - s->in_at;
    n = n < there ? n : there;
    memcpy(out, s->in + s->in_at, n);
    s->in_at += n;
    return (ssize_t)n;
}

static ssize_t read_packed(source *s, char *out, size_t n)
{
    for (;;) {
        size_t made = 0;
        if (s->in_at == s->in_n && !s->in_ended && refill(s)) {
            return -1;
        }
        if (!s->in_stream) {
            if (s->in_at == s->in_n) {
                return 0;
            }
            if (begin_stream(s)) {
                return -1;
            }
        }
        unpacked result = s->format->step(s, out, n, &made);
        if (result == STREAM_ENDED) {
            s->in_stream = false;
        }
        if (made) {
            return (ssize_t)made;
        }
        if (result == BROKEN) {
            s->fault = "its compressed data is damaged";
            return -1;
        }
        if (result == GOES_ON && s->in_at == s->in_n && s->in_ended) {
            s->fault = "its compressed data ends too early";
            return -1;
        }
        if (interrupted) {
            s->fault = "interrupted";
            return -1;
        }
    }
}

ssize_t source_read(source *s, char *out, size_t n)
{
    ssize_t got = n == 0      ? 0
                  : s->format ? read_packed(s, out, n)
                              : read_plain(s, out, n);
    if (got > 0) {
        s->position += (uint64_t)got;
    }
    return got;
}

int source_skip(source *s, uint64_t position)
{
    char piece[8192];

    if (!s->format && s->position != position) {
        /* What was read ahead is read again; a pipe has no positions. */
        if (lseek(s->fd, (off_t)position, SEEK_SET) >= 0) {
            s->in_at = s->in_n = 0;
            s->in_ended = false;
            s->position = position;
            return 0;
        }
    }
    while (s->position < position) {
        uint64_t left = position - s->position;
        ssize_t n = source_read(
            s, piece, left < sizeof(piece) ? (size_t)left : sizeof(piece));
        if (n <= 0) {
            s->fault = n == 0 ? "it is shorter than before" : s->fault;
            return -1;
        }
    }
    return 0;
}

const char *source_fault(const source *s)
{
    return s->fault;
}

bool source_is_packed(const source *s)
{
    return s->format != NULL;
}

void source_close(source *s)
{
    if (!s) {
        return;
    }
    if (s->ready) {
        s->format->end(s);
    }
    if (s->fd > STDIN_FILENO) {
        close(s->fd);
    }
    free(s);
}

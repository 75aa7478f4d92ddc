/* Prometheus' protobuf format: io.prometheus.client.MetricFamily, each one with its
 * length before it. The fields' numbers are those of its metrics.proto.
 *
 * A histogram is there twice: with the limits that the text has, and as a native
 * one, of buckets that grow by the factor 2^(1/8) = 1.09 (schema 3). Ours are
 * finer: each is counted in the native bucket that its middle falls into, so what
 * lies within 0.8 % of a limit may be on the wrong side of it.
 */
#include "metrics/exposition.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "apr_strings.h"

#define SCHEMA 3
#define PER_OCTAVE (1 << SCHEMA)
/* From 1 µs as seconds (2^-20) to the highest length (2^44), and what is not used.
 */
#define NATIVE_BUCKETS ((20 + 44 + 2) * PER_OCTAVE)
/* What is below counts as zero: the threshold that Prometheus' own libraries have.
 */
#define ZERO_THRESHOLD 0x1p-128

/* How a field is written. */
enum { VARINT = 0, FIXED64 = 1, BYTES = 2 };

/* --- fields --- */

static char *room(playcount_exposition *e, size_t bytes)
{
    if (e->length + bytes > e->room) {
        e->room = 2 * (e->length + bytes) + 4096;
        e->message = ap_realloc(e->message, e->room);
    }
    return e->message + e->length;
}

static size_t write_varint(char *at, uint64_t n)
{
    size_t length = 0;

    for (; n >= 0x80; n >>= 7) {
        at[length++] = (char)(n | 0x80);
    }
    at[length++] = (char)n;
    return length;
}

static void put_varint(playcount_exposition *e, uint64_t n)
{
    e->length += write_varint(room(e, 10), n);
}

static uint64_t zigzag(int64_t n)
{
    return n < 0 ? ~((uint64_t)n << 1) : (uint64_t)n << 1;
}

static void put_number(playcount_exposition *e, unsigned field, uint64_t n)
{
    put_varint(e, field << 3 | VARINT);
    put_varint(e, n);
}

static void put_double(playcount_exposition *e, unsigned field, double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    put_varint(e, field << 3 | FIXED64);
    for (char *at = room(e, 8), *last = at + 8; at < last; at++, bits >>= 8) {
        *at = (char)bits; /* the lowest byte first */
    }
    e->length += 8;
}

static void put_text(playcount_exposition *e, unsigned field, const char *text,
                     size_t length)
{
    put_varint(e, field << 3 | BYTES);
    put_varint(e, length);
    memcpy(room(e, length), text, length);
    e->length += length;
}

/* A message within: what is put between the two is its content. Its length goes
 * before it when it is known. */
static size_t open_message(playcount_exposition *e, unsigned field)
{
    put_varint(e, field << 3 | BYTES);
    return e->length;
}

static void close_message(playcount_exposition *e, size_t from)
{
    char prefix[10];
    size_t length = e->length - from, more = write_varint(prefix, length);

    room(e, more);
    memmove(e->message + from + more, e->message + from, length);
    memcpy(e->message + from, prefix, more);
    e->length += more;
}

/* --- families --- */

static void begin(playcount_exposition *e, const playcount_family *f)
{
    static const unsigned types[] = {0, 1, 4}; /* COUNTER, GAUGE, HISTOGRAM */
    char name[128];

    e->family = f;
    e->length = 0;
    apr_snprintf(name, sizeof(name), "%s%s", f->name,
                 f->type == PLAYCOUNT_COUNTER ? "_total" : "");
    put_text(e, 1, name, strlen(name));
    put_text(e, 2, f->help, strlen(f->help));
    put_number(e, 3, types[f->type]);
}

static void put_labels(playcount_exposition *e, const playcount_pair *labels, int n)
{
    for (int i = 0; i < n; i++) {
        size_t label = open_message(e, 1);

        put_text(e, 1, labels[i].name, strlen(labels[i].name));
        put_text(e, 2, labels[i].value, labels[i].length);
        close_message(e, label);
    }
}

/* google.protobuf.Timestamp */
static void put_created(playcount_exposition *e, unsigned field)
{
    if (e->created) {
        size_t timestamp = open_message(e, field);

        put_number(e, 1, e->created / 1000000);
        put_number(e, 2, e->created % 1000000 * 1000);
        close_message(e, timestamp);
    }
}

static void sample(playcount_exposition *e, const playcount_pair *labels, int n,
                   uint64_t value, double scale)
{
    size_t metric = open_message(e, 4), number;

    put_labels(e, labels, n);
    number = open_message(e, e->family->type == PLAYCOUNT_COUNTER ? 3 : 2);
    put_double(e, 1, (double)value / scale);
    if (e->family->type == PLAYCOUNT_COUNTER) {
        put_created(e, 3);
    }
    close_message(e, number);
    close_message(e, metric);
}

/* --- histograms --- */

typedef struct {
    int number; /* it holds what is above 2^((number - 1) / 8), up to 2^(number / 8)
                 */
    uint64_t count;
} native_bucket;

/* The ones that are not empty, in their order; what is 0 is apart. */
static unsigned to_native(const playcount_shown_histogram *h, native_bucket *native,
                          uint64_t *zeros)
{
    unsigned n = 0;

    *zeros = 0;
    for (unsigned i = 0; i < h->buckets; i++) {
        double value = (double)playcount_histogram_middle(i) / h->scale;
        int number;

        if (!h->bucket[i]) {
            continue;
        }
        if (value < ZERO_THRESHOLD) {
            *zeros += h->bucket[i];
            continue;
        }
        number = (int)ceil(log2(value) * PER_OCTAVE);
        if (!n || native[n - 1].number != number) {
            native[n++] = (native_bucket){number, 0};
        }
        native[n - 1].count += h->bucket[i];
    }
    return n;
}

/* Runs of buckets without a gap: how far after the last one, and how many. */
static void put_spans(playcount_exposition *e, const native_bucket *native,
                      unsigned n)
{
    int next = 0;

    for (unsigned from = 0, to; from < n; from = to) {
        size_t span = open_message(e, 12);

        for (to = from + 1;
             to < n && native[to].number == native[to - 1].number + 1; to++) {
        }
        put_number(e, 1, zigzag(native[from].number - next));
        put_number(e, 2, to - from);
        close_message(e, span);
        next = native[to - 1].number + 1;
    }
}

/* Each count as its difference from the one before. */
static void put_counts(playcount_exposition *e, const native_bucket *native,
                       unsigned n)
{
    size_t deltas = open_message(e, 13);
    uint64_t before = 0;

    for (unsigned i = 0; i < n; i++) {
        put_varint(e, zigzag((int64_t)(native[i].count - before)));
        before = native[i].count;
    }
    close_message(e, deltas);
}

static void put_native(playcount_exposition *e, const playcount_shown_histogram *h)
{
    native_bucket native[NATIVE_BUCKETS];
    uint64_t zeros;
    unsigned n = to_native(h, native, &zeros);

    put_number(e, 5, zigzag(SCHEMA));
    put_double(e, 6, ZERO_THRESHOLD);
    put_number(e, 7, zeros);
    put_spans(e, native, n);
    put_counts(e, native, n);
}

static void histogram(playcount_exposition *e, const playcount_pair *label,
                      const playcount_shown_histogram *h)
{
    size_t metric = open_message(e, 4), value;

    put_labels(e, label, 1);
    value = open_message(e, 7);
    put_number(e, 1, playcount_histogram_count(h->bucket, h->buckets));
    put_double(e, 2, (double)h->sum / h->scale);
    for (size_t i = 0; i < h->limits; i++) {
        size_t bucket = open_message(e, 3);

        put_number(e, 1,
                   playcount_histogram_at_most(h->bucket, h->buckets, h->limit[i]));
        put_double(e, 2, (double)h->limit[i] / h->scale);
        close_message(e, bucket);
    }
    put_native(e, h);
    put_created(e, 15);
    close_message(e, value);
    close_message(e, metric);
}

static void end(playcount_exposition *e)
{
    char prefix[10];

    playcount_put_bytes(e->w, prefix, write_varint(prefix, e->length));
    playcount_put_bytes(e->w, e->message, e->length);
    e->family = NULL;
}

static void finish(playcount_exposition *e)
{
    free(e->message);
    e->message = NULL;
}

const playcount_form_of_metrics playcount_form_protobuf = {
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
    "encoding=delimited",
    begin,
    sample,
    histogram,
    end,
    finish,
};

/* The series: see series.h. */

#include "shm/figures/series.h"

#include <stdlib.h>
#include <string.h>

static size_t bytes_for(unsigned routes)
{
    size_t bytes = (size_t)routes * PLAYCOUNT_SERIES_ROUTE_BYTES;

    return bytes > PLAYCOUNT_SERIES_BYTES ? bytes : PLAYCOUNT_SERIES_BYTES;
}

size_t playcount_series_size(unsigned slots, unsigned routes)
{
    return sizeof(playcount_series) +
           slots * (sizeof(playcount_series_slot) + bytes_for(routes));
}

void playcount_series_init(playcount_series *series, unsigned slots,
                           unsigned routes)
{
    series->slots = slots;
    series->bytes = bytes_for(routes);
}

/* Where the slot of an interval is. */
static playcount_series_slot *slot_of(const playcount_series *series,
                                      uint64_t number)
{
    size_t size = sizeof(playcount_series_slot) + series->bytes;

    return (playcount_series_slot *)((char *)series->slot +
                                     (number % series->slots) * size);
}

playcount_interval *playcount_interval_new(const playcount_series *series)
{
    playcount_interval *interval = calloc(1, sizeof(*interval) + series->bytes);

    if (interval) {
        interval->room = series->bytes;
    }
    return interval;
}

/* Where records are written: past the end, only the size goes on counting. */
typedef struct {
    unsigned char *to;
    size_t size, used;
} output;

static void put(output *o, uint64_t v)
{
    do {
        unsigned char byte = (unsigned char)(v & 0x7F);

        v >>= 7;
        if (o->used < o->size) {
            o->to[o->used] = (unsigned char)(byte | (v ? 0x80 : 0));
        }
        o->used++;
    } while (v);
}

static void put_cells(output *o, const playcount_totals *t)
{
    unsigned n = 0, last = 0;

    for (unsigned i = 0; i < PLAYCOUNT_CELLS; i++) {
        n += t->requests[i] != 0;
    }
    put(o, n);
    for (unsigned i = 0; i < PLAYCOUNT_CELLS; i++) {
        if (t->requests[i]) {
            put(o, i - last);
            put(o, t->requests[i]);
            last = i;
        }
    }
}

/* The end of the coarse bucket that starts at i. */
static unsigned coarse_end(unsigned i, unsigned bits, unsigned buckets)
{
    unsigned end = i + 1;

    while (end < buckets && playcount_histogram_coarse(end, bits) == i) {
        end++;
    }
    return end;
}

/* Writes the coarse buckets that are not empty (with o); returns how many. */
static unsigned put_buckets(output *o, const uint64_t *bucket, unsigned buckets,
                            unsigned bits)
{
    unsigned n = 0, last = 0;

    for (unsigned i = 0; i < buckets;) {
        if (bits == PLAYCOUNT_HISTOGRAM_STEP_BITS && !bucket[i]) {
            i++;
            continue;
        }

        unsigned end = coarse_end(i, bits, buckets);
        uint64_t sum = 0;

        for (unsigned j = i; j < end; j++) {
            sum += bucket[j];
        }
        if (sum) {
            if (o) {
                put(o, i - last);
                put(o, sum);
            }
            last = i;
            n++;
        }
        i = end;
    }
    return n;
}

static void put_figure(output *o, const playcount_totals *t, playcount_figure_e f,
                       unsigned bits, int with_buckets)
{
    const uint64_t *bucket = t->bucket + playcount_first_bucket(f);
    unsigned buckets = playcount_bucket_count(f);

    put(o, t->sum[f]);
    put(o, t->lowest[f]);
    put(o, t->highest[f]);
    put(o, with_buckets ? put_buckets(NULL, bucket, buckets, bits) : 0);
    if (with_buckets) {
        put_buckets(o, bucket, buckets, bits);
    }
}

static void put_entry(output *o, const playcount_series_entry *e, unsigned bits,
                      int with_buckets)
{
    put(o, e->route);
    put_cells(o, e->totals);
    for (int f = 0; f < PLAYCOUNT_FIGURES; f++) {
        put_figure(o, e->totals, f, bits, with_buckets);
    }
}

/* The records of all entries at one precision; their whole size. */
static size_t put_entries(unsigned char *to, size_t room,
                          const playcount_series_entry *entry, unsigned n,
                          unsigned bits)
{
    output o = {to, room, 0};

    for (unsigned i = 0; i < n; i++) {
        put_entry(&o, &entry[i], bits, 1);
    }
    return o.used;
}

/* Without room even for the coarsest histograms: whole records as long as the rest
 * still fits without buckets, then records without. */
static size_t put_shortened(unsigned char *to, size_t room,
                            const playcount_series_entry *entry, unsigned n)
{
    output o = {to, room, 0};
    size_t bare = 0;

    for (unsigned i = 0; i < n; i++) {
        output size = {NULL, 0, 0};

        put_entry(&size, &entry[i], 0, 0);
        bare += size.used;
    }
    for (unsigned i = 0; i < n; i++) {
        output whole = {NULL, 0, 0}, size = {NULL, 0, 0};

        put_entry(&whole, &entry[i], 0, 1);
        put_entry(&size, &entry[i], 0, 0);
        bare -= size.used;

        int fits = o.used + whole.used + bare <= o.size;

        if (o.used + (fits ? whole.used : size.used) > o.size) {
            break;
        }
        put_entry(&o, &entry[i], 0, fits);
    }
    return o.used;
}

static void store(playcount_series_slot *slot, const unsigned char *from,
                  size_t used)
{
    for (size_t i = 0; i * sizeof(uint64_t) < used; i++) {
        uint64_t word;

        memcpy(&word, from + i * sizeof(word), sizeof(word));
        atomic_store_explicit(&slot->record[i], word, memory_order_relaxed);
    }
    atomic_store_explicit(&slot->used, used, memory_order_relaxed);
}

void playcount_series_append(playcount_series *series, uint64_t start,
                             uint64_t length, const playcount_series_entry *entry,
                             unsigned n)
{
    uint64_t number = atomic_load_explicit(&series->next, memory_order_relaxed);
    playcount_series_slot *slot = slot_of(series, number);
    size_t room = series->bytes, used;
    unsigned char *record = malloc(room);
    unsigned bits = PLAYCOUNT_HISTOGRAM_STEP_BITS;

    if (!record) {
        return; /* a gap; the marks have moved on */
    }
    used = put_entries(record, room, entry, n, bits);

    while (used > room && bits > 0) {
        used = put_entries(record, room, entry, n, --bits);
    }
    if (used > room) {
        used = put_shortened(record, room, entry, n);
    }

    /* The version goes odd before any word changes, and even, for this number,
     * after all have. */
    atomic_store_explicit(&slot->version, 2 * number + 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    store(slot, record, used);
    atomic_store_explicit(&slot->start, start, memory_order_relaxed);
    atomic_store_explicit(&slot->length, length, memory_order_relaxed);
    atomic_store_explicit(&slot->bits, bits, memory_order_relaxed);
    atomic_store_explicit(&slot->version, 2 * number + 2, memory_order_release);
    /* Another process may have gone on meanwhile: not back. */
    atomic_compare_exchange_strong_explicit(&series->next, &number, number + 1,
                                            memory_order_release,
                                            memory_order_relaxed);
    free(record);
}

void playcount_series_range(const playcount_series *series, uint64_t *first,
                            uint64_t *end)
{
    *end = atomic_load_explicit(&series->next, memory_order_acquire);
    *first = *end > series->slots ? *end - series->slots : 0;
}

int playcount_series_read(const playcount_series *series, uint64_t number,
                          playcount_interval *copy)
{
    const playcount_series_slot *slot = slot_of(series, number);
    uint64_t version = atomic_load_explicit(&slot->version, memory_order_acquire);

    if (version != 2 * number + 2) {
        return 0;
    }
    copy->number = number;
    copy->start = atomic_load_explicit(&slot->start, memory_order_relaxed);
    copy->length = atomic_load_explicit(&slot->length, memory_order_relaxed);
    copy->bits = (unsigned)atomic_load_explicit(&slot->bits, memory_order_relaxed);
    copy->used = (size_t)atomic_load_explicit(&slot->used, memory_order_relaxed);
    if (copy->used > copy->room) {
        return 0;
    }
    for (size_t i = 0; i * sizeof(uint64_t) < copy->used; i++) {
        uint64_t word =
            atomic_load_explicit(&slot->record[i], memory_order_relaxed);

        memcpy(copy->record + i * sizeof(word), &word, sizeof(word));
    }
    /* All words were read before this second look at the version. */
    atomic_thread_fence(memory_order_acquire);
    return atomic_load_explicit(&slot->version, memory_order_relaxed) == version;
}

/* Reading: a bad record ends the walk. */
typedef struct {
    const unsigned char *at, *end;
    int bad;
} input;

static uint64_t get(input *in)
{
    uint64_t v = 0;

    for (unsigned shift = 0; in->at < in->end && shift < 64; shift += 7) {
        unsigned char byte = *in->at++;

        v |= (uint64_t)(byte & 0x7F) << shift;
        if (!(byte & 0x80)) {
            return v;
        }
    }
    in->bad = 1;
    return 0;
}

static int get_cells(input *in, playcount_totals *sum)
{
    uint64_t n = get(in), at = 0;

    for (uint64_t i = 0; i < n && !in->bad; i++) {
        at += get(in);

        uint64_t count = get(in);

        if (in->bad || at >= PLAYCOUNT_CELLS) {
            return 0;
        }
        if (sum) {
            sum->requests[at] += count;
        }
    }
    return !in->bad;
}

static int get_figure(input *in, playcount_totals *sum, playcount_figure_e f,
                      unsigned bits, int first)
{
    unsigned buckets = playcount_bucket_count(f);
    uint64_t total = get(in), lowest = get(in), highest = get(in);
    uint64_t n = get(in), at = 0;

    if (in->bad) {
        return 0;
    }
    if (sum) {
        sum->sum[f] += total;
        sum->lowest[f] = first || lowest < sum->lowest[f] ? lowest : sum->lowest[f];
        sum->highest[f] =
            first || highest > sum->highest[f] ? highest : sum->highest[f];
    }
    for (uint64_t i = 0; i < n; i++) {
        at += get(in);

        uint64_t count = get(in);

        if (in->bad || at >= buckets) {
            return 0;
        }
        if (sum) {
            unsigned middle = playcount_histogram_coarse_middle((unsigned)at, bits);

            middle = middle < buckets ? middle : buckets - 1;
            sum->bucket[playcount_first_bucket(f) + middle] += count;
        }
    }
    return 1;
}

int playcount_interval_next(const playcount_interval *interval, size_t *at,
                            unsigned *route, playcount_totals *sum)
{
    input in = {interval->record + *at, interval->record + interval->used, 0};
    int first = sum && !playcount_totals_requests(sum);

    if (in.at >= in.end || interval->bits > PLAYCOUNT_HISTOGRAM_STEP_BITS) {
        return 0;
    }
    *route = (unsigned)get(&in);
    if (in.bad || !get_cells(&in, sum)) {
        return 0;
    }
    for (int f = 0; f < PLAYCOUNT_FIGURES; f++) {
        if (!get_figure(&in, sum, f, interval->bits, first)) {
            return 0;
        }
    }
    *at = (size_t)(in.at - interval->record);
    return 1;
}

/* What one listener has got of a file: the union of intervals, and that their order
 * does not matter. */
#include <stdlib.h>
#include <string.h>

#include "media/rules/intervals.h"
#include "media/rules/union.h"
#include "t/tap.h"

typedef struct {
    uint64_t begin, end;
} interval;

static uint64_t covered(const interval *all, size_t n)
{
    playcount_union u = {0};

    for (size_t i = 0; i < n; i++) {
        playcount_union_add(&u, all[i].begin, all[i].end);
        if (!playcount_union_valid(&u)) {
            return UINT64_MAX;
        }
    }
    return playcount_union_covered(&u);
}

static void shuffle(interval *all, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        size_t j = (size_t)rand() % i;
        interval other = all[j];

        all[j] = all[i - 1];
        all[i - 1] = other;
    }
}

static void few(void)
{
    playcount_union u = {0};

    playcount_union_add(&u, 5, 5);
    is(playcount_union_covered(&u), 0, "an empty interval is nothing");
    playcount_union_add(&u, 100, 200);
    playcount_union_add(&u, 150, 180);
    is(playcount_union_covered(&u), 100, "what is fetched twice counts once");
    playcount_union_add(&u, 200, 300);
    is(playcount_union_covered(&u), 200, "intervals that touch add up");
    ok(u.piece[0].begin == 100 && u.piece[0].end == 300 && !u.piece[1].end,
       "and are one piece");
    playcount_union_add(&u, 400, 500);
    playcount_union_add(&u, 0, 1000);
    is(playcount_union_covered(&u), 1000, "one over all of them is one piece");
    ok(!u.piece[1].end, "and nothing else");
}

static void enough(void)
{
    playcount_union u = {0};

    ok(!playcount_union_enough(&u), "an empty union is not enough");
    playcount_union_add(&u, 0, 100);
    ok(!playcount_union_enough(&u),
       "nor is one of which nobody knows what is needed");
    playcount_union_need(&u, 101);
    ok(!playcount_union_enough(&u), "a byte less than is needed is not");
    playcount_union_need(&u, 200);
    playcount_union_add(&u, 100, 101);
    ok(playcount_union_enough(&u), "the smallest need counts");
    playcount_union_need(&u, 1000);
    playcount_union_need(&u, 0);
    ok(playcount_union_enough(&u), "enough stays enough");
}

/* Intervals of a file of 64 bytes that never lie in more than eight pieces, against
 * a set of bits. */
static void eight_pieces(void)
{
    int wrong = 0;

    for (int round = 0; round < 20000; round++) {
        interval all[20];
        size_t n = 1 + (size_t)rand() % 20;
        uint64_t bits = 0;

        for (size_t i = 0; i < n; i++) {
            /* Eight places of eight bytes; the last byte of each stays out. */
            uint64_t place = (uint64_t)(rand() % 8) * 8;

            all[i].begin = place + (uint64_t)rand() % 7;
            all[i].end =
                all[i].begin + 1 + (uint64_t)rand() % (place + 7 - all[i].begin);
            /* Only what touches the middle, so that each place is one piece. */
            all[i].begin = all[i].begin > place + 3 ? place + 3 : all[i].begin;
            all[i].end = all[i].end < place + 4 ? place + 4 : all[i].end;
            for (uint64_t b = all[i].begin; b < all[i].end; b++) {
                bits |= UINT64_C(1) << b;
            }
        }
        for (int again = 0; again < 3; again++) {
            wrong += covered(all, n) != (uint64_t)__builtin_popcountll(bits);
            shuffle(all, n);
        }
    }
    is(wrong, 0, "in up to eight pieces the sum is exact, in any order");
}

/* A download manager: many ranges, none twice. */
static void any_number_of_pieces(void)
{
    int wrong = 0;

    for (int round = 0; round < 2000; round++) {
        interval all[200];
        size_t n = 1 + (size_t)rand() % 200;
        uint64_t at = 0, sum = 0;

        for (size_t i = 0; i < n; i++) {
            at += (uint64_t)(rand() % 3 ? rand() % 1000 : 0);
            all[i].begin = at;
            at += 1 + (uint64_t)rand() % 1000;
            all[i].end = at;
            sum += all[i].end - all[i].begin;
        }
        for (int again = 0; again < 3; again++) {
            shuffle(all, n);
            wrong += covered(all, n) != sum;
        }
    }
    is(wrong, 0, "when no byte comes twice the sum is exact, in any order");
}

/* Whatever comes: never less than is there, never more than was sent. */
static void anything(void)
{
    int wrong = 0;

    for (int round = 0; round < 20000; round++) {
        interval all[60];
        size_t n = 1 + (size_t)rand() % 60;
        uint64_t got, sent = 0, there = 0;
        char bytes[512] = {0};

        for (size_t i = 0; i < n; i++) {
            all[i].begin = (uint64_t)rand() % 500;
            all[i].end = all[i].begin + 1 + (uint64_t)rand() % 12;
            sent += all[i].end - all[i].begin;
            memset(bytes + all[i].begin, 1, (size_t)(all[i].end - all[i].begin));
        }
        for (size_t i = 0; i < sizeof(bytes); i++) {
            there += (uint64_t)bytes[i];
        }
        got = covered(all, n);
        wrong += got < there || got > sent;
    }
    is(wrong, 0, "never less than is there, never more than was sent");
}

static int round_trip(const char *text, const char *expected)
{
    playcount_interval all[8];
    const char *s = text;
    char out[8 * PLAYCOUNT_INTERVAL_TEXT];
    size_t n = 0;
    int more;

    while ((more = playcount_intervals_read(&s, &all[n])) > 0) {
        n++;
    }
    if (more < 0) {
        return expected == NULL;
    }
    return playcount_intervals_write(out, all, n) == strlen(out) && expected &&
           strcmp(out, expected) == 0;
}

static void text(void)
{
    static const char *const bad[] = {
        "a",        "1",
        "1-",       "-1",
        "2-1",      "1-2,",
        "1-2,,3-4", "1-2 ",
        ",1-2",     "99999999999999999999-99999999999999999999"};

    ok(round_trip("-", "-") && round_trip("", "-"), "no interval is a dash");
    ok(round_trip("0-99999,200000-299999", "0-99999,200000-299999"), "a list");
    ok(round_trip("0-0", "0-0"), "one byte");
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        ok(round_trip(bad[i], NULL), "not a list: %s", bad[i]);
    }
}

static int ranges(const char *header, uint64_t size, const char *expected)
{
    playcount_interval all[8];
    char out[8 * PLAYCOUNT_INTERVAL_TEXT];
    int n = playcount_range_read(header, size, all, 8);

    if (n < 0) {
        return expected == NULL;
    }
    playcount_intervals_write(out, all, (size_t)n);
    return expected && strcmp(out, expected) == 0;
}

static void headers(void)
{
    playcount_interval i;
    uint64_t size;

    ok(ranges("bytes=0-1", 1000, "0-1") && ranges("bytes=500-", 1000, "500-999") &&
           ranges("bytes=-2", 1000, "998-999") &&
           ranges("bytes=-2000", 1000, "0-999") &&
           ranges("bytes= 0-1 , ,5-6", 1000, "0-1,5-6") &&
           ranges("Bytes=0-5000", 1000, "0-999") &&
           ranges("bytes=2000-", 1000, "-"),
       "Range headers");
    ok(ranges("bytes=0-99,100-199,500-599", 1000, "0-199,500-599") &&
           ranges("bytes=500-599,0-99,50-149", 1000, "500-599,0-149") &&
           ranges("bytes=5-9,0-3,4-4,20-29", 1000, "5-9,0-4,20-29") &&
           ranges("bytes=0-9,20-29,10-19", 1000, "0-9,10-29") &&
           ranges("bytes=50-99,0-199,10-20", 1000, "0-199") &&
           ranges("bytes=-5,-10,0-0", 1000, "990-999,0-0"),
       "what touches the range before it is one with it");
    ok(ranges("bytes", 10, NULL) && ranges("bytes=", 10, NULL) &&
           ranges("items=0-1", 10, NULL) && ranges("bytes=2-1", 10, NULL) &&
           ranges("bytes=0-1;", 10, NULL) && ranges("bytes=a-", 10, NULL) &&
           ranges(NULL, 10, NULL),
       "what is none");
    ok(playcount_range_is_probe("bytes=0-1") &&
           playcount_range_is_probe("bytes=0-0") &&
           playcount_range_is_probe("bytes=-2") &&
           playcount_range_is_probe("bytes=0-0,-1"),
       "ranges of at most two bytes are probes");
    ok(!playcount_range_is_probe(NULL) && !playcount_range_is_probe("bytes=0-") &&
           !playcount_range_is_probe("bytes=0-2") &&
           !playcount_range_is_probe("bytes=0-1,0-100") &&
           !playcount_range_is_probe("bytes=x"),
       "others are not");
    ok(playcount_content_range_read("bytes 0-99/1000", &i, &size) && i.begin == 0 &&
           i.end == 100 && size == 1000,
       "a Content-Range");
    ok(playcount_content_range_read("bytes 5-5/*", &i, &size) && i.begin == 5 &&
           i.end == 6 && size == UINT64_MAX,
       "one without the size");
    ok(!playcount_content_range_read("bytes */1000", &i, &size) &&
           !playcount_content_range_read("bytes 0-1000/1000", &i, &size) &&
           !playcount_content_range_read("bytes", &i, &size) &&
           !playcount_content_range_read(NULL, &i, &size),
       "what is none");
}

int main(void)
{
    srand(1);
    few();
    enough();
    eight_pieces();
    any_number_of_pieces();
    anything();
    text();
    headers();
    return done_testing();
}

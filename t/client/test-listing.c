/* Listings and ids are read as they are written, however they are cut. */
#include <stdlib.h>
#include <string.h>

#include "client/listing.h"
#include "t/tap.h"

typedef struct {
    char text[4096];
    int stop_after;
} collected;

static int collect(void *context, const char *id, uint64_t count)
{
    collected *c = context;
    size_t n = strlen(c->text);
    snprintf(c->text + n, sizeof(c->text) - n, "[%s:%llu]", id,
             (unsigned long long)count);
    return c->stop_after && --c->stop_after == 0;
}

/* Read a listing in pieces of this many bytes. */
static playcount_status read_in(const char *text, size_t piece, collected *c)
{
    playcount_listing listing;
    playcount_status status = PLAYCOUNT_OK;
    size_t n = strlen(text);

    playcount_listing_init(&listing, collect, c);
    for (size_t i = 0; i < n && status == PLAYCOUNT_OK; i += piece) {
        status = playcount_listing_read(&listing, text + i,
                                        n - i < piece ? n - i : piece);
    }
    return status == PLAYCOUNT_OK ? playcount_listing_end(&listing) : status;
}

static void test_good(const char *text, const char *expected)
{
    int good = 1;
    for (size_t piece = 1; piece <= strlen(text) + 1; piece++) {
        collected c = {.stop_after = 0};
        good = good && read_in(text, piece, &c) == PLAYCOUNT_OK &&
               strcmp(c.text, expected) == 0;
    }
    ok(good, "'%.*s...' (%zu bytes) is read in pieces of any length",
       (int)strcspn(text, "\n"), text, strlen(text));
}

static void test_bad(const char *text)
{
    int good = 1;
    for (size_t piece = 1; piece <= strlen(text) + 1; piece++) {
        collected c = {.stop_after = 0};
        good = good && read_in(text, piece, &c) == PLAYCOUNT_E_ANSWER;
    }
    ok(good, "'%.40s' is no listing", text);
}

static void test_ids(void)
{
    static const char *const good[] = {
        "1", "a/b", "//", "../x", "\xc3\xa9", "a,b=c%d e", "\xf0\x9f\x8e\xb5",
        "?", "#",   "+",  "\"\\"};
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        char path[PLAYCOUNT_ID_ENCODED], text[PLAYCOUNT_ID_ENCODED];
        char back[PLAYCOUNT_ID_ENCODED];
        size_t path_n = playcount_id_to_path(good[i], path);
        size_t text_n = playcount_id_to_text(good[i], text);
        ok(!playcount_id_fault(good[i]) &&
               !strpbrk(path, " ?#%\"+") == !strchr(path, '%') &&
               !playcount_percent_decode(path, path_n, back) &&
               !strcmp(back, good[i]) && !strpbrk(text, ",= ") &&
               !playcount_percent_decode(text, text_n, back) &&
               !strcmp(back, good[i]),
           "'%s' comes back from a path and from a listing", good[i]);
    }
    static const char *const bad[] = {
        "",        "a\nb",     "\x7f",         "\xc2\x85",
        "\xff",    "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
        "\xe2\x82"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        ok(playcount_id_fault(bad[i]) != NULL, "bad id %zu: it %s", i,
           playcount_id_fault(bad[i]) ? playcount_id_fault(bad[i]) : "");
    }
    char longest[257] = {0};
    memset(longest, 'x', 255);
    ok(!playcount_id_fault(longest), "an id of 255 bytes is one");
    longest[255] = 'x';
    ok(playcount_id_fault(longest) != NULL, "one of 256 is none");
}

int main(void)
{
    test_good("", "");
    test_good("1=1", "[1:1]");
    test_good("1=1,5=2", "[1:1][5:2]");
    test_good("1=1\n5=2\n", "[1:1][5:2]");
    test_good("a%2Cb=9223372036854775807,%25=0,c/d=3",
              "[a,b:9223372036854775807][%:0][c/d:3]");
    test_bad("1=1,");
    test_bad(",1=1");
    test_bad("1=1,,2=2");
    test_bad("1=");
    test_bad("=1");
    test_bad("1");
    test_bad("1=x");
    test_bad("1=-1");
    test_bad("1=1=1");
    test_bad("1=9223372036854775808");
    test_bad("1=00000000000000000001");
    test_bad("a%=1");
    test_bad("a%2=1");
    test_bad("a%zz=1");
    test_bad("a%00=1");
    test_bad("a%0A=1");
    test_bad("a%FF=1");
    test_bad("<!doctype html><html><body>It works!</body></html>");

    char *endless = malloc(5000);
    memset(endless, 'x', 4999);
    endless[4999] = '\0';
    test_bad(endless);
    free(endless);

    collected c = {.stop_after = 2};
    ok(read_in("1=1,2=2,3=3", 4, &c) == PLAYCOUNT_E_STOPPED &&
           !strcmp(c.text, "[1:1][2:2]"),
       "reading stops where it is told to");
    test_ids();
    return done_testing();
}

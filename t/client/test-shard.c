/* Songs are spread over servers evenly; a server more moves few of them. */
#include <stdlib.h>
#include <string.h>

#include "client/playcount.h"
#include "t/tap.h"

enum { SONGS = 50000, MOST = 12 };

static playcount_client *open_n(size_t n, playcount_shard shard)
{
    static char names[MOST][60];
    const char *servers[MOST];
    playcount_options options;

    for (size_t i = 0; i < n; i++) {
        snprintf(names[i], sizeof(names[i]), "http://count%zu.example.org:8000", i);
        servers[i] = names[i];
    }
    playcount_options_init(&options);
    options.servers = servers;
    options.servers_n = n;
    options.shard = shard;
    return playcount_open(&options, NULL);
}

static void test_movement(size_t n)
{
    playcount_client *before = open_n(n, PLAYCOUNT_SHARD_KETAMA);
    playcount_client *after = open_n(n + 1, PLAYCOUNT_SHARD_KETAMA);
    size_t moved = 0, elsewhere = 0, share[MOST] = {0};

    for (int i = 0; i < SONGS; i++) {
        char id[32];
        snprintf(id, sizeof(id), "/music/%d.mp3", i);
        int old = playcount_server_of(before, id, NULL);
        int now = playcount_server_of(after, id, NULL);
        share[now]++;
        moved += old != now;
        elsewhere += old != now && now != (int)n;
    }
    double fair = (double)SONGS / (double)(n + 1);
    ok((double)moved > 0.6 * fair && (double)moved < 1.5 * fair,
       "ketama: from %zu to %zu servers %.1f%% of the songs move (1/(n+1) is "
       "%.1f%%)",
       n, n + 1, 100.0 * (double)moved / SONGS, 100.0 / (double)(n + 1));
    ok(elsewhere == 0, "ketama: and all of them to the new server");
    int even = 1;
    for (size_t i = 0; i <= n; i++) {
        even =
            even && (double)share[i] > 0.6 * fair && (double)share[i] < 1.5 * fair;
    }
    ok(even, "ketama: each of the %zu has about its share", n + 1);
    playcount_close(before);
    playcount_close(after);
}

static void test_modulo(void)
{
    static const struct {
        const char *id;
        int server;
    } cases[] = {
        {"0", 0},   {"1", 1},
        {"2", 2},   {"3", 0},
        {"007", 1}, {"-1", 2},
        {"-3", 0},  {"100000000000000000000000000000", 1}, /* 10 mod 3 is 1 */
    };
    playcount_client *client = open_n(3, PLAYCOUNT_SHARD_MODULO);
    playcount_error error;

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        ok(playcount_server_of(client, cases[i].id, NULL) == cases[i].server,
           "modulo: %s of 3 is on server %d", cases[i].id, cases[i].server);
    }
    static const char *const none[] = {"x", "-", "1x", "1.5", " 1", ""};
    for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++) {
        ok(playcount_server_of(client, none[i], &error) == -1 &&
               error.status == PLAYCOUNT_E_USAGE && *error.sentence,
           "modulo: '%s' is on none", none[i]);
    }
    playcount_close(client);
}

static void test_names(void)
{
    const char *one[] = {"http://127.0.0.1:8000"},
               *two[] = {"127.0.0.1:8000/", "x"};
    const char *same[] = {"localhost:80", "http://localhost/"};
    const char *user[] = {"https://me:secret@example.org/plays"};
    playcount_options options;
    playcount_error error;

    playcount_options_init(&options);
    options.servers = one;
    options.servers_n = 1;
    playcount_client *a = playcount_open(&options, NULL);
    options.servers = two;
    playcount_client *b = playcount_open(&options, NULL);
    ok(strcmp(playcount_server_name(a, 0), playcount_server_name(b, 0)) == 0,
       "an address is the same with and without http:// and a slash at the end");
    playcount_close(a);
    playcount_close(b);

    options.servers = user;
    a = playcount_open(&options, NULL);
    ok(strcmp(playcount_server_name(a, 0), "https://example.org/plays/") == 0,
       "a server's name has no password");
    playcount_close(a);

    options.servers = same;
    options.servers_n = 2;
    a = playcount_open(&options, &error);
    ok(!a && strstr(error.sentence, "named twice"),
       "the same server twice is refused");

    static const char *const wrong[] = {"",           "ftp://x/",    "http://",
                                        "http://x/?", "http://x/#a", "http://a b/"};
    options.servers_n = 1;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        options.servers = &wrong[i];
        a = playcount_open(&options, &error);
        ok(!a && error.status == PLAYCOUNT_E_USAGE, "'%s' is no server: %s",
           wrong[i], error.sentence);
        playcount_close(a);
    }
}

int main(void)
{
    test_movement(1);
    test_movement(4);
    test_movement(10);
    test_modulo();
    test_names();
    return done_testing();
}

/* The rules of media: who is a listener, what is a download, in which window it
 * counts. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "media/rules/listener.h"
#include "media/rules/union.h"
#include "media/rules/verdict.h"
#include "media/rules/window.h"
#include "t/tap.h"

static const uint8_t key[16] = {0, 1, 2,  3,  4,  5,  6,  7,
                                8, 9, 10, 11, 12, 13, 14, 15};

static const char phone[] =
    "AppleCoreMedia/1.0.0.22A3354 (iPhone; U; CPU OS 18_0 like Mac OS X; en_us)";

/* A file with this text, removed at the end. */
static const char *file_with(const char *text)
{
    static char names[32][40];
    static int n;
    char *name = names[n++ % 32];
    int fd;
    FILE *file;

    strcpy(name, "/tmp/playcount-rules-XXXXXX");
    fd = mkstemp(name);
    file = fd < 0 ? NULL : fdopen(fd, "w");
    if (!file || fputs(text, file) < 0 || fclose(file)) {
        printf("# no file\n");
        exit(1);
    }
    return name;
}

/* --- SipHash --- */

static void siphash(void)
{
    /* The first of the reference implementation's vectors: of the bytes 0, 1, 2 ...
     */
    static const uint64_t expected[] = {
        0x726fdb47dd0e0e31, 0x74f839c593dc67fd, 0x0d6c8009d9a94f5a,
        0x85676696d7fb7e2d, 0xcf2794e0277187b7, 0x18765564cd99a68d,
        0xcbc9466e58fee3ce, 0xab0200f58b01d137, 0x93f5f5799a932462,
        0x9e0082df0ba9e4b0, 0x7a5dbbc594ddb9f3, 0xf4b32f46226bada7,
        0x751e8fbc860ee5fb, 0x14ea5627c0843d90, 0xf723ca908e7af2ee,
        0xa129ca6149be45e5, 0x3f2acc7f57c29bdb};
    uint8_t bytes[64];
    int wrong = 0;

    for (uint8_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = i;
    }
    for (size_t n = 0; n < sizeof(expected) / sizeof(*expected); n++) {
        wrong += playcount_siphash(key, bytes, n) != expected[n];
    }
    wrong += playcount_siphash(key, bytes, 63) != 0x958a324ceb064572;
    is((uint64_t)wrong, 0, "SipHash-2-4 as the reference has it");
}

static uint64_t listener(const char *song, const char *address, const char *agent)
{
    playcount_address a;

    if (!playcount_address_read(&a, address, strlen(address))) {
        printf("# no address: %s\n", address);
        exit(1);
    }
    return playcount_listener(key, song, strlen(song), &a, agent, strlen(agent));
}

static void listeners(void)
{
    static const uint8_t other[16] = {1};
    uint64_t one = listener("/a.mp3", "192.0.2.1", "x");
    playcount_address a;

    ok(one == listener("/a.mp3", "192.0.2.1", "x"), "the same one is the same");
    ok(one != listener("/b.mp3", "192.0.2.1", "x") &&
           one != listener("/a.mp3", "192.0.2.2", "x") &&
           one != listener("/a.mp3", "192.0.2.1", "y"),
       "song, address and User-Agent tell apart");
    ok(one != listener("/a.mp3x", "192.0.2.1", "") &&
           one != listener("/a.mp", "192.0.2.1", "3x"),
       "what is moved from one to the other as well");
    ok(one == listener("/a.mp3", "::ffff:192.0.2.1", "x"),
       "a mapped IPv4 address is the IPv4 address");
    ok(one != listener("/a.mp3", "::c000:201", "x"), "an embedded one is not");
    playcount_address_read(&a, "192.0.2.1", 9);
    ok(one != playcount_listener(other, "/a.mp3", 6, &a, "x", 1),
       "another key gives another number");
    ok(listener("/a", "2001:db8:1:2::1", "x") ==
           listener("/a", "2001:db8:1:2:ffff:ffff:ffff:ffff", "x"),
       "the last 64 bits of an IPv6 address do not count");
    ok(listener("/a", "2001:db8:1:2::1", "x") !=
           listener("/a", "2001:db8:1:3::1", "x"),
       "the first 64 do");
    ok(!playcount_address_read(&a, "192.0.2", 7) &&
           !playcount_address_read(&a, "localhost", 9) &&
           !playcount_address_read(&a, "", 0) &&
           !playcount_address_read(&a, "[::1]", 5),
       "what is no address");
}

/* --- User-Agents --- */

static playcount_agent_e plain(const char *agent)
{
    return playcount_agent_judge(agent, agent ? strlen(agent) : 0);
}

static void agents_without_files(void)
{
    ok(plain(NULL) == PLAYCOUNT_AGENT_EMPTY && plain("") == PLAYCOUNT_AGENT_EMPTY &&
           plain(" \t") == PLAYCOUNT_AGENT_EMPTY,
       "an empty User-Agent is out");
    ok(plain("atc/1.0 watchOS/10.1 model/Watch6,2 hwp/t8301") ==
           PLAYCOUNT_AGENT_WATCH,
       "the watch's second download, in one form");
    ok(plain("Podcasts/(null)/(null) watchOS/6.1 model/Watch4,2") ==
           PLAYCOUNT_AGENT_WATCH,
       "and in the other");
    ok(plain(
           "AppleCoreMedia/1.0.0.17T84 (Apple Watch; U; CPU OS 6_1 like Mac OS X) "
           "(null)/(null) watchOS/6.1") == PLAYCOUNT_AGENT_LISTENER &&
           plain("AppleCoreMedia/1.0.0.17T84 (Apple Watch; U; CPU OS 6_1)") ==
               PLAYCOUNT_AGENT_LISTENER,
       "but a watch that plays is a listener");
    ok(plain("atc/1.0 iOS/12") == PLAYCOUNT_AGENT_LISTENER &&
           plain("Batc/1.0 watchOS/6") == PLAYCOUNT_AGENT_LISTENER,
       "and so is what only looks like it");
    ok(plain("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/)") ==
               PLAYCOUNT_AGENT_BOT &&
           plain("facebookexternalhit/1.1") == PLAYCOUNT_AGENT_BOT &&
           plain("mozilla/5.0 (compatible; BINGBOT/2.0)") == PLAYCOUNT_AGENT_BOT,
       "well-known bots are out");
    ok(plain(phone) == PLAYCOUNT_AGENT_LISTENER &&
           plain("Mozilla/5.0 (Linux; Android 9; CUBOT_P30) AppleWebKit/537.36") ==
               PLAYCOUNT_AGENT_LISTENER &&
           plain("curl/7.88.1") == PLAYCOUNT_AGENT_LISTENER,
       "players are not");
}

static int loads(playcount_agents *agents, const char *text, int allow, char *wrong)
{
    const char *path = file_with(text);
    int failed = playcount_agents_load(agents, path, allow, wrong, 300);

    unlink(path);
    return !failed;
}

static playcount_agent_e judge(playcount_agents *agents, const char *agent)
{
    return playcount_agents_judge(agents, agent, strlen(agent));
}

static void agents_with_files(void)
{
    playcount_agents *agents = playcount_agents_new();
    char wrong[300] = "";

    ok(judge(agents, "curl/7.88.1") == PLAYCOUNT_AGENT_LISTENER &&
           judge(agents, "curl/7.88.1") == PLAYCOUNT_AGENT_LISTENER,
       "without files a User-Agent is judged, and again");
    ok(loads(agents,
             "[{\"pattern\": \"Googlebot\\\\/\", \"url\": \"x\"},"
             " {\"pattern\": \"^[Cc]url\", \"instances\": []}]",
             0, wrong),
       "crawler-user-agents");
    ok(judge(agents, "curl/7.88.1") == PLAYCOUNT_AGENT_LISTED &&
           judge(agents, "libcurl/7") == PLAYCOUNT_AGENT_LISTENER,
       "a list forgets what was judged before it");
    ok(loads(
           agents,
           "\n{\"comments\": [\"x\"], \"entries\": [{\"name\": \"a\", \"pattern\": "
           "\"^(Foo|Bar)/\\\\d\"}]}",
           0, wrong),
       "opawg/user-agents-v2");
    ok(judge(agents, "Bar/1") == PLAYCOUNT_AGENT_LISTED &&
           judge(agents, "Bar/x") == PLAYCOUNT_AGENT_LISTENER,
       "matches");
    ok(loads(
           agents,
           "{\"entries\": [{\"name\": \"a\", \"pattern\": \"^Dalvik\"}, {\"name\": "
           "\"b\", \"pattern\": \"^Lavf/\", \"category\": \"bot\"}]}",
           0, wrong),
       "and its libraries");
    ok(judge(agents, "Dalvik/2") == PLAYCOUNT_AGENT_LISTENER &&
           judge(agents, "Lavf/59") == PLAYCOUNT_AGENT_LISTED,
       "of which only the bots are taken");
    ok(loads(agents, "# a comment\n\nHouse (of cards)\n/^Exact\\/[0-9]+$/\n", 0,
             wrong),
       "a simple list");
    ok(judge(agents, "A House (of cards)") == PLAYCOUNT_AGENT_LISTED &&
           judge(agents, "Exact/12") == PLAYCOUNT_AGENT_LISTED &&
           judge(agents, "Exact/1x") == PLAYCOUNT_AGENT_LISTENER &&
           judge(agents, "# a comment") == PLAYCOUNT_AGENT_LISTENER,
       "matches");
    ok(loads(agents, "", 0, wrong) && loads(agents, "[]", 0, wrong),
       "an empty file is a list of nothing");
    ok(loads(agents, "curl\nGooglebot\natc/1.0\n", 1, wrong), "a file that allows");
    ok(judge(agents, "curl/7.88.1") == PLAYCOUNT_AGENT_LISTENER &&
           judge(agents, "Googlebot/2.1") == PLAYCOUNT_AGENT_LISTENER &&
           judge(agents, "atc/1.0 watchOS/10") == PLAYCOUNT_AGENT_LISTENER,
       "wins over all");
    ok(judge(agents, "") == PLAYCOUNT_AGENT_EMPTY &&
           playcount_agents_judge(agents, NULL, 0) == PLAYCOUNT_AGENT_EMPTY,
       "but for the empty one");
    playcount_agents_free(agents);
}

static void wrong_agents(void)
{
    static const struct {
        const char *text, *sentence;
    } files[] = {
        {"[{\"pattern\": \"a(\"}]", "entry 1, a(: missing closing parenthesis"},
        {"[{\"name\": \"a\"}]", "entry 1: it has no \"pattern\""},
        {"[", "line 1: "},
        {"{\"a\": 1}", "neither an array of patterns nor an object"},
        {"[{\"pattern\": \"(a)\\\\1\"}]", "refers to one of its groups"},
        {"ok\n/x[/\n", "line 2: "},
    };
    playcount_agents *agents = playcount_agents_new();
    char wrong[300];

    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
        *wrong = '\0';
        ok(!loads(agents, files[i].text, 0, wrong) &&
               strstr(wrong, files[i].sentence) && strncmp(wrong, "/tmp/", 5) == 0,
           "refused: %s", wrong);
    }
    ok(playcount_agents_load(agents, "/nonexistent", 0, wrong, sizeof(wrong)) &&
           strcmp(wrong, "/nonexistent: No such file or directory") == 0,
       "a missing file is said");
    ok(playcount_agents_load(agents, "/tmp", 0, wrong, sizeof(wrong)) &&
           strstr(wrong, "not a file"),
       "a directory too");
    playcount_agents_free(agents);
}

/* --- networks --- */

static int refused(const playcount_networks *networks, const char *text)
{
    playcount_address a;

    playcount_address_read(&a, text, strlen(text));
    return playcount_networks_refuse(networks, &a);
}

static void networks(void)
{
    playcount_networks *list = playcount_networks_new();
    char wrong[300];
    const char *deny = file_with("# clouds\n192.0.2.0/24\n\n2001:db8::/32 # all\n"
                                 "198.51.100.7\n192.0.2.128/25\n10.0.0.0/8\n");
    const char *allow = file_with("10.1.0.0/16\n");

    ok(!refused(NULL, "192.0.2.1") && !refused(list, "192.0.2.1"),
       "no list refuses nobody");
    ok(!playcount_networks_load(list, deny, 0, wrong, sizeof(wrong)) &&
           !playcount_networks_load(list, allow, 1, wrong, sizeof(wrong)),
       "lists of networks");
    ok(refused(list, "192.0.2.0") && refused(list, "192.0.2.255") &&
           refused(list, "::ffff:192.0.2.1") && refused(list, "198.51.100.7") &&
           refused(list, "2001:db8:ffff::1") && refused(list, "10.2.0.1"),
       "refuse what is in them");
    ok(!refused(list, "192.0.1.255") && !refused(list, "192.0.3.0") &&
           !refused(list, "198.51.100.8") && !refused(list, "2001:db9::1") &&
           !refused(list, "::192.0.2.1"),
       "and nothing else");
    ok(!refused(list, "10.1.2.3"), "what is allowed is not refused");
    unlink(deny);
    unlink(allow);
    for (const char *const *bad =
             (const char *const[]){"192.0.2.0/33", "192.0.2.0/", "2001:db8::/129",
                                   "x", "192.0.2.0/-1", "192.0.2.0/1x", NULL};
         *bad; bad++) {
        const char *path = file_with(*bad);

        ok(playcount_networks_load(list, path, 0, wrong, sizeof(wrong)) &&
               strstr(wrong, ", line 1: '"),
           "no network: %s", *bad);
        unlink(path);
    }
    playcount_networks_free(list);
}

/* --- verdicts --- */

static void verdicts(void)
{
    static const struct {
        const char *expected, *method, *range, *purpose, *agent;
        int status, encoded, unwanted;
        const char *what;
    } cases[] = {
        {"open", "GET", NULL, NULL, phone, 200, 0, 0, "a file"},
        {"open", "GET", "bytes=100-", NULL, phone, 206, 0, 0, "a part of it"},
        {"probe", "GET", "bytes=0-1", NULL, phone, 206, 0, 0, "0-1"},
        {"probe", "GET", "bytes=0-0", NULL, phone, 206, 0, 0, "0-0"},
        {"open", "GET", "bytes=0-1", NULL, phone, 200, 0, 0,
         "0-1 that is answered with the whole file"},
        {"skipped", "HEAD", NULL, NULL, phone, 200, 0, 0, "HEAD"},
        {"skipped", "GET", NULL, NULL, phone, 304, 0, 0, "304"},
        {"skipped", "GET", NULL, NULL, phone, 404, 0, 0, "404"},
        {"skipped", "GET", "bytes=9-", NULL, phone, 416, 0, 0, "416"},
        {"skipped", "GET", NULL, NULL, phone, 200, 1, 0, "a Content-Encoding"},
        {"skipped", "GET", NULL, NULL, phone, 200, 0, 1, "playcount-skip"},
        {"prefetch", "GET", NULL, "prefetch", phone, 200, 0, 0, "Sec-Purpose"},
        {"prefetch", "GET", NULL, "Prefetch;prerender", phone, 200, 0, 0,
         "with a parameter"},
        {"prefetch", "GET", NULL, "x, prefetch", phone, 200, 0, 0, "in a list"},
        {"open", "GET", NULL, "no-prefetch", phone, 200, 0, 0, "another purpose"},
        {"bot", "GET", NULL, NULL, NULL, 200, 0, 0, "no User-Agent"},
        {"bot", "GET", NULL, NULL, "Googlebot/2.1", 200, 0, 0, "a bot"},
        {"bot", "GET", "bytes=0-1", NULL, "Googlebot/2.1", 206, 0, 0,
         "a bot that probes"},
    };
    static const playcount_lists none;

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        playcount_delivery d = {.is_get = strcmp(cases[i].method, "GET") == 0,
                                .status = cases[i].status,
                                .encoded = cases[i].encoded,
                                .unwanted = cases[i].unwanted,
                                .range = cases[i].range,
                                .purpose = cases[i].purpose,
                                .agent = cases[i].agent,
                                .agent_n =
                                    cases[i].agent ? strlen(cases[i].agent) : 0};
        const char *reason = NULL, *got = playcount_verdict_name(
                                       playcount_media_refuse(&d, &none, &reason));

        ok(strcmp(got, cases[i].expected) == 0 && reason && *reason, "%s: %s",
           cases[i].expected, cases[i].what);
    }
    ok(playcount_verdict_of("played", 6) == PLAYCOUNT_VERDICT_PLAYED &&
           playcount_verdict_of("-", 1) == PLAYCOUNT_VERDICT_NONE &&
           playcount_verdict_of("play", 4) == -1,
       "verdicts have names");
}

/* --- counting --- */

typedef struct {
    int64_t at; /* when it began; < 0: never */
    playcount_union got;
    int counted;
} state;

/* What a complete download at this moment adds to the count. */
static int play(state *s, playcount_window_e window, int64_t at)
{
    int before;

    if (s->at < 0 || !playcount_window_same(window, s->at, at)) {
        *s = (state){.at = at};
    }
    before = s->counted;
    playcount_union_add(&s->got, 0, 1000000);
    playcount_union_need(&s->got, 960000);
    s->counted = playcount_union_enough(&s->got);
    return s->counted - before;
}

static void windows(void)
{
    enum { MONDAY = 20420, HOUR = 3600 };
    static const int64_t day = INT64_C(86400);
    const int64_t monday = MONDAY * day;
    const int64_t times[] = {monday + 22 * HOUR, monday + day + 3 * HOUR,
                             monday + day + 22 * HOUR + 900,
                             monday + 2 * day + 23 * HOUR + 900};
    state calendar = {.at = -1}, rolling = {.at = -1};
    int days = 0, hours = 0;

    for (int i = 0; i < 4; i++) {
        days = days * 10 + play(&calendar, PLAYCOUNT_WINDOW_DAY, times[i]);
        hours = hours * 10 + play(&rolling, PLAYCOUNT_WINDOW_ROLLING, times[i]);
    }
    is((uint64_t)days, 1101, "22:00 Mon, 03:00 Tue, 22:15 Tue, 23:15 Wed: by day");
    is((uint64_t)hours, 1011, "and by 24 hours from the first touch");
    ok(playcount_window_day(0) == 0 && playcount_window_day(86399) == 0 &&
           playcount_window_day(86400) == 1 && playcount_window_day(-1) == -1 &&
           playcount_window_day(-86400) == -1 && playcount_window_day(-86401) == -2,
       "days begin at midnight UTC");
}

/* How many different listeners there are of these. */
static uint64_t different(const uint64_t *numbers, size_t n)
{
    uint64_t count = 0;

    for (size_t i = 0; i < n; i++) {
        size_t j = 0;

        while (numbers[j] != numbers[i]) {
            j++;
        }
        count += j == i;
    }
    return count;
}

static void counts(void)
{
    uint64_t of_network[14], of_house[10];

    for (int i = 0; i < 14; i++) {
        char address[64];

        snprintf(address, sizeof(address), "2001:db8:0:7::%x:%x", i * 77, i);
        of_network[i] = listener("/a.mp3", address, phone);
    }
    is(different(of_network, 14), 1, "fourteen addresses of one /64: one");
    for (int i = 0; i < 10; i++) {
        char agent[32];

        snprintf(agent, sizeof(agent), "Player/%d", i % 6);
        of_house[i] = listener("/a.mp3", "203.0.113.9", agent);
    }
    is(different(of_house, 10), 6,
       "ten downloads by six User-Agents of one address: six");
}

int main(void)
{
    siphash();
    listeners();
    agents_without_files();
    agents_with_files();
    wrong_agents();
    networks();
    verdicts();
    windows();
    counts();
    return done_testing();
}

/* Route names, requests in flight and slow requests in shared memory: bounded,
 * and right whatever process is killed. */

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shm/figures/inflight.h"
#include "shm/figures/label.h"
#include "shm/figures/routes.h"
#include "shm/figures/segment.h"
#include "shm/figures/slow.h"
#include "fixture.h"

enum { SLOTS = 16 };

static const uint64_t key[2] = {1, 2};

static void *shared(size_t size)
{
    return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
                0);
}

static unsigned find(playcount_routes *routes, const char *label, int *refused)
{
    char name[PLAYCOUNT_LABEL_MAX + 1];

    return playcount_routes_find(routes, name, playcount_label_clean(name, label),
                                 refused);
}

static void test_names(void)
{
    playcount_routes *routes = shared(playcount_routes_size(SLOTS));
    char name[PLAYCOUNT_LABEL_MAX + 1], label[16];
    unsigned number[SLOTS], wrong = 0, first = 0;
    int refused;

    playcount_routes_init(routes, SLOTS, key);
    for (int i = 0; i < SLOTS; i++) {
        snprintf(label, sizeof(label), "route %d", i);
        number[i] = find(routes, label, &refused);
        wrong += number[i] >= SLOTS || refused;
        for (int j = 0; j < i; j++) {
            wrong += number[i] == number[j];
        }
    }
    is(wrong, 0, "as many names as there are slots, each with its own number");
    for (int i = 0; i < SLOTS; i++) {
        snprintf(label, sizeof(label), "route %d", i);
        wrong += find(routes, label, &refused) != number[i];
        wrong +=
            !playcount_routes_name(routes, number[i], name) || strcmp(name, label);
    }
    is(wrong, 0, "each is found again, by name and by number");
    for (int i = 0; i < 100; i++) {
        snprintf(label, sizeof(label), "more %d", i);
        wrong += find(routes, label, &refused) != SLOTS;
        first += refused != 0;
    }
    is(wrong, 0, "all further ones are \"other\"");
    is(first, 1, "which is worth one warning");
    is(find(routes, "other", &refused), SLOTS, "a label \"other\" is that too");
    ok(playcount_routes_name(routes, SLOTS, name) && !strcmp(name, "other"),
       "which has its name");
    is(playcount_routes_used(routes), SLOTS, "and all slots are in use");
}

static void test_killed(void)
{
    playcount_routes *routes = shared(playcount_routes_size(SLOTS));
    char name[PLAYCOUNT_LABEL_MAX + 1];
    unsigned number;
    int refused;

    playcount_routes_init(routes, SLOTS, key);
    number = find(routes, "half", &refused);
    /* As if its process had been killed after claiming the slot. */
    atomic_store(&routes->entry[number].ready, 0);
    for (size_t i = 0; i < 8; i++) {
        atomic_store(&routes->entry[number].name[i], 0);
    }
    ok(!playcount_routes_name(routes, number, name),
       "half registered: it has no name");
    is(find(routes, "half", &refused), number,
       "the next one to use it gets the same");
    ok(playcount_routes_name(routes, number, name) && !strcmp(name, "half"),
       "and has named it");
}

/* Processes that register the same names at once, some of which are killed. */
static void test_race(void)
{
    enum { CHILDREN = 8 };
    playcount_routes *routes = shared(playcount_routes_size(64));
    pid_t pid[CHILDREN];
    char label[16], name[PLAYCOUNT_LABEL_MAX + 1];
    unsigned wrong = 0, same = 0;
    int refused;

    playcount_routes_init(routes, 64, key);
    for (int c = 0; c < CHILDREN; c++) {
        pid[c] = test_fork();
        if (pid[c] == 0) {
            for (int i = 0;; i = (i + 1) % 40) {
                snprintf(label, sizeof(label), "%d", (i * (c + 1)) % 40);
                find(routes, label, &refused);
            }
        }
    }
    for (int c = 0; c < CHILDREN; c++) {
        usleep(3000);
        kill(pid[c], SIGKILL);
        waitpid(pid[c], NULL, 0);
    }
    for (int i = 0; i < 40; i++) {
        snprintf(label, sizeof(label), "%d", i);

        unsigned number = find(routes, label, &refused);

        wrong += number >= 64 || !playcount_routes_name(routes, number, name) ||
                 strcmp(name, label);
    }
    for (unsigned i = 0; i < 64; i++) {
        same += playcount_routes_name(routes, i, name) != 0;
    }
    is(wrong, 0, "processes killed while they register leave every name in place");
    is(same, 40, "each once");
}

static void test_labels(void)
{
    char name[PLAYCOUNT_LABEL_MAX + 1], *big = malloc(1000001);
    unsigned broken = 0;

    is(playcount_label_clean(name, "GET static"), 10, "a label stays as it is");
    playcount_label_clean(name, "a\xff\xfe"
                                "b\xc3");
    ok(!strcmp(name, "a??b?"), "bytes that are no UTF-8 become question marks");
    playcount_label_clean(name, "\xc0\x80\xed\xa0\x80\xf4\x90\x80\x80");
    ok(!strcmp(name, "?????????"),
       "so do overlong forms, surrogates and too high ones");
    playcount_label_clean(name, "a\x1b[2J\n\x7f\xc2\x9b"
                                "b\xc2\xa0");
    ok(!strcmp(name, "a?[2J???b\xc2\xa0"), "so do control characters");
    memset(big, 'x', 1000000);
    big[1000000] = '\0';
    is(playcount_label_clean(name, big), PLAYCOUNT_LABEL_MAX, "a megabyte is cut");
    for (int i = 0; i < 4; i++) {
        memset(big, 'x', 100);
        for (int j = i; j < 90; j += 3) {
            memcpy(big + j, "\xe2\x82\xac", 3);
        }
        big[91] = '\0';
        size_t n = playcount_label_clean(name, big);

        for (size_t at = 0; at < n;) {
            size_t step = playcount_utf8_length(name + at);

            broken += step == 0;
            at += step ? step : 1;
        }
        broken += n > PLAYCOUNT_LABEL_MAX || strchr(name, '?') != NULL;
    }
    is(broken, 0, "never inside a character");
    free(big);
}

static void test_inflight(void)
{
    playcount_inflight *in = shared(playcount_inflight_size(2, 3));
    _Atomic int32_t *a, *b, *c;

    playcount_inflight_init(in, 2, 3);
    a = playcount_inflight_claim(in, 100);
    b = playcount_inflight_claim(in, 200);
    c = playcount_inflight_claim(in, 300);
    ok(a != b && b != c && a != c, "rows are claimed, the shared one last");
    playcount_inflight_add(a, 2, 1);
    playcount_inflight_add(a, 2, 1);
    playcount_inflight_add(b, 2, 1);
    playcount_inflight_add(c, 2, 1);
    playcount_inflight_add(a, 0, 1);
    is(playcount_inflight_count(in, 2), 4,
       "requests in flight add up over children");
    playcount_inflight_release(in, 100);
    is(playcount_inflight_count(in, 2), 2, "those of a child that ended are gone");
    is(playcount_inflight_count(in, 0), 0, "on every route");
    ok(playcount_inflight_claim(in, 400) == a, "and its row is free again");
    playcount_inflight_add(b, 2, -1);
    playcount_inflight_add(c, 2, -1);
    is(playcount_inflight_count(in, 2), 0, "others count out what they counted in");
}

static void test_slow(void)
{
    playcount_slow *slow = shared(sizeof(*slow));
    playcount_slow_request *copy = malloc(PLAYCOUNT_SLOW_ENTRIES * sizeof(*copy));
    playcount_slow_request r = {0};
    unsigned wrong = 0;

    is(playcount_slow_read(slow, copy), 0, "no slow request yet");
    for (unsigned i = 0; i < 250; i++) {
        r.when = i;
        snprintf(r.path, sizeof(r.path), "/%u", i);
        playcount_slow_add(slow, &r);
    }
    is(playcount_slow_read(slow, copy), 100, "the last hundred are kept");
    for (unsigned i = 0; i < 100; i++) {
        char path[16];

        snprintf(path, sizeof(path), "/%u", 249 - i);
        wrong += copy[i].when != 249 - i || strcmp(copy[i].path, path);
    }
    is(wrong, 0, "the latest first");
    atomic_store(&slow->entry[249 % 100].version, 2 * 249 + 1);
    is(playcount_slow_read(slow, copy), 99,
       "one that was left half written is skipped");
    for (unsigned i = 0; i < 100; i++) {
        playcount_slow_add(slow, &r);
    }
    is(playcount_slow_read(slow, copy), 100, "until its place is used again");
    free(copy);
}

static void test_size(void)
{
    playcount_segment_shape shape = {64, 32, 360, 1024, 0},
                            with = {64, 256, 360, 1024, 1};

    ok(playcount_segment_size(&shape) < 16000000,
       "64 routes and an hour at 10 s take %zu bytes",
       playcount_segment_size(&shape));
    ok(playcount_segment_size(&with) < 16000000,
       "with statsd and 256 children %zu bytes", playcount_segment_size(&with));
}

int main(void)
{
    test_labels();
    test_names();
    test_killed();
    test_race();
    test_inflight();
    test_slow();
    test_size();
    return done_testing();
}

/* Idempotency keys: a request with a key counts once, and its answer comes again;
 * the claim of a process that dies is free again; old keys give way to new ones.
 *
 * PLAYCOUNT_ROUNDS says how many hundreds of requests are made through kills. */

#include <signal.h>

#include "file.h"

#define TTL 100

static apr_pool_t *pool;

static playcount_key key_of_name(playcount_zone *z, const char *name)
{
    return playcount_key_hash(z, name, strlen(name));
}

static apr_status_t claim(playcount_zone *z, const char *name, uint64_t now,
                          playcount_claim *c)
{
    playcount_key key = key_of_name(z, name);

    return playcount_key_claim(z, &key, now, TTL, c);
}

static apr_status_t recall(playcount_zone *z, const char *name,
                           uint64_t fingerprint, uint64_t *counts, apr_size_t n)
{
    playcount_key key = key_of_name(z, name);

    return playcount_key_recall(z, &key, fingerprint, counts, n);
}

/* A whole request with a key: n plays of songs s0, s1, ...; its first answer. */
static apr_status_t request(playcount_zone *z, const char *name, uint64_t now,
                            apr_size_t n, uint64_t *counts)
{
    const char **ids = apr_palloc(pool, n * sizeof(*ids));
    playcount_claim c = {0};
    apr_status_t rv = claim(z, name, now, &c);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    for (apr_size_t i = 0; i < n; i++) {
        ids[i] = apr_psprintf(pool, "s%d", (int)i);
    }
    c.fingerprint = 1000 + n;
    return add_many(z, ids, 1, n, &c, counts);
}

static void the_way_of_a_key(void)
{
    playcount_zone *z = test_zone(pool, 100, 8);
    playcount_claim one, two;
    uint64_t counts[20], again[20];

    is(claim(z, "k", 10, &one), APR_SUCCESS, "a key can be claimed");
    is(claim(z, "k", 11, &two), APR_EBUSY, "then it is busy");
    is(recall(z, "k", 7, counts, 1), APR_NOTFOUND, "and not answered");
    playcount_key_release(z, &one);
    is(claim(z, "k", 12, &two), APR_SUCCESS, "given back it can be claimed again");
    playcount_key_release(z, &one);
    is(claim(z, "k", 12, &one), APR_EBUSY, "an old claim gives nothing back");
    one.number = two.number - 1;
    is(add_many(z, (const char *[]){"a"}, 1, 1, &one, counts), APR_EBUSY,
       "nor does it count");
    is(get(z, "a"), 0, "really");
    two.fingerprint = 7;
    is(add_many(z, (const char *[]){"a"}, 5, 1, &two, counts), APR_SUCCESS,
       "the right one does");
    is(claim(z, "k", 13, &one), APR_EEXIST, "now it is answered");
    is(recall(z, "k", 7, again, 1), APR_SUCCESS, "with its answer");
    is(again[0], 5, "the first one");
    is(recall(z, "k", 8, again, 1), APR_EMISMATCH, "not to another request");
    is(recall(z, "k", 7, again, 2), APR_EMISMATCH, "nor one of another size");
    is(add_many(z, (const char *[]){"a"}, 5, 1, &two, NULL), APR_EBUSY,
       "its claim counts no second time");
    is(claim(z, "k", 13 + TTL, &one), APR_SUCCESS, "after its time it is free");
    is(request(z, "big", 20, 20, counts), APR_SUCCESS, "a batch with a key");
    is(recall(z, "big", 1020, again, 20), APR_SUCCESS, "is answered");
    ok(!memcmp(counts, again, sizeof(counts)), "with all its counts");
    is(claim(test_zone(pool, 1, 0), "k", 1, &one), APR_ENOTIMPL,
       "a zone without keys says so");
}

static void eviction(void)
{
    playcount_zone *z = test_zone(pool, 70000, 8);
    uint64_t *counts = apr_palloc(pool, 65536 * sizeof(*counts));
    playcount_claim claimed, c;
    int good = 1;

    for (int i = 0; i < 1000; i++) {
        good &=
            request(z, apr_psprintf(pool, "k%d", i), 5, 3, counts) == APR_SUCCESS;
        for (int old = i - 7 > 0 ? i - 7 : 0; old <= i; old++) {
            good &= recall(z, apr_psprintf(pool, "k%d", old), 1003, counts, 3) ==
                        APR_SUCCESS &&
                    counts[1] == (uint64_t)old + 1;
        }
        good &= i < 8 || recall(z, apr_psprintf(pool, "k%d", i - 8), 1003, counts,
                                3) == APR_NOTFOUND;
    }
    ok(good, "the last keys are known, the one before them is not");

    claim(z, "slow", 5, &claimed);
    for (int i = 0; i < 8; i++) {
        request(z, apr_psprintf(pool, "fast%d", i), 5, 1, counts);
    }
    is(add_many(z, (const char *[]){"x"}, 1, 1, &claimed, counts), APR_EBUSY,
       "a claim that was pushed out counts nothing");
    is(get(z, "x"), 0, "really");
    is(request(z, "small", 5, 2, counts), APR_SUCCESS, "a small batch");
    is(request(z, "huge", 5, 65536, counts), APR_SUCCESS, "the largest batch");
    is(recall(z, "huge", 1000 + 65536, counts, 65536), APR_SUCCESS, "is answered");
    is(counts[65535], 1, "to its end");
    is(request(z, "huge2", 5, 65536, counts), APR_SUCCESS, "another one");
    is(recall(z, "small", 1002, counts, 2), APR_INCOMPLETE,
       "answers that had to go are known to have been");
    is(claim(z, "small", 5, &c), APR_EEXIST,
       "so their requests do not count again");
}

static void dead_owners(void)
{
    playcount_zone *z = test_zone(pool, 10, 4);
    playcount_claim c;
    pid_t child = test_fork();

    if (child == 0) {
        while (claim(z, "k", 10, &c) != APR_SUCCESS) {
        }
        pause();
    }
    while (claim(z, "k", 10, &c) == APR_SUCCESS) {
        playcount_key_release(z, &c);
        usleep(1000);
    }
    is(claim(z, "k", 11, &c), APR_EBUSY, "the key of a living process is busy");
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    is(claim(z, "k", 11, &c), APR_SUCCESS, "a dead one's is free");
}

/* Requests repeated until they are answered, through kills: each counts once. */
static void retries(int requests)
{
    playcount_zone *z = test_zone(pool, 50, (uint64_t)requests + 1000);
    _Atomic int *next =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int kills = 0, good = 1;

    while (*next < requests) {
        int before = *next;
        pid_t child = test_fork();

        if (child == 0) {
            apr_pool_create(&pool, NULL);
            for (;; apr_pool_clear(pool)) {
                const char *name = apr_psprintf(pool, "r%d", *next);
                apr_size_t n = 1 + (apr_size_t)*next % 12;
                uint64_t counts[12];
                apr_status_t rv = request(z, name, 1, n, counts);

                if (rv == APR_EEXIST) {
                    rv = recall(z, name, 1000 + n, counts, n);
                }
                if (rv == APR_SUCCESS) {
                    ++*next;
                }
            }
        }
        usleep((useconds_t)(rand() % 1500));
        while (kills % 2 && *next == before) { /* however busy the machine is */
            usleep(100);
        }
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        kills++;
    }
    playcount_zone_repair(z);
    for (int i = 0; i < 12; i++) {
        uint64_t expected = 0;

        for (int r = 0; r < *next; r++) {
            expected += 1 + r % 12 > i;
        }
        /* The one after the last may have counted. */
        good &= get(z, apr_psprintf(pool, "s%d", i)) - expected <= 1;
    }
    printf("# %d kills\n", kills);
    ok(good, "requests that are repeated until they are answered count once");
}

static void files(void)
{
    const char *path = apr_pstrdup(pool, test_path("keys"));
    opened o = open_zone(path, 100, 50);
    uint64_t counts[20];
    playcount_claim c;
    uint64_t sizes[] = {50, 80, 30, 31};
    int good = 1;

    for (int i = 0; i < 60; i++) {
        good &= request(o.zone, apr_psprintf(pool, "k%d", i), 5,
                        1 + (apr_size_t)i % 10, counts) == APR_SUCCESS;
    }
    claim(o.zone, "claimed", 5, &c);
    close_zone(&o);
    for (int s = 0; s < 4; s++) {
        o = open_zone(path, 100 + sizes[s], sizes[s]);
        for (int i = 31; i < 60; i++) {
            apr_size_t n = 1 + (apr_size_t)i % 10;

            good &= recall(o.zone, apr_psprintf(pool, "k%d", i), 1000 + n, counts,
                           n) == APR_SUCCESS &&
                    counts[0] == (uint64_t)i + 1;
        }
        close_zone(&o);
    }
    ok(good, "keys and their answers go along with a file, also into other sizes");
    o = open_zone(path, 131, 31);
    is(claim(o.zone, "claimed", 6, &c), APR_SUCCESS,
       "the claims of a server that is gone are free");
    close_zone(&o);
    o = open_zone(path, 131, 0);
    is(o.rv, APR_SUCCESS, "and a file can do without keys");
    close_zone(&o);
}

int main(void)
{
    const char *rounds = getenv("PLAYCOUNT_ROUNDS");

    pool = test_pool();
    alarm(300);
    the_way_of_a_key();
    eviction();
    dead_owners();
    retries(rounds ? 100 * atoi(rounds) : 40000);
    files();
    return done_testing();
}

/* What the unit tests share: a zone in memory, and children that end with the test.
 */
#ifndef PLAYCOUNT_TEST_FIXTURE_H
#define PLAYCOUNT_TEST_FIXTURE_H

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "apr_general.h"
#include "apr_global_mutex.h"
#include "apr_strings.h"

#include "shm/zone/zone.h"
#include "t/tap.h"

/* A child that does not outlive its test, however that ends. */
static inline pid_t test_fork(void)
{
    pid_t test = getpid(), child = fork();

    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != test) { /* it has ended before */
            _exit(1);
        }
    }
    return child;
}

static inline apr_pool_t *test_pool(void)
{
    apr_pool_t *pool;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    return pool;
}

/* A zone in memory that children share. */
static inline playcount_zone *test_zone(apr_pool_t *pool, uint64_t songs,
                                        uint64_t keys)
{
    playcount_zone_size size = {songs, keys};
    apr_global_mutex_t *lock;
    void *memory = mmap(NULL, playcount_zone_bytes(&size), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED ||
        apr_global_mutex_create(&lock, NULL, APR_LOCK_PROC_PTHREAD, pool) !=
            APR_SUCCESS ||
        playcount_zone_format(memory, &size) != APR_SUCCESS) {
        printf("# no zone\n");
        exit(1);
    }
    return playcount_zone_attach(pool, memory, lock);
}

/* Add, and give the new count; 0 when refused. */
static inline uint64_t add(playcount_zone *z, const char *id, uint64_t by)
{
    uint64_t count = 0;
    apr_status_t rv = playcount_zone_add(z, id, strlen(id), by, &count);

    return rv == APR_SUCCESS ? count : 0;
}

static inline uint64_t get(playcount_zone *z, const char *id)
{
    return playcount_zone_get(z, id, strlen(id));
}

static inline apr_status_t add_many(playcount_zone *z, const char **ids,
                                    uint64_t by, apr_size_t n,
                                    const playcount_claim *claim, uint64_t *counts)
{
    playcount_play *plays = calloc(n, sizeof(*plays));
    apr_status_t rv;

    for (apr_size_t i = 0; i < n; i++) {
        plays[i].id = ids[i];
        plays[i].length = (uint8_t)strlen(ids[i]);
        plays[i].by = by;
        plays[i].hash = playcount_zone_hash(z, ids[i], plays[i].length);
    }
    rv = playcount_zone_add_many(z, plays, n, claim);
    for (apr_size_t i = 0; counts && i < n; i++) {
        counts[i] = plays[i].count;
    }
    free(plays);
    return rv;
}

/* The listing as the HTTP interface would give it, without its escapes. */
static inline const char *listing(apr_pool_t *pool, playcount_zone *z)
{
    playcount_cursor c;
    playcount_song song;
    const char *all = "";

    for (playcount_zone_begin(z, &c); playcount_zone_next(z, &c, &song);) {
        all = apr_psprintf(pool, "%s%s%.*s=%" PRIu64, all, *all ? "," : "",
                           (int)song.length, song.id, song.count);
    }
    return all;
}

#endif

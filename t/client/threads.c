/* One client, many threads: `threads SERVER THREADS PLAYS`. Each thread plays its
 * own song and a common one, and every common count must come once. Prints what is
 * wrong. */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "client/playcount.h"

typedef struct {
    pthread_t thread;
    playcount_client *client;
    uint64_t *counts; /* that the common song had */
    long plays;
    int64_t own;
    uint64_t own_count;
    int failed;
} worker;

static void *work(void *context)
{
    worker *w = context;
    playcount_error error;
    for (long i = 0; i < w->plays; i++) {
        playcount_song both[2] = {{.id = "many-1", .by = 1},
                                  {.id = "many-2", .by = 2}};
        if (playcount_play(w->client, "common", &w->counts[i], &error) !=
                PLAYCOUNT_OK ||
            playcount_play_number(w->client, w->own, &w->own_count, &error) !=
                PLAYCOUNT_OK ||
            playcount_add_many(w->client, both, 2, &error) != PLAYCOUNT_OK ||
            playcount_get_number(w->client, w->own, &w->own_count, &error) !=
                PLAYCOUNT_OK) {
            printf("%s\n", error.sentence);
            w->failed = 1;
            return NULL;
        }
    }
    return NULL;
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
    playcount_options options;
    playcount_error error;
    int failed = 0;

    if (argc != 4) {
        return 2;
    }
    long threads = atol(argv[2]), plays = atol(argv[3]);
    playcount_options_init(&options);
    options.servers = (const char *const *)&argv[1];
    options.servers_n = 1;
    options.timeout_ms = options.attempt_ms = 60000;
    playcount_client *client = playcount_open(&options, &error);
    if (!client) {
        return 2;
    }
    uint64_t *counts = calloc((size_t)(threads * plays), sizeof(*counts));
    worker *workers = calloc((size_t)threads, sizeof(*workers));
    for (long t = 0; t < threads; t++) {
        workers[t] = (worker){.client = client,
                              .counts = counts + t * plays,
                              .plays = plays,
                              .own = -t};
        pthread_create(&workers[t].thread, NULL, work, &workers[t]);
    }
    for (long t = 0; t < threads; t++) {
        pthread_join(workers[t].thread, NULL);
        failed |= workers[t].failed || workers[t].own_count != (uint64_t)plays;
    }
    qsort(counts, (size_t)(threads * plays), sizeof(*counts), by_value);
    for (long i = 0; i < threads * plays; i++) {
        if (counts[i] != (uint64_t)i + 1) {
            printf("count %ld is %" PRIu64 "\n", i + 1, counts[i]);
            failed = 1;
            break;
        }
    }
    playcount_close(client);
    free(workers);
    free(counts);
    return failed;
}

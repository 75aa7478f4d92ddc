/* A collector on the command line, for t/client/collector.t:
 *
 *     collect NAME=VALUE... SERVER...
 *
 * NAME is songs, interval, backlog, keys (options of the collector), timeout or
 * retries (of the client), threads. Reads from the standard input:
 *
 *     ID BY         collect; `refused STATUS` if it was not taken
 *     flush         and say `flushed STATUS`
 *     wait FILE     until there is such a file
 *     many N ID     each thread collects N plays of the song, one by one
 *     again         send again what has been handed back, under its keys
 *
 * and says `back SERVER UNCERTAIN STATUS KEY ID=BY,...` for what is handed back,
 * and at the end `closed STATUS`.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/playcount.h"

#include <stdio.h>

enum { BATCHES_MAX = 1000 };

static playcount_client *client;
static playcount_collector *collector;
static playcount_parcel kept[BATCHES_MAX];
static size_t kept_n;
static long threads = 1;

static void back(void *context, const playcount_batch *batch,
                 const playcount_error *why)
{
    (void)context;
    printf("back %d %d %d %s ", batch->server, why->uncertain, (int)why->status,
           batch->key);
    playcount_song *songs = calloc(batch->n, sizeof(*songs));
    for (size_t i = 0; i < batch->n; i++) {
        printf("%s%s=%" PRIu64, i ? "," : "", batch->songs[i].id,
               batch->songs[i].by);
        songs[i].id = strdup(batch->songs[i].id);
        songs[i].by = batch->songs[i].by;
    }
    printf(" # %s\n", why->sentence);
    fflush(stdout);
    if (kept_n == BATCHES_MAX) {
        abort();
    }
    kept[kept_n] = *batch;
    kept[kept_n++].songs = songs;
}

static void collect(const char *id, uint64_t by)
{
    playcount_error error;
    if (playcount_collect(collector, id, by, &error) != PLAYCOUNT_OK) {
        printf("refused %d # %s\n", (int)error.status, error.sentence);
        fflush(stdout);
    }
}

typedef struct {
    const char *id;
    long n;
} plays;

static void *play(void *context)
{
    plays *p = context;
    for (long i = 0; i < p->n; i++) {
        collect(p->id, 1);
    }
    return NULL;
}

static void many(long n, const char *id)
{
    pthread_t ids[64];
    plays p = {.id = id, .n = n};
    for (long t = 0; t < threads; t++) {
        pthread_create(&ids[t], NULL, play, &p);
    }
    for (long t = 0; t < threads; t++) {
        pthread_join(ids[t], NULL);
    }
}

static void obey(const char *line)
{
    char word[512];
    long n;
    unsigned long long by;

    if (strcmp(line, "flush") == 0) {
        playcount_error error;
        playcount_status status = playcount_collector_flush(collector, &error);
        printf("flushed %d # %s\n", (int)status, error.sentence);
        fflush(stdout);
    }
    else if (strcmp(line, "again") == 0) {
        playcount_status status = playcount_send(client, kept, kept_n, NULL, NULL);
        printf("again %d\n", (int)status);
        fflush(stdout);
    }
    else if (sscanf(line, "wait %511s", word) == 1) {
        while (access(word, F_OK) != 0) {
            usleep(5000);
        }
    }
    else if (sscanf(line, "many %ld %511s", &n, word) == 2) {
        many(n, word);
    }
    else if (sscanf(line, "%511s %llu", word, &by) == 2) {
        collect(word, by);
    }
}

static int set(const char *word, playcount_options *options,
               playcount_collector_options *collecting)
{
    const char *equals = strchr(word, '=');
    if (!equals) {
        return 0;
    }
    long value = atol(equals + 1);
    switch (*word) {
    case 's':
        collecting->songs = (size_t)value;
        break;
    case 'i':
        collecting->interval_ms = value;
        break;
    case 'b':
        collecting->backlog = (size_t)value;
        break;
    case 'k':
        collecting->key_seconds = value;
        break;
    case 'r':
        options->retries = (int)value;
        break;
    default:
        *(word[1] == 'i' ? &options->timeout_ms : &threads) = value;
    }
    return 1;
}

int main(int argc, char **argv)
{
    playcount_collector_options collecting;
    playcount_options options;
    playcount_error error;
    char line[1024];

    playcount_options_init(&options);
    playcount_collector_options_init(&collecting);
    collecting.hand_back = back;
    int i = 1;
    while (i < argc && set(argv[i], &options, &collecting)) {
        i++;
    }
    options.servers = (const char *const *)argv + i;
    options.servers_n = (size_t)(argc - i);
    client = playcount_open(&options, &error);
    collector =
        client ? playcount_collector_open(client, &collecting, &error) : NULL;
    if (!collector) {
        fprintf(stderr, "%s\n", error.sentence);
        return 1;
    }
    while (fgets(line, sizeof(line), stdin)) {
        line[strcspn(line, "\n")] = '\0';
        if (strcmp(line, "close") == 0) {
            break;
        }
        obey(line);
    }
    playcount_status status = playcount_collector_close(collector, &error);
    printf("closed %d # %s\n", (int)status, error.sentence);
    fflush(stdout);
    while (fgets(line, sizeof(line), stdin)) { /* after close only again and wait */
        line[strcspn(line, "\n")] = '\0';
        obey(line);
    }
    playcount_close(client);
    for (size_t k = 0; k < kept_n; k++) {
        for (size_t s = 0; s < kept[k].n; s++) {
            free((char *)kept[k].songs[s].id);
        }
        free(kept[k].songs);
    }
    return 0;
}

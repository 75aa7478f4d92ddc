/* A collector: a queue for each server. See queue.h. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "client/error.h"
#include "client/queue.h"

void playcount_collector_options_init(playcount_collector_options *options)
{
    memset(options, 0, sizeof(*options));
    options->songs = 1000;
    options->interval_ms = 1000;
    options->backlog = 1000000;
    options->key_seconds = 82800;
}

static const char *fault(const playcount_collector_options *options)
{
    if (!options->hand_back) {
        return "a collector needs a function that plays are handed back to";
    }
    if (options->songs < 1 || options->songs > PLAYCOUNT_BATCH_SONGS) {
        return "a collector's batch must be 1 to 65536 songs";
    }
    if (options->interval_ms < 1 || options->interval_ms > 3600000) {
        return "a collector's interval must be 1 to 3600000 milliseconds";
    }
    if (options->backlog < 1 || options->backlog > INT32_MAX ||
        options->key_seconds < 1) {
        return "a collector's backlog and time of keys must be at least 1";
    }
    return NULL;
}

playcount_collector *
playcount_collector_open(playcount_client *client,
                         const playcount_collector_options *options,
                         playcount_error *error)
{
    playcount_error_clear(error);
    const char *wrong = fault(options);
    if (wrong) {
        playcount_fail(error, PLAYCOUNT_E_USAGE, -1, "%s", wrong);
        return NULL;
    }
    playcount_collector *collector = calloc(1, sizeof(*collector));
    playcount_queue *queues = calloc(client->servers_n, sizeof(*queues));
    if (!collector || !queues) {
        free(collector);
        free(queues);
        playcount_fail(error, PLAYCOUNT_E_MEMORY, -1, "no memory for a collector");
        return NULL;
    }
    collector->client = client;
    collector->options = *options;
    collector->queues = queues;
    playcount_error_clear(&collector->handed);
    pthread_mutex_init(&collector->handing, NULL);
    for (size_t i = 0; i < client->servers_n; i++) {
        if (playcount_queue_start(&queues[i], collector, (int)i)) {
            playcount_collector_close(collector, NULL);
            playcount_fail(error, PLAYCOUNT_E_MEMORY, -1,
                           "a thread could not be started");
            return NULL;
        }
        collector->running++;
    }
    return collector;
}

playcount_status playcount_collect(playcount_collector *collector, const char *id,
                                   uint64_t by, playcount_error *error)
{
    playcount_error_clear(error);
    const playcount_server *server = playcount_find(collector->client, id, error);
    if (!server) {
        return PLAYCOUNT_E_USAGE;
    }
    if (by < 1 || by > PLAYCOUNT_COUNT_MAX) {
        return playcount_fail(error, PLAYCOUNT_E_USAGE, -1,
                              "plays must be 1 to 2^63-1, not %" PRIu64, by);
    }
    playcount_queue *q = &collector->queues[server->number];
    playcount_status status = PLAYCOUNT_OK;

    pthread_mutex_lock(&q->lock);
    size_t before = q->tally.n;
    if (q->held >= collector->options.backlog) {
        status = playcount_fail(
            error, PLAYCOUNT_E_BACKLOG, server->number,
            "%s: %zu songs are waiting to be sent to it, which is as "
            "many as may",
            server->name, q->held);
    }
    else if (playcount_tally_add(&q->tally, id, by) < 0) {
        status =
            playcount_fail(error, PLAYCOUNT_E_MEMORY, -1, "no memory for a play");
    }
    if (q->tally.n > before) {
        q->held++;
        if (before == 0) {
            q->since = playcount_now_ms();
        }
        if (before == 0 || q->tally.n == collector->options.songs) {
            pthread_cond_signal(&q->wake);
        }
    }
    pthread_mutex_unlock(&q->lock);
    return status;
}

/* Ask every queue at once, then wait for each. */
static playcount_status flush_all(playcount_collector *collector,
                                  playcount_error *error)
{
    playcount_status status = PLAYCOUNT_OK;

    for (size_t i = 0; i < collector->running; i++) {
        playcount_queue *q = &collector->queues[i];
        pthread_mutex_lock(&q->lock);
        q->asked++;
        pthread_cond_signal(&q->wake);
        pthread_mutex_unlock(&q->lock);
    }
    for (size_t i = 0; i < collector->running; i++) {
        playcount_queue *q = &collector->queues[i];
        pthread_mutex_lock(&q->lock);
        uint64_t mine = q->asked;
        while (q->done < mine) {
            pthread_cond_wait(&q->flushed, &q->lock);
        }
        if (q->left && status == PLAYCOUNT_OK) {
            playcount_error_pass(error, &q->why);
            status = PLAYCOUNT_E_PARTLY;
        }
        pthread_mutex_unlock(&q->lock);
    }
    if (error && status != PLAYCOUNT_OK) {
        error->status = status;
    }
    return status;
}

playcount_status playcount_collector_flush(playcount_collector *collector,
                                           playcount_error *error)
{
    playcount_error_clear(error);
    return flush_all(collector, error);
}

playcount_status playcount_collector_close(playcount_collector *collector,
                                           playcount_error *error)
{
    playcount_error_clear(error);
    if (!collector) {
        return PLAYCOUNT_OK;
    }
    flush_all(collector, NULL);
    for (size_t i = 0; i < collector->running; i++) {
        playcount_queue_stop(&collector->queues[i]);
    }
    playcount_status status = collector->handed.status;
    if (status != PLAYCOUNT_OK) {
        status = collector->handed.status = PLAYCOUNT_E_PARTLY;
        playcount_error_pass(error, &collector->handed);
    }
    pthread_mutex_destroy(&collector->handing);
    free(collector->queues);
    free(collector);
    return status;
}

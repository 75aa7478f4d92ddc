/* A queue and its thread. See queue.h. */
#include <stdlib.h>
#include <time.h>

#include "client/error.h"
#include "client/queue.h"

static void hand_back(playcount_collector *collector, playcount_queued *entry)
{
    pthread_mutex_lock(&collector->handing);
    if (collector->handed.status == PLAYCOUNT_OK) {
        collector->handed = entry->why;
    }
    collector->options.hand_back(collector->options.context, &entry->batch,
                                 &entry->why);
    pthread_mutex_unlock(&collector->handing);
}

/* Make batches of the whole tally, behind the others. Not 0: no memory, and the
 * tally stays as it is. Locked. */
static int seal(playcount_queue *q)
{
    playcount_queued *batches = NULL, **end = &batches;
    size_t most = q->collector->options.songs;

    for (size_t from = 0, n; from < q->tally.n; from += n) {
        n = playcount_pack_measure(&q->tally, from, most);
        playcount_queued *entry =
            playcount_queued_from(&q->tally, from, n, q->server);
        if (!entry) {
            while (batches) { /* all or nothing */
                playcount_queued *next = batches->next;
                playcount_queued_free(batches);
                batches = next;
            }
            q->since = playcount_now_ms();
            return -1;
        }
        *end = entry;
        end = &entry->next;
    }
    playcount_queued **last = &q->first;
    while (*last) {
        last = &(*last)->next;
    }
    *last = batches;
    playcount_tally_clear(&q->tally);
    return 0;
}

static void push_front(playcount_queue *q, playcount_queued *entry)
{
    entry->next = q->first;
    q->first = entry;
}

/* In place of a batch, its halves; without memory for them, the batch itself,
 * later. */
static void split(playcount_queue *q, playcount_queued *entry)
{
    playcount_queued *one = playcount_queued_half(entry, 0);
    playcount_queued *two = playcount_queued_half(entry, 1);
    if (!one || !two) {
        playcount_queued_free(one);
        playcount_queued_free(two);
        entry->not_before = playcount_now_ms() + 1000;
        push_front(q, entry);
        return;
    }
    push_front(q, two);
    push_front(q, one);
    playcount_queued_free(entry);
}

/* Send the first batch of the queue. 0 when the server has failed. Locked, but not
 * while it waits. */
static int send_first(playcount_queue *q)
{
    playcount_collector *collector = q->collector;
    playcount_queued *entry = q->first;
    playcount_error error;

    q->first = entry->next;
    pthread_mutex_unlock(&q->lock);
    playcount_send(collector->client, &entry->batch, 1, NULL, &error);
    playcount_queued_outcome outcome = playcount_queued_judge(
        entry, &error, playcount_now_ms(), collector->options.key_seconds);
    if (outcome == PLAYCOUNT_QUEUED_REFUSED) {
        hand_back(collector, entry);
    }
    pthread_mutex_lock(&q->lock);
    switch (outcome) {
    case PLAYCOUNT_QUEUED_RETRY:
        q->why = entry->why;
        push_front(q, entry);
        return 0;
    case PLAYCOUNT_QUEUED_SPLIT:
        split(q, entry);
        return 1;
    default:
        q->held -= entry->batch.n;
        playcount_queued_free(entry);
        return 1;
    }
}

static int tally_due(const playcount_queue *q, int64_t now)
{
    const playcount_collector_options *options = &q->collector->options;
    return q->tally.n >= options->songs ||
           (q->tally.n && now - q->since >= options->interval_ms);
}

/* Sleep until something is due, at most until then. Locked. */
static void doze(playcount_queue *q, int64_t now)
{
    int64_t until = now + 60000;
    struct timespec at;

    if (q->tally.n && q->since + q->collector->options.interval_ms < until) {
        until = q->since + q->collector->options.interval_ms;
    }
    if (q->first && q->first->not_before < until) {
        until = q->first->not_before;
    }
    until = until > now ? until : now + 1;
    at.tv_sec = (time_t)(until / 1000);
    at.tv_nsec = until % 1000 * 1000000;
    pthread_cond_timedwait(&q->wake, &q->lock, &at);
}

/* Send all there is, until the server fails. Locked. */
static void flush(playcount_queue *q)
{
    uint64_t asked = q->asked;
    int failed = seal(q);
    while (q->first && send_first(q)) {
    }
    q->left = failed || q->first;
    q->done = asked;
    pthread_cond_broadcast(&q->flushed);
}

static void *run(void *context)
{
    playcount_queue *q = context;

    pthread_mutex_lock(&q->lock);
    for (;;) {
        int64_t now = playcount_now_ms();
        if (q->asked > q->done) {
            flush(q);
        }
        else if (q->closing) {
            break;
        }
        else if (tally_due(q, now)) {
            if (seal(q)) {
                doze(q, now); /* try again after an interval */
            }
        }
        else if (q->first && q->first->not_before <= now) {
            send_first(q);
        }
        else {
            doze(q, now);
        }
    }
    pthread_mutex_unlock(&q->lock);
    return NULL;
}

int playcount_queue_start(playcount_queue *q, playcount_collector *collector,
                          int server)
{
    pthread_condattr_t monotonic;

    q->collector = collector;
    q->server = server;
    playcount_error_clear(&q->why);
    pthread_mutex_init(&q->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&q->wake, &monotonic);
    pthread_cond_init(&q->flushed, NULL);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&q->thread, NULL, run, q) == 0) {
        return 0;
    }
    pthread_cond_destroy(&q->flushed);
    pthread_cond_destroy(&q->wake);
    pthread_mutex_destroy(&q->lock);
    return -1;
}

/* Hand back songs for which there was never memory to make a batch. */
static void hand_back_tally(playcount_queue *q)
{
    for (size_t i = 0; i < q->tally.n; i++) {
        playcount_song song = {.id = playcount_tally_id(&q->tally, i),
                               .by = q->tally.songs[i].sum};
        playcount_queued entry = {
            .batch = {.server = q->server, .songs = &song, .n = 1}};
        playcount_new_key(entry.batch.key);
        playcount_fail(&entry.why, PLAYCOUNT_E_MEMORY, q->server,
                       "no memory for a batch");
        hand_back(q->collector, &entry);
    }
}

void playcount_queue_stop(playcount_queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->closing = 1;
    pthread_cond_signal(&q->wake);
    pthread_mutex_unlock(&q->lock);
    pthread_join(q->thread, NULL);
    while (q->first) {
        playcount_queued *entry = q->first;
        q->first = entry->next;
        if (entry->why.status == PLAYCOUNT_OK) {
            entry->why = q->why; /* never sent: the one before it failed */
            entry->why.uncertain = 0;
        }
        hand_back(q->collector, entry);
        playcount_queued_free(entry);
    }
    hand_back_tally(q);
    pthread_cond_destroy(&q->flushed);
    pthread_cond_destroy(&q->wake);
    pthread_mutex_destroy(&q->lock);
    playcount_tally_free(&q->tally);
}

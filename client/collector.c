/* A collector: a shelf for each server, each with a thread that sends.
 *
 *     playcount_collect()                                     the shelf's thread
 *       ----------------> tally --- full, or old enough ---> bags ------> server
 *                                                             ^    |
 *                                                             +----+ failed: later
 *
 * A song lies in the tally or in one bag. The tally, the queue of bags and the
 * figures of a shelf are guarded by its lock, which is never held during a request
 * or a hand-back.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/bag.h"
#include "client/error.h"

typedef struct {
    playcount_collector *collector;
    int server;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;    /* the thread has something to do */
    pthread_cond_t flushed; /* .done has changed */
    playcount_tally tally;
    int64_t since;        /* when the tally's first play came; ms */
    playcount_bag *first; /* the queue */
    size_t held;          /* songs in the tally and in bags */
    uint64_t asked, done; /* flushes */
    int left;             /* the last flush left something behind */
    int closing;
    playcount_error why; /* the last failure to send */
} shelf;

struct playcount_collector {
    playcount_client *client;
    playcount_collector_options options;
    shelf *shelves;
    size_t running;          /* shelves whose thread was started */
    pthread_mutex_t handing; /* held during hand_back() */
    playcount_error handed;  /* why something was handed back first */
};

void playcount_collector_options_init(playcount_collector_options *options)
{
    memset(options, 0, sizeof(*options));
    options->songs = 1000;
    options->interval_ms = 1000;
    options->backlog = 1000000;
    options->key_seconds = 82800;
}

static void hand_back(playcount_collector *collector, playcount_bag *bag)
{
    pthread_mutex_lock(&collector->handing);
    if (collector->handed.status == PLAYCOUNT_OK) {
        collector->handed = bag->why;
    }
    collector->options.hand_back(collector->options.context, &bag->parcel,
                                 &bag->why);
    pthread_mutex_unlock(&collector->handing);
}

/* Make bags of the whole tally, behind the others. Not 0: no memory, and the tally
 * stays as it is. Locked. */
static int seal(shelf *s)
{
    playcount_bag *bags = NULL, **end = &bags;
    size_t most = s->collector->options.songs;

    for (size_t from = 0, n; from < s->tally.n; from += n) {
        n = playcount_pack_measure(&s->tally, from, most);
        playcount_bag *bag = playcount_bag_of(&s->tally, from, n, s->server);
        if (!bag) {
            while (bags) { /* all or nothing */
                playcount_bag *next = bags->next;
                playcount_bag_free(bags);
                bags = next;
            }
            s->since = playcount_now_ms();
            return -1;
        }
        *end = bag;
        end = &bag->next;
    }
    playcount_bag **last = &s->first;
    while (*last) {
        last = &(*last)->next;
    }
    *last = bags;
    playcount_tally_clear(&s->tally);
    return 0;
}

static void push_front(shelf *s, playcount_bag *bag)
{
    bag->next = s->first;
    s->first = bag;
}

/* In place of a bag, its halves; without memory for them, the bag itself, later. */
static void split(shelf *s, playcount_bag *bag)
{
    playcount_bag *one = playcount_bag_half(bag, 0);
    playcount_bag *two = playcount_bag_half(bag, 1);
    if (!one || !two) {
        playcount_bag_free(one);
        playcount_bag_free(two);
        bag->not_before = playcount_now_ms() + 1000;
        push_front(s, bag);
        return;
    }
    push_front(s, two);
    push_front(s, one);
    playcount_bag_free(bag);
}

/* Send the first bag of the queue. 0 when the server has failed. Locked, but not
 * while it waits. */
static int send_first(shelf *s)
{
    playcount_collector *collector = s->collector;
    playcount_bag *bag = s->first;
    playcount_error error;

    s->first = bag->next;
    pthread_mutex_unlock(&s->lock);
    playcount_send(collector->client, &bag->parcel, 1, NULL, &error);
    playcount_bag_fate fate = playcount_bag_judge(bag, &error, playcount_now_ms(),
                                                  collector->options.key_seconds);
    if (fate == PLAYCOUNT_BAG_REFUSED) {
        hand_back(collector, bag);
    }
    pthread_mutex_lock(&s->lock);
    switch (fate) {
    case PLAYCOUNT_BAG_AGAIN:
        s->why = bag->why;
        push_front(s, bag);
        return 0;
    case PLAYCOUNT_BAG_SPLIT:
        split(s, bag);
        return 1;
    default:
        s->held -= bag->parcel.n;
        playcount_bag_free(bag);
        return 1;
    }
}

static int tally_due(const shelf *s, int64_t now)
{
    const playcount_collector_options *options = &s->collector->options;
    return s->tally.n >= options->songs ||
           (s->tally.n && now - s->since >= options->interval_ms);
}

/* Sleep until something is due, at most until then. Locked. */
static void doze(shelf *s, int64_t now)
{
    int64_t until = now + 60000;
    struct timespec at;

    if (s->tally.n && s->since + s->collector->options.interval_ms < until) {
        until = s->since + s->collector->options.interval_ms;
    }
    if (s->first && s->first->not_before < until) {
        until = s->first->not_before;
    }
    until = until > now ? until : now + 1;
    at.tv_sec = (time_t)(until / 1000);
    at.tv_nsec = until % 1000 * 1000000;
    pthread_cond_timedwait(&s->wake, &s->lock, &at);
}

/* Send all there is, until the server fails. Locked. */
static void flush(shelf *s)
{
    uint64_t asked = s->asked;
    int failed = seal(s);
    while (s->first && send_first(s)) {
    }
    s->left = failed || s->first;
    s->done = asked;
    pthread_cond_broadcast(&s->flushed);
}

static void *run(void *context)
{
    shelf *s = context;

    pthread_mutex_lock(&s->lock);
    for (;;) {
        int64_t now = playcount_now_ms();
        if (s->asked > s->done) {
            flush(s);
        }
        else if (s->closing) {
            break;
        }
        else if (tally_due(s, now)) {
            if (seal(s)) {
                doze(s, now); /* try again after an interval */
            }
        }
        else if (s->first && s->first->not_before <= now) {
            send_first(s);
        }
        else {
            doze(s, now);
        }
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

static int shelf_start(shelf *s, playcount_collector *collector, int server)
{
    pthread_condattr_t monotonic;

    s->collector = collector;
    s->server = server;
    playcount_error_clear(&s->why);
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&s->wake, &monotonic);
    pthread_cond_init(&s->flushed, NULL);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&s->thread, NULL, run, s) == 0) {
        return 0;
    }
    pthread_cond_destroy(&s->flushed);
    pthread_cond_destroy(&s->wake);
    pthread_mutex_destroy(&s->lock);
    return -1;
}

/* Hand back songs for which there was never memory to make a bag. */
static void hand_back_tally(shelf *s)
{
    for (size_t i = 0; i < s->tally.n; i++) {
        playcount_song song = {.id = playcount_tally_id(&s->tally, i),
                               .by = s->tally.songs[i].sum};
        playcount_bag bag = {
            .parcel = {.server = s->server, .songs = &song, .n = 1}};
        playcount_new_key(bag.parcel.key);
        playcount_fail(&bag.why, PLAYCOUNT_E_MEMORY, s->server,
                       "no memory for a batch");
        hand_back(s->collector, &bag);
    }
}

/* End the thread and hand back what is left. */
static void shelf_stop(shelf *s)
{
    pthread_mutex_lock(&s->lock);
    s->closing = 1;
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    while (s->first) {
        playcount_bag *bag = s->first;
        s->first = bag->next;
        if (bag->why.status == PLAYCOUNT_OK) {
            bag->why = s->why; /* never sent: the one before it failed */
            bag->why.uncertain = 0;
        }
        hand_back(s->collector, bag);
        playcount_bag_free(bag);
    }
    hand_back_tally(s);
    pthread_cond_destroy(&s->flushed);
    pthread_cond_destroy(&s->wake);
    pthread_mutex_destroy(&s->lock);
    playcount_tally_free(&s->tally);
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
    shelf *shelves = calloc(client->servers_n, sizeof(*shelves));
    if (!collector || !shelves) {
        free(collector);
        free(shelves);
        playcount_fail(error, PLAYCOUNT_E_MEMORY, -1, "no memory for a collector");
        return NULL;
    }
    collector->client = client;
    collector->options = *options;
    collector->shelves = shelves;
    playcount_error_clear(&collector->handed);
    pthread_mutex_init(&collector->handing, NULL);
    for (size_t i = 0; i < client->servers_n; i++) {
        if (shelf_start(&shelves[i], collector, (int)i)) {
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
    shelf *s = &collector->shelves[server->number];
    playcount_status status = PLAYCOUNT_OK;

    pthread_mutex_lock(&s->lock);
    size_t before = s->tally.n;
    if (s->held >= collector->options.backlog) {
        status = playcount_fail(
            error, PLAYCOUNT_E_BACKLOG, server->number,
            "%s: %zu songs are waiting to be sent to it, which is as "
            "many as may",
            server->name, s->held);
    }
    else if (playcount_tally_add(&s->tally, id, by) < 0) {
        status =
            playcount_fail(error, PLAYCOUNT_E_MEMORY, -1, "no memory for a play");
    }
    if (s->tally.n > before) {
        s->held++;
        if (before == 0) {
            s->since = playcount_now_ms();
        }
        if (before == 0 || s->tally.n == collector->options.songs) {
            pthread_cond_signal(&s->wake);
        }
    }
    pthread_mutex_unlock(&s->lock);
    return status;
}

/* Ask every shelf at once, then wait for each. */
static playcount_status flush_all(playcount_collector *collector,
                                  playcount_error *error)
{
    playcount_status status = PLAYCOUNT_OK;

    for (size_t i = 0; i < collector->running; i++) {
        shelf *s = &collector->shelves[i];
        pthread_mutex_lock(&s->lock);
        s->asked++;
        pthread_cond_signal(&s->wake);
        pthread_mutex_unlock(&s->lock);
    }
    for (size_t i = 0; i < collector->running; i++) {
        shelf *s = &collector->shelves[i];
        pthread_mutex_lock(&s->lock);
        uint64_t mine = s->asked;
        while (s->done < mine) {
            pthread_cond_wait(&s->flushed, &s->lock);
        }
        if (s->left && status == PLAYCOUNT_OK) {
            playcount_error_pass(error, &s->why);
            status = PLAYCOUNT_E_PARTLY;
        }
        pthread_mutex_unlock(&s->lock);
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
        shelf_stop(&collector->shelves[i]);
    }
    playcount_status status = collector->handed.status;
    if (status != PLAYCOUNT_OK) {
        status = collector->handed.status = PLAYCOUNT_E_PARTLY;
        playcount_error_pass(error, &collector->handed);
    }
    pthread_mutex_destroy(&collector->handing);
    free(collector->shelves);
    free(collector);
    return status;
}

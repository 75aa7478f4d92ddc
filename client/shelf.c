/* A shelf and its thread. See shelf.h. */
#include <stdlib.h>
#include <time.h>

#include "client/error.h"
#include "client/shelf.h"

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
static int seal(playcount_shelf *s)
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

static void push_front(playcount_shelf *s, playcount_bag *bag)
{
    bag->next = s->first;
    s->first = bag;
}

/* In place of a bag, its halves; without memory for them, the bag itself, later. */
static void split(playcount_shelf *s, playcount_bag *bag)
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
static int send_first(playcount_shelf *s)
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

static int tally_due(const playcount_shelf *s, int64_t now)
{
    const playcount_collector_options *options = &s->collector->options;
    return s->tally.n >= options->songs ||
           (s->tally.n && now - s->since >= options->interval_ms);
}

/* Sleep until something is due, at most until then. Locked. */
static void doze(playcount_shelf *s, int64_t now)
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
static void flush(playcount_shelf *s)
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
    playcount_shelf *s = context;

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

int playcount_shelf_start(playcount_shelf *s, playcount_collector *collector,
                          int server)
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
static void hand_back_tally(playcount_shelf *s)
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

void playcount_shelf_stop(playcount_shelf *s)
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
